//! Heads of the crate `http` as those of the engine, and back.

use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, Version};
use hyper::ext::Protocol;
use wsproto::handshake::{PseudoHeaders, Request, RequestError, Response};

/// Reads the head of a request.
pub(super) fn read(
    method: &Method,
    uri: &Uri,
    version: Version,
    headers: &HeaderMap,
    extensions: &Extensions,
) -> Result<Request, RequestError> {
    match version {
        Version::HTTP_10 => Request::from_parts(method.as_str(), &uri.to_string(), 0, headers),
        Version::HTTP_11 => Request::from_parts(method.as_str(), &uri.to_string(), 1, headers),
        Version::HTTP_2 | Version::HTTP_3 => {
            let pseudo = PseudoHeaders {
                method: method.as_str(),
                protocol: extensions.get().map(Protocol::as_str),
                scheme: uri.scheme_str(),
                authority: uri.authority().map(http::uri::Authority::as_str),
                path: uri.path_and_query().map(http::uri::PathAndQuery::as_str),
            };
            Request::from_pseudo_headers(pseudo, headers)
        }
        _ => Err(RequestError::HttpVersion),
    }
}

/// Converts a response of the engine, for a web server to write: with any body that is made of bytes, and without the
/// header fields that frame it.
#[must_use]
pub fn http_response<B: From<Vec<u8>>>(response: &Response) -> http::Response<B> {
    let mut made = http::Response::new(B::from(response.body_bytes().to_vec()));
    let internal = StatusCode::INTERNAL_SERVER_ERROR;
    *made.status_mut() = StatusCode::from_u16(response.status()).unwrap_or(internal);
    for (name, value) in response.fields() {
        // The engine has checked both.
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_bytes(value))
        {
            made.headers_mut().append(name, value);
        }
    }
    made
}
