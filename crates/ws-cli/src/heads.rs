//! The HTTP messages of the opening handshake, for `-v` and `--jsonl`.

use std::borrow::Cow;

use ws_std::wsproto::handshake::{ClientRequest, Response};
use ws_std::{ClientOptions, Error};

use crate::terminal::{printable, visible};

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

/// Prints the head of a request on standard error.
pub(crate) fn print_request(request: &ClientRequest, options: &ClientOptions) {
    for line in request_lines(request, options) {
        eprintln!("> {}", printable(&line));
    }
}

/// Prints a response on standard error: its head, and the body if it refuses.
pub(crate) fn print_response(response: &Response) {
    eprintln!("< HTTP/1.1 {}", response.status());
    for (name, value) in response_fields(response) {
        eprintln!("< {}", printable(&format!("{name}: {value}")));
    }
    let body = String::from_utf8_lossy(response.body_bytes());
    if !body.is_empty() {
        eprintln!("{}", visible(body.trim_end()));
    }
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
