//! The answer to an opening handshake.

use std::time::Instant;

use ws_std::wsproto::handshake::{DeflateOffer, Extension, HeadFinder, Response};
use ws_std::wsproto::{Config, Extensions};

use super::incoming::Incoming;
use super::wire::{Arrived, Wire};
use crate::extensions;

/// How a server answered a request head.
#[derive(Debug)]
pub(super) enum Answer {
    /// This response, and the bytes after its head.
    Response(Response, Vec<u8>),
    /// Bytes that are no response.
    Invalid(String),
    /// No response; receiving ended in this way.
    Missing(Arrived),
}

/// Reads the answer.
pub(super) fn read(wire: &mut Wire, deadline: Instant) -> Answer {
    let mut config = Config::new();
    config.max_head_size = 64 << 10;
    let (mut finder, mut bytes, mut found) = (HeadFinder::response(), Vec::new(), 0);
    loop {
        match wire.receive(&mut bytes, deadline) {
            Arrived::Bytes(_) => {}
            end => return Answer::Missing(end),
        }
        match finder.find(bytes.get(found..).unwrap_or_default(), &config) {
            Ok(None) => found = bytes.len(),
            Ok(Some(len)) => {
                let (head, rest) = bytes.split_at(found + len);
                return match Response::parse(head) {
                    Ok(response) => Answer::Response(response, rest.to_vec()),
                    Err(error) => Answer::Invalid(error.to_string()),
                };
            }
            Err(error) => return Answer::Invalid(error.to_string()),
        }
    }
}

/// An open connection.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) response: Response,
    /// The key of the request.
    pub(super) key: String,
    pub(super) incoming: Incoming,
}

impl Opened {
    /// Takes a response with status 101; returns any other answer.
    pub(super) fn new(answer: Answer, key: &str, offer: Option<&str>) -> Result<Self, Answer> {
        match answer {
            Answer::Response(response, rest) if response.status() == 101 => {
                let mut incoming = Incoming::new(agreed(&response, offer).unwrap_or_default());
                incoming.receive(&rest);
                Ok(Self { response, key: key.to_owned(), incoming })
            }
            answer => Err(answer),
        }
    }
}

/// Returns the extensions of a response to this offer of permessage-deflate.
///
/// # Errors
///
/// Why the response breaks RFC 7692 section 7.1.
pub(super) fn agreed(response: &Response, offer: Option<&str>) -> Result<Extensions, String> {
    let offers = offer.map(Extension::parse_list).transpose().map_err(|error| error.to_string())?;
    let offers = offers.iter().flatten().filter_map(|offer| DeflateOffer::parse(offer).ok());
    extensions::agreed(response, offers)
}
