//! The client's part of the opening handshake.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;
use core::{fmt, mem};

use super::handshake::{Handshake, Progress};
use super::{Session, Stage};
use crate::cursor::take;
use crate::handshake::{
    Agreed, Answer, Body, ClientRequest, Fields, HeadFinder, Key, Response, ResponseError,
};
use crate::redacted::Length;
use crate::{Client, Config, Role, SessionError};

/// A request that was sent, and the response to it.
struct ClientHandshake {
    request: ClientRequest,
    key: Key,
    /// Kept until the connection takes it over.
    role: Option<Client>,
    finder: HeadFinder,
    /// The part of the head that has arrived, unless the head arrived in one piece; later the body. After
    /// an invalid head, its bytes.
    buffer: Vec<u8>,
    response: Option<Response>,
    /// Set once the head of the response has arrived.
    body: Option<Body>,
}

/// The maximum number of bytes to keep of an invalid head.
const MOST_UNPARSED: usize = 4 << 10;

/// A response, and the result of the negotiation.
type Judged = (Response, Result<Agreed, ResponseError>);

impl Session<Client> {
    /// Creates a session on an open transport to the server (through TLS if the URL requires it):
    /// appends the request to `out`. The seed of the nonce and the masking keys must come from the
    /// operating system, see [`Client::from_seed`].
    #[must_use]
    pub fn client(
        request: ClientRequest,
        config: impl Into<Arc<Config>>,
        seed: [u8; 32],
        now: Duration,
        out: &mut Vec<u8>,
    ) -> Self {
        let config = config.into();
        let request = request.with_offers(&config);
        let mut role = Client::from_seed(seed);
        let key = Key::new(role.nonce());
        request.encode_with(&key, out);
        let handshake = ClientHandshake {
            request,
            key,
            role: Some(role),
            finder: HeadFinder::response(),
            buffer: Vec::new(),
            response: None,
            body: None,
        };
        Self::begin(handshake, config, now)
    }
}

impl<R: Role> Session<R> {
    /// Returns the server's response, from the arrival of its head until it is taken. Its body may
    /// still be arriving: for a redirect, only the head matters.
    #[must_use]
    pub fn response(&self) -> Option<&Response> {
        match &self.stage {
            Stage::Handshake(handshake) => handshake.response(),
            _ => match R::as_answer(self.answer.as_ref()?) {
                Answer::Response(response) => Some(response),
                Answer::Bytes(_) => None,
            },
        }
    }

    /// Takes the server's response out of a client's session once it is complete: the response that
    /// opened the connection, the one that refused it, with its body, or the one that breaks a rule.
    pub fn take_response(&mut self) -> Option<Response> {
        match self.take_answer_if(|answer| matches!(answer, Answer::Response(_)))? {
            Answer::Response(response) => Some(response),
            Answer::Bytes(_) => None,
        }
    }

    /// Takes the bytes that arrived in place of a response out of a client's session, once the opening
    /// handshake has failed: a head that is not valid HTTP, or the beginning of one. At most 4 KiB are
    /// kept; bytes after the first wrong one are included if they arrived together with it.
    pub fn take_unparsed_response(&mut self) -> Option<Vec<u8>> {
        match self.take_answer_if(|answer| matches!(answer, Answer::Bytes(_)))? {
            Answer::Bytes(bytes) => Some(bytes),
            Answer::Response(_) => None,
        }
    }

    fn take_answer_if(&mut self, is_wanted: fn(&Answer) -> bool) -> Option<Answer> {
        let answer = self.answer.take_if(|answer| is_wanted(R::as_answer(answer)));
        answer.map(R::into_answer)
    }
}

impl ClientHandshake {
    /// Reads up to the final response; `None` while its head is incomplete.
    fn read_head(
        &mut self,
        input: &mut &mut [u8],
        config: &Config,
    ) -> Result<Option<Judged>, ResponseError> {
        while let Some(judged) = self.read_response(input, config)? {
            // RFC 9110 section 15.2: interim responses may come first, and are ignored.
            if !matches!(judged.0.status(), 100 | 102..=199) {
                return Ok(Some(judged));
            }
            self.finder.next_response();
        }
        self.buffer.extend_from_slice(take(input, usize::MAX));
        Ok(None)
    }

    fn read_response(
        &mut self,
        input: &mut &mut [u8],
        config: &Config,
    ) -> Result<Option<Judged>, ResponseError> {
        if self.finder.is_empty()
            && let Some(judged) = self.read_at_once(input, config)
        {
            return Ok(Some(judged));
        }
        let Some(len) = self.finder.find(input, config)? else { return Ok(None) };
        self.buffer.extend_from_slice(take(input, len));
        let (judged, _) = self.judge_front(&self.buffer, config)?;
        self.buffer = Vec::new();
        Ok(Some(judged))
    }

