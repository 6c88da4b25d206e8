//! The head of an opening handshake, and how a probe changes it.

use ws_std::wsproto::handshake::ClientRequest;

/// The fields that have no secret.
const KNOWN: [&str; 6] = [
    "Host",
    "Upgrade",
    "Connection",
    "Sec-WebSocket-Key",
    "Sec-WebSocket-Version",
    "Sec-WebSocket-Protocol",
];

/// A change that a probe makes to an ordinary request.
#[derive(Clone, Copy, Debug)]
pub(super) enum Change {
    /// Another method than GET.
    Method(&'static str),
    /// Another version than HTTP/1.1.
    Version(&'static str),
    /// The field is missing.
    Without(&'static str),
    /// The field has this value instead.
    Set(&'static str, &'static str),
    /// One more field.
    Add(&'static str, &'static str),
    /// One more field with a value of this many bytes.
    Fill(usize),
    /// All names of fields are in lower case.
    LowerCase,
    /// The head arrives in pieces.
    InPieces,
}

/// A request head. Fields of the user may have secrets.
#[derive(Clone, Debug)]
pub(super) struct Head {
    method: &'static str,
    target: String,
    version: &'static str,
    fields: Vec<Field>,
    /// Whether to send it in pieces.
    pub(super) in_pieces: bool,
}

#[derive(Clone, Debug)]
struct Field {
    name: String,
    value: Vec<u8>,
    /// Whether reports hide the value.
    hidden: bool,
}

impl Head {
    /// Creates an ordinary request, RFC 6455 section 4.1, and returns the key that its answer must prove.
    pub(super) fn new(request: &ClientRequest, nonce: [u8; 16]) -> (Self, String) {
        let mut encoded = Vec::new();
        request.encode(nonce, &mut encoded);
        // The engine writes no byte outside ASCII but in values of the user's fields.
        let lines = encoded.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end).skip(1);
        let mut fields = Vec::new();
        for line in lines.take_while(|line| !line.is_empty()) {
            let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
            let (name, value) = line.split_at(colon);
            let name = String::from_utf8_lossy(name).into_owned();
            let value = value.get(2..).unwrap_or_default().to_vec();
            let hidden = !KNOWN.iter().any(|known| name.eq_ignore_ascii_case(known));
            fields.push(Field { name, value, hidden });
        }
        let key = fields.iter().find(|field| field.is("Sec-WebSocket-Key"));
        let key = key.map(|field| String::from_utf8_lossy(&field.value).into_owned());
        let target = request.url().resource_name().to_owned();
        let head = Self { method: "GET", target, version: "HTTP/1.1", fields, in_pieces: false };
        (head, key.unwrap_or_default())
    }

    /// Makes a change.
    pub(super) fn change(&mut self, change: Change) {
        let visible =
            |name: &str, value: Vec<u8>| Field { name: name.into(), value, hidden: false };
        match change {
            Change::Method(method) => self.method = method,
            Change::Version(version) => self.version = version,
            Change::Without(name) => self.fields.retain(|field| !field.is(name)),
            Change::Set(name, value) => {
                let fields = self.fields.iter_mut().filter(|field| field.is(name));
                fields.for_each(|field| field.value = value.into());
            }
            Change::Add(name, value) => self.fields.push(visible(name, value.into())),
            Change::Fill(len) => self.fields.push(visible("X-Check", vec![b'x'; len])),
            Change::LowerCase => {
                self.fields.iter_mut().for_each(|field| field.name.make_ascii_lowercase());
            }
            Change::InPieces => self.in_pieces = true,
        }
    }

    /// Returns the bytes to send.
    pub(super) fn encode(&self) -> Vec<u8> {
        self.write(&self.target, |field| &field.value)
    }

    /// Returns the bytes to report: without the query and the values of the user's fields, which may be secrets.
    pub(super) fn shown(&self) -> Vec<u8> {
        let hidden = self.target.split_once('?').map(|(path, _)| format!("{path}?(hidden)"));
        let target = hidden.as_ref().unwrap_or(&self.target);
        self.write(target, |field| if field.hidden { b"(hidden)" } else { &field.value })
    }

    fn write<'a>(&'a self, target: &str, value: impl Fn(&'a Field) -> &'a [u8]) -> Vec<u8> {
        let line = format!("{} {target} {}\r\n", self.method, self.version);
        let mut bytes = line.into_bytes();
        for field in &self.fields {
            bytes.extend_from_slice(field.name.as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value(field));
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"\r\n");
        bytes
    }
}

impl Field {
    fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ordinary() -> Head {
        let request = ClientRequest::parse("ws://localhost:9001/chat?room=1").expect("a URL");
        let request = request.header("Cookie", "secret").expect("a field");
        let (head, key) = Head::new(&request, [1; 16]);
        assert_eq!(key, KEY);
        head
    }

    const KEY: &str = "AQEBAQEBAQEBAQEBAQEBAQ==";

    fn text(bytes: &[u8]) -> String {
        String::from_utf8(bytes.to_vec()).expect("ASCII")
    }

    #[test]
    fn an_ordinary_request_has_every_field_once() {
        let sent = text(&ordinary().encode());
        assert!(
            sent.starts_with("GET /chat?room=1 HTTP/1.1\r\nHost: localhost:9001\r\n"),
            "{sent}"
        );
        assert!(sent.ends_with("\r\n\r\n"), "{sent}");
        for field in ["Upgrade: websocket", "Connection: Upgrade", "Cookie: secret"]
            .into_iter()
            .chain(["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AQEBAQEBAQEBAQEBAQEBAQ=="])
        {
            assert_eq!(sent.matches(&format!("\r\n{field}\r\n")).count(), 1, "{field}: {sent}");
        }
    }

    #[test]
    fn reports_hide_what_may_be_secret() {
        let shown = text(&ordinary().shown());
        assert!(shown.contains("Cookie: (hidden)\r\n") && !shown.contains("secret"), "{shown}");
        assert!(shown.starts_with("GET /chat?(hidden) HTTP/1.1\r\n"), "{shown}");
        assert!(shown.contains(KEY), "{shown}");
    }

    #[test]
    fn changes_do_what_their_names_say() {
        let changed = |change| {
            let mut head = ordinary();
            head.change(change);
            text(&head.encode())
        };
        assert!(changed(Change::Method("POST")).starts_with("POST /chat?room=1 HTTP/1.1\r\n"));
        assert!(changed(Change::Version("HTTP/1.0")).starts_with("GET /chat?room=1 HTTP/1.0\r\n"));
        assert!(!changed(Change::Without("host")).contains("Host"));
        assert!(changed(Change::Set("upgrade", "h2c")).contains("\r\nUpgrade: h2c\r\n"));
        assert!(changed(Change::Add("X", "y")).ends_with("\r\nX: y\r\n\r\n"));
        assert!(changed(Change::Fill(3)).ends_with("\r\nX-Check: xxx\r\n\r\n"));
        assert!(changed(Change::LowerCase).contains("\r\nsec-websocket-version: 13\r\n"));
    }
}
