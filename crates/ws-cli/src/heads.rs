//! The HTTP messages of the opening handshake, for `-v` and `--jsonl`.

use std::borrow::Cow;

use ws_std::wsproto::handshake::{ClientRequest, Response};
use ws_std::{ClientOptions, Error, InvalidAnswer};

/// Shown in place of the key, a nonce that each connection draws (RFC 6455 section 4.1).
const KEY: &str = "(random)";

/// Returns the lines of a request's head, without line ends.
pub(crate) fn request_lines(request: &ClientRequest, options: &ClientOptions) -> Vec<String> {
    let mut head = Vec::new();
    request.clone().with_offers(&options.config).encode([0; 16], &mut head);
    let head = String::from_utf8_lossy(&head);
    let lines = head.lines().filter(|line| !line.is_empty());
    let shown = lines.map(|line| match line.split_once(':') {
        Some((name, _)) if name == "Sec-WebSocket-Key" => format!("{name}: {KEY}"),
        _ => line.to_owned(),
    });
    shown.collect()
}

/// Returns the header fields of a response.
pub(crate) fn response_fields(response: &Response) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
    response.headers().iter().map(|(name, value)| (name, String::from_utf8_lossy(value)))
}

/// Returns the lines of a response: those of its head and those of the body, each with a
/// mark: no line of a peer looks like one of this program.
pub(crate) fn response_lines(response: &Response) -> Vec<String> {
    let fields = response_fields(response).map(|(name, value)| format!("< {name}: {value}"));
    let body = String::from_utf8_lossy(response.body_bytes());
    let head = std::iter::once(format!("< HTTP/1.1 {}", response.status())).chain(fields);
    head.chain(body.lines().map(|line| format!("| {line}"))).collect()
}

/// Returns the response of an error, if a server or a proxy has sent one.
pub(crate) fn refusal(error: &Error) -> Option<&Response> {
    match error {
        Error::Http(response)
        | Error::ClientCertificate { response, .. }
        | Error::Proxy(ws_std::ProxyError::Refused(response)) => Some(response),
        Error::InvalidAnswer { answer, .. } => answer.response(),
        _ => None,
    }
}

/// Returns the lines of what a server or a proxy has answered, if anything: a response, or its bytes.
pub(crate) fn answer_lines(error: &Error) -> Vec<String> {
    match error {
        Error::InvalidAnswer { answer: InvalidAnswer::Bytes(bytes), .. } => byte_lines(bytes),
        error => refusal(error).map(response_lines).unwrap_or_default(),
    }
}

/// Returns the lines of an answer that is no response, with the bytes visible that are no printable ASCII.
fn byte_lines(bytes: &[u8]) -> Vec<String> {
    let lines = bytes.split_inclusive(|byte| *byte == b'\n');
    let text = |line: &[u8]| line.strip_suffix(b"\r\n").unwrap_or(line).escape_ascii().to_string();
    lines.map(|line| format!("< {}", text(line))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_visible() {
        let lines = byte_lines(b"SSH-2.0-x\r\n\x15\x03\nend");
        assert_eq!(lines, ["< SSH-2.0-x", "< \\x15\\x03\\n", "< end"]);
        assert!(byte_lines(b"").is_empty());
    }
}
