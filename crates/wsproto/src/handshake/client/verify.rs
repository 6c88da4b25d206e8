//! The client's check of a response (RFC 6455 section 4.1).

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use super::{Agreed, ClientRequest};
use crate::Config;
use crate::handshake::accept_key::Key;
use crate::handshake::field::Known;
use crate::handshake::fields::{Fields, Single};
#[cfg(feature = "deflate")]
use crate::handshake::{DeflateAgreed, DeflateParamError, server::is_builtin};
use crate::handshake::{Extension, Headers, Response, ResponseError, Unoffered};

impl ClientRequest {
    /// Checks the response to the request that was sent with `nonce`.
    ///
    /// # Errors
    ///
    /// [`ResponseError`] for the first rule of section 4.1 that the response breaks;
    /// [`ResponseError::NonAscii`] comes first, as when a response is parsed.
    pub fn verify(&self, nonce: [u8; 16], response: &Response) -> Result<Agreed, ResponseError> {
        self.verify_fields(&Key::new(nonce), response, &response.headers().known()?)
    }

    /// Checks the response to the request that was sent with `key`; `fields` are those of the response.
    pub(crate) fn verify_fields(
        &self,
        key: &Key,
        response: &Response,
        fields: &Fields<'_>,
    ) -> Result<Agreed, ResponseError> {
        if response.status() != 101 {
            return Err(ResponseError::Status(response.status()));
        }
        if !fields.upgrade.value().is_some_and(|value| value.eq_ignore_ascii_case(b"websocket")) {
            return Err(ResponseError::Upgrade);
        }
        if !fields.connection_upgrade {
            return Err(ResponseError::Connection);
        }
        if fields.accept.value() != Some(&key.accept()) {
            return Err(ResponseError::Accept);
        }
        self.verify_selection(response.headers(), fields)
    }

    /// Checks the extensions and the subprotocol that a server has selected, in any version of HTTP.
    pub(super) fn verify_selection(
        &self,
        headers: &Headers,
        fields: &Fields<'_>,
    ) -> Result<Agreed, ResponseError> {
        #[cfg_attr(not(feature = "deflate"), allow(unused_mut))]
        let mut accepted = match fields.has_extensions {
            true => self.read_extensions(headers)?,
            false => Vec::new(),
        };
        #[cfg(feature = "deflate")]
        let deflate = self.verify_deflate(&mut accepted)?;
        self.verify_extensions(&accepted)?;
        let subprotocol = match fields.subprotocol {
            Single::Missing => None,
            _ => Some(self.read_subprotocol(headers)?),
        };
        Ok(Agreed {
            extensions: accepted,
            subprotocol,
            #[cfg(feature = "deflate")]
            deflate,
        })
    }

    fn read_extensions(&self, headers: &Headers) -> Result<Vec<Extension>, ResponseError> {
        let mut accepted = Vec::new();
        for value in headers.get_all(Known::Extensions.name()) {
            let malformed = |_| ResponseError::MalformedExtension(value.into());
            accepted.extend(Extension::parse_list(value).map_err(malformed)?);
        }
        if accepted.is_empty() { Err(self.unoffered("")) } else { Ok(accepted) }
    }

    /// Takes permessage-deflate out of the accepted extensions, at most one of it (RFC 7692 section
    /// 5).
    #[cfg(feature = "deflate")]
    fn verify_deflate(
        &self,
        accepted: &mut Vec<Extension>,
    ) -> Result<Option<DeflateAgreed>, ResponseError> {
        let mut agreed = None;
        if self.deflate.is_empty() {
            return Ok(None);
        }
        for response in accepted.extract_if(.., |extension| is_builtin(extension.name())) {
            if agreed.is_some() {
                return Err(DeflateParamError::Several.into());
            }
            // The response does not say which offer it accepts; the last one asks for least.
            let verified = self.deflate.iter().map(|offer| offer.verify(&response));
            agreed = verified.reduce(Result::or).transpose()?;
        }
        Ok(agreed)
    }

    fn verify_extensions(&self, accepted: &[Extension]) -> Result<(), ResponseError> {
        let offered = |name| self.extensions.iter().any(|offer| offer.name() == name);
        match accepted.iter().map(Extension::name).find(|name| !offered(*name)) {
            None => Ok(()),
            Some(name) => Err(self.unoffered(name)),
        }
    }

    fn unoffered(&self, selected: &str) -> ResponseError {
        let offered = self.extensions.iter().map(Extension::name);
        ResponseError::Extension(Box::new(Unoffered::extension(selected, offered)))
    }

    /// Section 4.2.2: the header has a single token and appears once. It is not a list.
    fn read_subprotocol(&self, headers: &Headers) -> Result<String, ResponseError> {
        let selected: Vec<_> = headers.get_all(Known::Protocol.name()).collect();
        match selected.as_slice() {
            [one] if self.subprotocols.iter().any(|offer| offer == one) => Ok((*one).into()),
            several => {
                let offered = self.subprotocols.iter().map(String::as_str);
                let error = Unoffered::subprotocol(&several.join(", "), offered);
                Err(ResponseError::Subprotocol(Box::new(error)))
            }
        }
    }

    /// Checks that a subprotocol was selected, if the configuration requires one.
    pub(crate) fn check_subprotocol(
        &self,
        agreed: &Agreed,
        config: &Config,
    ) -> Result<(), ResponseError> {
        let missing = !self.subprotocols.is_empty() && agreed.subprotocol.is_none();
        match config.require_subprotocol && missing {
            true => Err(ResponseError::NoSubprotocol(self.subprotocols.clone().into())),
            false => Ok(()),
        }
    }
}