    /// Takes a response off the input if its head is whole and valid. Anything else is left to the finder,
    /// which determines the error, or continues with the next input.
    fn read_at_once(&mut self, input: &mut &mut [u8], config: &Config) -> Option<Judged> {
        let (judged, len) = self.judge_front(HeadFinder::front(input, config), config).ok()?;
        if !self.finder.allows(input.get(..len)?, judged.0.headers().len(), config) {
            return None;
        }
        take(input, len);
        Some(judged)
    }

    /// Parses the head of a response, and checks it as the answer to the request. Also returns how many
    /// bytes belong to the head.
    fn judge_front(&self, input: &[u8], config: &Config) -> Result<(Judged, usize), ResponseError> {
        let mut fields = Fields::default();
        let (response, len) =
            Response::parse_front(input, |field, value| fields.see(field, value))?;
        let agreed = self.request.verify_fields(&self.key, &response, &fields);
        let agreed = agreed.and_then(|agreed| {
            self.request.check_subprotocol(&agreed, config)?;
            Ok(agreed)
        });
        Ok(((response, agreed), len))
    }

    /// Keeps the input after the part of an invalid head that has arrived before.
    fn keep_unparsed(&mut self, input: &mut &mut [u8]) {
        let left = MOST_UNPARSED.saturating_sub(self.buffer.len());
        self.buffer.extend_from_slice(take(input, left));
        *input = &mut [];
    }

    /// Reads the body of a refusing response; returns the error to report once the body is
    /// complete.
    fn read_body(&mut self, input: &mut &mut [u8], config: &Config) -> Option<ResponseError> {
        let response = self.response.as_ref()?;
        let end = match &mut self.body {
            Some(body) => body.read(input, config, &mut self.buffer),
            None => match Body::new(response) {
                Ok(body) => self.body.insert(body).read(input, config, &mut self.buffer),
                Err(error) => Err(error),
            },
        };
        match end {
            Ok(false) => None,
            Ok(true) => self.finish_body(),
            Err(error) => {
                self.finish_body();
                Some(error)
            }
        }
    }

    /// Ends the response's body with the bytes that have arrived.
    fn finish_body(&mut self) -> Option<ResponseError> {
        let response = self.response.as_mut()?;
        response.set_body(mem::take(&mut self.buffer));
        Some(ResponseError::Status(response.status()))
    }
}

impl Handshake<Client> for ClientHandshake {
    fn advance(
        &mut self,
        _now: Duration,
        input: &mut &mut [u8],
        _out: &mut Vec<u8>,
        config: &Arc<Config>,
    ) -> Progress {
        if self.response.is_none() {
            let (response, judged) = match self.read_head(input, config) {
                Ok(Some(judged)) => judged,
                Ok(None) => return Progress::NeedMore,
                Err(error) => {
                    self.keep_unparsed(input);
                    return Progress::Failed(error.into());
                }
            };
            self.response = Some(response);
            match judged {
                Ok(agreed) => return Progress::Open(agreed),
                // Wait for the body: it gives the reason for the refusal.
                Err(ResponseError::Status(_)) => {}
                Err(error) => return Progress::Failed(error.into()),
            }
        }
        match self.read_body(input, config) {
            None => Progress::NeedMore,
            Some(error) => Progress::Failed(error.into()),
        }
    }

    fn give_up(
        &mut self,
        error: SessionError,
        _now: Duration,
        _out: &mut Vec<u8>,
    ) -> (Option<SessionError>, bool) {
        (Some(self.finish_body().map_or(error, Into::into)), false)
    }

    fn take_role(&mut self) -> Option<Client> {
        self.role.take()
    }

    fn response(&self) -> Option<&Response> {
        self.response.as_ref()
    }

    fn take_answer(&mut self) -> Option<Answer> {
        match self.response.take() {
            Some(response) => Some(Answer::Response(response)),
            None if self.buffer.is_empty() => None,
            None => {
                // The handshake may have ended within a long head.
                self.buffer.truncate(MOST_UNPARSED);
                Some(Answer::Bytes(mem::take(&mut self.buffer)))
            }
        }
    }
}

/// Hides the key and the received bytes.
impl fmt::Debug for ClientHandshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientHandshake")
            .field("request", &self.request)
            .field("response", &self.response)
            .field("buffer", &Length(self.buffer.len()))
            .finish_non_exhaustive()
    }
}
