//! The negotiation of permessage-deflate (RFC 7692 section 7.1).

use alloc::string::{String, ToString};
use core::{fmt, iter};

use super::{Extension, Request};
use crate::{Deflate, WindowBits};

const NAME: &str = "permessage-deflate";
const SERVER_NO_TAKEOVER: &str = "server_no_context_takeover";
const CLIENT_NO_TAKEOVER: &str = "client_no_context_takeover";
const SERVER_WINDOW: &str = "server_max_window_bits";
const CLIENT_WINDOW: &str = "client_max_window_bits";

/// The limits for the compressor of one end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Direction {
    /// The largest window.
    pub window: WindowBits,
    /// Whether a message may refer to earlier ones.
    pub takeover: bool,
}

/// The parameters of permessage-deflate on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DeflateAgreed {
    /// The limits for the server's messages.
    pub server: Direction,
    /// The limits for the client's messages.
    pub client: Direction,
}

/// A client's offer of permessage-deflate; RFC 7692 section 7.1 defines each parameter.
///
/// ```
/// use wsproto::handshake::{DeflateOffer, Extension};
/// use wsproto::Deflate;
///
/// let offers = Extension::parse_list("permessage-deflate; client_max_window_bits")?;
/// let offer = DeflateOffer::parse(&offers[0])?;
/// let agreed = offer.accept(&Deflate::new());
/// assert_eq!((agreed.server.window.bits(), agreed.client.takeover), (12, false));
/// assert_eq!(
///     offer.answer(&agreed).to_string(),
///     "permessage-deflate; client_no_context_takeover; server_max_window_bits=12; \
///      client_max_window_bits=12",
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct DeflateOffer {
    /// Asks the server not to refer to earlier messages.
    pub server_no_context_takeover: bool,
    /// Says that the client will not refer to earlier messages.
    pub client_no_context_takeover: bool,
    /// Asks the server for a window of at most this size.
    pub server_max_window_bits: Option<WindowBits>,
    /// Says that the server may limit the client's window; and with a value, that the client will
    /// not use a larger one.
    pub client_max_window_bits: Option<Option<WindowBits>>,
}

