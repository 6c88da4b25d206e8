//! The opening handshake of the toy.

use std::io::Read;
use std::net::TcpStream;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ws_std::wsproto::handshake::accept_key;

use super::{Fault, write};

const LONGEST_HEAD: usize = 64 << 10;

/// Answers a request. Returns the bytes after it, and whether messages are inflated, if it was accepted.
pub(super) fn answer(stream: &mut TcpStream, fault: Fault) -> Option<(Vec<u8>, bool)> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 64 << 10]);
    let end = loop {
        let read = stream.read(&mut buffer).ok()?;
        bytes.extend_from_slice(&buffer[..read]);
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        match end {
            _ if read == 0 => return None,
            Some(end) if end < LONGEST_HEAD || fault == Fault::AnyHead => break end,
            None if fault == Fault::OneRead => return refuse(stream, "400 Bad Request", ""),
            None if bytes.len() < LONGEST_HEAD || fault == Fault::AnyHead => {}
            _ => return refuse(stream, "431 Request Header Fields Too Large", ""),
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let head = Head::parse(&head, fault);
    if let Err((status, fields)) = head.check() {
        return refuse(stream, status, fields);
    }
    let inflates = fault.inflates() && head.offer() == "permessage-deflate";
    write(stream, head.response().as_bytes())?;
    Some((bytes.split_off(end + 4), inflates))
}

fn refuse<T>(stream: &mut TcpStream, status: &str, fields: &str) -> Option<T> {
    let response = format!("HTTP/1.1 {status}\r\n{fields}Content-Length: 0\r\n\r\n");
    write(stream, response.as_bytes())?;
    None
}

struct Head<'a> {
    fault: Fault,
    line: &'a str,
    fields: Vec<(&'a str, &'a str)>,
}

impl<'a> Head<'a> {
    fn parse(head: &'a str, fault: Fault) -> Self {
        let mut lines = head.split("\r\n");
        let line = lines.next().unwrap_or_default();
        let fields = lines.filter_map(|line| line.split_once(": "));
        Self { fault, line, fields: fields.collect() }
    }

    fn all(&self, name: &str) -> Vec<&'a str> {
        let is = |key: &str| match self.fault {
            Fault::CaseOfNames => key == name,
            _ => key.eq_ignore_ascii_case(name),
        };
        self.fields.iter().filter(|(key, _)| is(key)).map(|(_, value)| *value).collect()
    }

    fn offer(&self) -> String {
        self.all("Sec-WebSocket-Extensions").join(", ")
    }

    fn check(&self) -> Result<(), (&'static str, &'static str)> {
        let fault = self.fault;
        let bad = ("400 Bad Request", "");
        let must =
            |obeyed: bool, fault_is: bool| if obeyed || fault_is { Ok(()) } else { Err(bad) };
        let is = |value: &str, word: &str| match fault {
            Fault::CaseOfValues => value == word,
            _ => value.eq_ignore_ascii_case(word),
        };
        must(self.line.starts_with("GET "), fault == Fault::AnyMethod)?;
        must(self.line.ends_with(" HTTP/1.1"), fault == Fault::AnyHttp)?;
        must(self.all("Host").len() == 1, fault == Fault::NoHost)?;
        let upgrade = self.all("Upgrade");
        must(upgrade.iter().any(|value| is(value, "websocket")), fault == Fault::NoUpgrade)?;
        let connection = self.all("Connection");
        let listed = match fault {
            Fault::OneConnection => connection == ["Upgrade"],
            _ => connection.iter().flat_map(|value| value.split(", ")).any(|it| is(it, "Upgrade")),
        };
        must(listed, fault == Fault::NoConnection)?;
        let keys = self.all("Sec-WebSocket-Key");
        match keys.as_slice() {
            [] => must(false, fault == Fault::NoKey)?,
            [key] => {
                let decoded = BASE64_STANDARD.decode(key).map(|bytes| bytes.len());
                must(decoded == Ok(16), fault == Fault::AnyKey)?;
            }
            _ => must(false, fault == Fault::TwoKeys)?,
        }
        match self.all("Sec-WebSocket-Version").as_slice() {
            ["13"] => Ok(()),
            [] => must(false, fault == Fault::NoVersion),
            _ if fault == Fault::AnyVersion => Ok(()),
            _ if fault == Fault::VersionUnnamed => Err(("426 Upgrade Required", "")),
            _ => Err(("426 Upgrade Required", "Sec-WebSocket-Version: 13\r\n")),
        }
    }

    fn response(&self) -> String {
        let fault = self.fault;
        let mut response = "HTTP/1.1 101 Switching Protocols\r\n".to_owned();
        let mut field = |name: &str, value: &str| {
            response.push_str(&format!("{name}: {value}\r\n"));
        };
        if fault != Fault::UpgradeUnanswered {
            field("Upgrade", "websocket");
        }
        if fault != Fault::ConnectionUnanswered {
            field("Connection", "Upgrade");
        }
        let key = self.all("Sec-WebSocket-Key").first().copied().unwrap_or_default();
        match fault {
            Fault::WrongAccept => field("Sec-WebSocket-Accept", &accept_key("another key")),
            _ => field("Sec-WebSocket-Accept", &accept_key(key)),
        }
        if fault == Fault::OwnSubprotocol {
            field("Sec-WebSocket-Protocol", "toy");
        }
        let offer = self.offer();
        let extension = match fault {
            Fault::OwnExtension => "x-toy",
            Fault::UnknownParameter if offer.contains("x_check") => "permessage-deflate",
            Fault::AnyWindow if offer.contains("=99") => "permessage-deflate",
            Fault::RepeatedParameter
                if offer.matches("server_no_context_takeover").count() == 2 =>
            {
                "permessage-deflate; server_no_context_takeover"
            }
            Fault::UnofferedWindow if offer == "permessage-deflate" => {
                "permessage-deflate; client_max_window_bits=10"
            }
            _ if fault.inflates() && offer == "permessage-deflate" => "permessage-deflate",
            _ => "",
        };
        if !extension.is_empty() {
            field("Sec-WebSocket-Extensions", extension);
        }
        response.push_str("\r\n");
        response
    }
}
