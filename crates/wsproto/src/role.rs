//! The two roles as types: role-specific behaviour is decided at compile time.

use core::fmt;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// One end of a connection: [`Server`] or [`Client`].
pub trait Role: sealed::Role + fmt::Debug + Send + Sync + Unpin + 'static {
    /// Returns whether this is the server.
    #[must_use]
    fn is_server() -> bool {
        Self::SERVER
    }
}

impl Role for Server {}
impl Role for Client {}

/// The end that accepted: it sends unmasked frames and requires masked ones (RFC 6455 section 5.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Server;

/// The end that connected: it masks every frame it sends with a fresh key (section 5.3).
///
/// Masking keys and the nonce of the opening handshake come from a cryptographically secure
/// generator (`rand`'s `StdRng`, which is ChaCha12), so the next key cannot be predicted from
/// earlier ones.
pub struct Client {
    keys: StdRng,
}

impl Client {
    /// Creates a client whose masking keys are determined by `seed`.
    ///
    /// The seed must come from the operating system's generator, fresh for every connection; only
    /// tests have a reason to use a known seed.
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self { keys: StdRng::from_seed(seed) }
    }

    /// Draws the 16 bytes of a `Sec-WebSocket-Key` (section 4.1).
    pub(crate) fn nonce(&mut self) -> [u8; 16] {
        let mut nonce = [0; 16];
        self.keys.fill_bytes(&mut nonce);
        nonce
    }
}

/// Hides the state of the generator.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

pub(crate) mod sealed {
    use core::convert::Infallible;
    use core::fmt::Debug;

    use super::{Client, Rng, Server};
    use crate::handshake::Answer;

    #[allow(unnameable_types, reason = "sealed: only this crate has roles")]
    pub trait Role: Sized {
        /// Whether this end is the server.
        const SERVER: bool;

        /// The answer to the handshake that a session keeps, in the role that receives one.
        type Answer: Debug + Send + Sync + Unpin;

        fn as_answer(kept: &Self::Answer) -> &Answer;

        fn into_answer(kept: Self::Answer) -> Answer;

        /// Draws the masking key of the next frame, in the role that masks.
        fn masking_key(&mut self) -> Option<[u8; 4]>;

        /// Returns a generator of the masking keys of one message, in the role that masks.
        fn fork(&mut self) -> Option<Client>;
    }

    impl Role for Server {
        const SERVER: bool = true;
        type Answer = Infallible;

        fn as_answer(kept: &Infallible) -> &Answer {
            match *kept {}
        }

        fn into_answer(kept: Infallible) -> Answer {
            match kept {}
        }

        #[inline]
        fn masking_key(&mut self) -> Option<[u8; 4]> {
            None
        }

        fn fork(&mut self) -> Option<Client> {
            None
        }
    }

    impl Role for Client {
        const SERVER: bool = false;
        type Answer = Answer;

        fn as_answer(kept: &Answer) -> &Answer {
            kept
        }

        fn into_answer(kept: Answer) -> Answer {
            kept
        }

        #[inline]
        fn masking_key(&mut self) -> Option<[u8; 4]> {
            Some(self.keys.next_u32().to_ne_bytes())
        }

        fn fork(&mut self) -> Option<Client> {
            let mut seed = [0; 32];
            self.keys.fill_bytes(&mut seed);
            Some(Self::from_seed(seed))
        }
    }
}