/// A set of parameters of permessage-deflate that RFC 7692 does not allow.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum DeflateParamError {
    /// The extension has another name.
    #[error("{0:?} is not permessage-deflate")]
    Name(String),
    /// The parameter is unknown.
    #[error("permessage-deflate has no parameter {0:?}")]
    Unknown(String),
    /// The parameter occurs twice.
    #[error("the parameter {0} of permessage-deflate is repeated")]
    Repeated(&'static str),
    /// The parameter has an invalid value, a value that it cannot have, or none.
    #[error("the parameter {0} of permessage-deflate has an invalid value")]
    Value(&'static str),
    /// A server limits the client's window although the client did not offer that, or sets a larger
    /// one than was offered.
    #[error("the parameter {0} of permessage-deflate was not offered")]
    Unoffered(&'static str),
    /// A server accepted the offer, but not this parameter of it.
    #[error("the server did not grant the parameter {0} of permessage-deflate")]
    NotGranted(&'static str),
    /// A server selected the extension several times.
    #[error("the server selected permessage-deflate several times")]
    Several,
}

impl DeflateOffer {
    /// Creates the first offer of a client with this configuration.
    #[must_use]
    pub fn new(wish: &Deflate) -> Self {
        let window = wish.peer_window;
        Self {
            server_no_context_takeover: !wish.allows_takeover(false),
            client_no_context_takeover: !wish.takeover,
            server_max_window_bits: (window < WindowBits::MAX).then_some(window),
            // Without a value, as browsers do: some servers ignore the value, and answer a larger one.
            client_max_window_bits: Some(None),
        }
    }

    /// Returns the offers of a client with this configuration, in order of preference. The second
    /// one sets no limit for the server's window, because not every server can observe one.
    pub fn in_order(wish: &Deflate) -> impl Iterator<Item = Self> + use<> {
        let first = Self::new(wish);
        let limited = first.server_max_window_bits.is_some();
        let second = limited.then_some(Self { server_max_window_bits: None, ..first });
        iter::once(first).chain(second)
    }

    /// Reads an offer.
    ///
    /// # Errors
    ///
    /// [`DeflateParamError`] for a parameter that an offer cannot have. A server then passes over
    /// this offer (section 7.1).
    pub fn parse(extension: &Extension) -> Result<Self, DeflateParamError> {
        if extension.name() != NAME {
            return Err(DeflateParamError::Name(extension.name().into()));
        }
        let mut offer = Self::default();
        for (name, value) in extension.params() {
            let window = |name| {
                let parsed = value.and_then(WindowBits::parse);
                parsed.ok_or(DeflateParamError::Value(name))
            };
            match name {
                SERVER_NO_TAKEOVER => {
                    flag(&mut offer.server_no_context_takeover, value, SERVER_NO_TAKEOVER)?;
                }
                CLIENT_NO_TAKEOVER => {
                    flag(&mut offer.client_no_context_takeover, value, CLIENT_NO_TAKEOVER)?;
                }
                SERVER_WINDOW => {
                    let window = window(SERVER_WINDOW)?;
                    once(offer.server_max_window_bits.replace(window).is_some(), SERVER_WINDOW)?;
                }
                CLIENT_WINDOW => {
                    let window = value.map(|_| window(CLIENT_WINDOW)).transpose()?;
                    once(offer.client_max_window_bits.replace(window).is_some(), CLIENT_WINDOW)?;
                }
                unknown => return Err(DeflateParamError::Unknown(unknown.into())),
            }
        }
        Ok(offer)
    }

    /// Returns the parameters that a server with this configuration agrees to. Every valid offer can be
    /// accepted.
    #[must_use]
    pub fn accept(&self, wish: &Deflate) -> DeflateAgreed {
        let offered = self.server_max_window_bits.unwrap_or(WindowBits::MAX);
        let client = match self.client_max_window_bits {
            None => WindowBits::MAX,
            Some(offered) => offered.unwrap_or(WindowBits::MAX).min(wish.peer_window),
        };
        DeflateAgreed {
            server: Direction {
                window: offered.min(wish.window),
                takeover: wish.takeover && !self.server_no_context_takeover,
            },
            client: Direction {
                window: client,
                takeover: wish.allows_takeover(true) && !self.client_no_context_takeover,
            },
        }
    }

    /// Returns the element of a server's response that grants `agreed`.
    #[must_use]
    pub fn answer(&self, agreed: &DeflateAgreed) -> Extension {
        let announced =
            self.server_max_window_bits.is_some() || agreed.server.window < WindowBits::MAX;
        let answer = Self {
            server_no_context_takeover: !agreed.server.takeover,
            client_no_context_takeover: !agreed.client.takeover,
            server_max_window_bits: announced.then_some(agreed.server.window),
            client_max_window_bits: self.client_max_window_bits.map(|_| Some(agreed.client.window)),
        };
        answer.to_extension()
    }

    /// Checks the element of a server's response to this offer. Returns the agreed parameters.
    ///
    /// # Errors
    ///
    /// [`DeflateParamError`]: the client has to fail the connection (section 7.1).
    pub fn verify(&self, response: &Extension) -> Result<DeflateAgreed, DeflateParamError> {
        let answer = Self::parse(response)?;
        if self.server_no_context_takeover && !answer.server_no_context_takeover {
            return Err(DeflateParamError::NotGranted(SERVER_NO_TAKEOVER));
        }
        let server = answer.server_max_window_bits.unwrap_or(WindowBits::MAX);
        if server > self.server_max_window_bits.unwrap_or(WindowBits::MAX) {
            return Err(DeflateParamError::NotGranted(SERVER_WINDOW));
        }
        let offered = self.client_max_window_bits.map(|window| window.unwrap_or(WindowBits::MAX));
        let client = match (answer.client_max_window_bits, offered) {
            (None, offered) => offered.unwrap_or(WindowBits::MAX),
            (Some(None), _) => return Err(DeflateParamError::Value(CLIENT_WINDOW)),
            (Some(Some(window)), Some(most)) if window <= most => window,
            (Some(Some(_)), _) => return Err(DeflateParamError::Unoffered(CLIENT_WINDOW)),
        };
        Ok(DeflateAgreed {
            server: Direction { window: server, takeover: !answer.server_no_context_takeover },
            client: Direction {
                window: client,
                takeover: !answer.client_no_context_takeover && !self.client_no_context_takeover,
            },
        })
    }

    /// Returns the offer as an element of `Sec-WebSocket-Extensions`.
    #[must_use]
    pub fn to_extension(&self) -> Extension {
        let window = |window: WindowBits| Some(window.to_string());
        let mut extension = Extension::builtin(NAME);
        if self.server_no_context_takeover {
            extension.push(SERVER_NO_TAKEOVER, None);
        }
        if self.client_no_context_takeover {
            extension.push(CLIENT_NO_TAKEOVER, None);
        }
        if let Some(bits) = self.server_max_window_bits {
            extension.push(SERVER_WINDOW, window(bits));
        }
        if let Some(bits) = self.client_max_window_bits {
            extension.push(CLIENT_WINDOW, bits.and_then(window));
        }
        extension
    }
}

impl DeflateAgreed {
    /// Chooses the first valid offer of a request. Returns the agreed parameters, and the element of
    /// the response; `None` without a valid offer.
    #[must_use]
    pub fn negotiate(request: &Request, wish: &Deflate) -> Option<(Self, Extension)> {
        let offer = request.extensions().find_map(|offer| DeflateOffer::parse(&offer).ok())?;
        let agreed = offer.accept(wish);
        Some((agreed, offer.answer(&agreed)))
    }

    /// Returns the parameters that differ from their defaults, as an element of a response.
    #[must_use]
    pub fn to_extension(&self) -> Extension {
        let limited = self.client.window < WindowBits::MAX;
        let offer = DeflateOffer {
            client_max_window_bits: limited.then_some(None),
            ..DeflateOffer::default()
        };
        offer.answer(self)
    }
}

/// Writes [`to_extension`](DeflateAgreed::to_extension).
impl fmt::Display for DeflateAgreed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_extension().fmt(f)
    }
}

fn flag(flag: &mut bool, value: Option<&str>, name: &'static str) -> Result<(), DeflateParamError> {
    if value.is_some() {
        return Err(DeflateParamError::Value(name));
    }
    let before = core::mem::replace(flag, true);
    once(before, name)
}

fn once(before: bool, name: &'static str) -> Result<(), DeflateParamError> {
    if before { Err(DeflateParamError::Repeated(name)) } else { Ok(()) }
}
