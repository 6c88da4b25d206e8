//! The HTTP messages of the opening handshake, for `-v` and `--jsonl`.

use std::borrow::Cow;

use ws_std::wsproto::handshake::{ClientRequest, Response};
use ws_std::{ClientOptions, Error};

/// Stands for the key: a nonce that only the connection itself knows.
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
        _ => None,
    }
}
