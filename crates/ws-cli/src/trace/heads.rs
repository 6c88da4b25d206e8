//! The heads of an opening handshake: their events, and the extensions that they agree on.

use ws_std::wsproto::Extensions;
use ws_std::wsproto::handshake::{
    DeflateOffer, HeadError, Request, RequestError, Response, ResponseError,
};

use super::event::TraceEvent;
use super::outcome::Failure;
use crate::extensions::{agreed, any_offer};

/// The failure of an opening handshake.
#[derive(Debug)]
pub(super) struct HeadFailure {
    pub(super) rule: String,
    pub(super) text: String,
}

macro_rules! head_failure {
    ($($error:ty),*) => {
        $(impl From<$error> for HeadFailure {
            fn from(error: $error) -> Self {
                Self { rule: format!("{error:?}"), text: error.to_string() }
            }
        })*
    };
}

head_failure!(HeadError, RequestError, ResponseError);

pub(super) fn undecodable(bytes: &[u8]) -> Failure {
    Failure::Input(match bytes {
        [0x16, 3, ..] => "the connection is encrypted (TLS): capture it behind the proxy that ends TLS, or without TLS".into(),
        _ => "the connection does not begin with an opening handshake: it began before the capture, or is no \
              WebSocket"
            .into(),
    })
}

pub(super) fn described_request(request: &Request) -> TraceEvent<'_> {
    TraceEvent::Request {
        method: request.method(),
        target: request.target(),
        host: request.host(),
        origin: request.origin(),
        subprotocols: request.subprotocols().collect(),
        extensions: request.extensions().map(|extension| extension.to_string()).collect(),
    }
}

pub(super) fn described_response(response: &Response) -> TraceEvent<'_> {
    let headers = response.headers();
    TraceEvent::Response {
        status: response.status(),
        subprotocol: headers.get("Sec-WebSocket-Protocol"),
        extensions: headers.get("Sec-WebSocket-Extensions"),
    }
}

/// Finds the extensions that a response has selected. Without its request, any valid selection is right.
pub(super) fn extensions(
    request: Option<&Request>,
    response: &Response,
) -> Result<Extensions, HeadFailure> {
    let offers: Vec<_> = match request {
        Some(request) => {
            request.extensions().filter_map(|offer| DeflateOffer::parse(&offer).ok()).collect()
        }
        None => vec![any_offer()],
    };
    agreed(response, offers).map_err(|text| HeadFailure { rule: "Extension".into(), text })
}
