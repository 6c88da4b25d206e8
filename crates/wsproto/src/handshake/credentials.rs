//! Credentials in `Authorization` (RFC 9110 section 11.6.2): Basic (RFC 7617) and Bearer (RFC 6750).

use alloc::format;
use alloc::string::String;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{ClientRequest, Headers, OfferError, Request};

const AUTHORIZATION: &str = "Authorization";

impl ClientRequest {
    /// Sends a user name and a password with the scheme `Basic` (RFC 7617), in UTF-8. Replaces an
    /// earlier `Authorization`. They are readable in transit, except over `wss://`, and are not sent
    /// to the target of a redirect to another origin.
    ///
    /// ```
    /// use wsproto::handshake::ClientRequest;
    ///
    /// let request = ClientRequest::parse("wss://example.com/chat")?.basic_auth("user", "p@ss")?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`OfferError::Credentials`] if the user name contains a colon, or either a control character.
    pub fn basic_auth(self, user: &str, password: &str) -> Result<Self, OfferError> {
        if user.contains(|c: char| c == ':' || c.is_control())
            || password.contains(char::is_control)
        {
            return Err(OfferError::Credentials);
        }
        self.authorization(&format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
    }

    /// Sends a token with the scheme `Bearer` (RFC 6750 section 2.1). Replaces an earlier
    /// `Authorization`; see [`basic_auth`](Self::basic_auth).
    ///
    /// # Errors
    ///
    /// [`OfferError::Credentials`] if the token is not of the form that RFC 6750 requires: letters,
    /// digits and `-._~+/`, with `=` at the end.
    pub fn bearer(self, token: &str) -> Result<Self, OfferError> {
        if !is_token68(token) {
            return Err(OfferError::Credentials);
        }
        self.authorization(&format!("Bearer {token}"))
    }

    fn authorization(mut self, value: &str) -> Result<Self, OfferError> {
        let mut headers = Headers::new();
        let kept = |name: &str| !name.eq_ignore_ascii_case(AUTHORIZATION);
        for (name, value) in self.headers().iter().filter(|(name, _)| kept(name)) {
            headers.push(name, value)?;
        }
        headers.push(AUTHORIZATION, value)?;
        *self.headers_mut() = headers;
        Ok(self)
    }
}

impl Request {
    /// Returns the user name and the password of the scheme `Basic` (RFC 7617); `None` without valid
    /// ones. Refuse with status 401 and a `WWW-Authenticate` to request them. Compare passwords by
    /// their hashes, in constant time.
    #[must_use]
    pub fn basic_auth(&self) -> Option<(String, String)> {
        let text = String::from_utf8(STANDARD.decode(self.credentials("Basic")?).ok()?).ok()?;
        let (user, password) = text.split_once(':')?;
        Some((user.into(), password.into()))
    }

    /// Returns the token of the scheme `Bearer` (RFC 6750 section 2.1); `None` without a valid one.
    #[must_use]
    pub fn bearer(&self) -> Option<&str> {
        self.credentials("Bearer").filter(|token| is_token68(token))
    }

    /// Returns the credentials of a scheme, whose name is case-insensitive; `None` if `Authorization` is
    /// missing, repeated or of another scheme.
    fn credentials(&self, scheme: &str) -> Option<&str> {
        let (found, credentials) = self.headers().only(AUTHORIZATION)?.split_once(' ')?;
        found.eq_ignore_ascii_case(scheme).then(|| credentials.trim_start_matches(' '))
    }
}

/// Returns whether the text is a `token68` (RFC 9110 section 11.2), as tokens of RFC 6750 are.
fn is_token68(text: &str) -> bool {
    let bare = text.trim_end_matches('=');
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/".contains(&b);
    !bare.is_empty() && bare.bytes().all(fits)
}
