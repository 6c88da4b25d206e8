//! The server's part of the opening handshake.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;
use core::{fmt, mem};

use super::handshake::{Handshake, Progress};
use super::{Session, Stage};
use crate::cursor::take;
use crate::handshake::{Accept, AcceptError, HeadFinder, Request, RequestError, Response};
use crate::redacted::Length;
use crate::{Config, Role, Server, SessionError};

/// A request that is being read, or waits for a decision.
struct ServerHandshake {
    config: Arc<Config>,
    finder: HeadFinder,
    /// The part of the head that has arrived, unless the head arrived in one piece.
    head: Vec<u8>,
    request: Option<Request>,
    /// Whether the application postponed its decision.
    postponed: bool,
    /// The time since the UNIX epoch at the session's time zero.
    unix_time: Option<Duration>,
}

impl Session<Server> {
    /// Creates a session for a transport that a client has just opened.
    #[must_use]
    pub fn server(config: impl Into<Arc<Config>>, now: Duration) -> Self {
        let config = config.into();
        let handshake = ServerHandshake {
            config: Arc::clone(&config),
            finder: HeadFinder::request(),
            head: Vec::new(),
            request: None,
            postponed: false,
            unix_time: None,
        };
        Self::begin(handshake, config, now)
    }

    /// Sets the time since the UNIX epoch at the session's time zero, a `now` of
    /// [`Duration::ZERO`]. Every response then has a `Date`, as required of a server with a clock
    /// (RFC 9110 section 6.6.1), unless it already has one.
    #[must_use]
    pub fn with_unix_time(mut self, at_zero: Duration) -> Self {
        if let Stage::Handshake(handshake) = &mut self.stage {
            handshake.set_unix_time(at_zero);
        }
        self
    }

    /// Creates a session that refuses any request: appends the response to `out`, and discards
    /// everything the client sends.
    #[must_use]
    pub fn refusing(
        response: &Response,
        config: impl Into<Arc<Config>>,
        now: Duration,
        out: &mut Vec<u8>,
    ) -> Self {
        let mut session = Self::server(config, now);
        response.encode(out);
        session.answered(now);
        session
    }
}

impl<R: Role> Session<R> {
    fn unix_time(&self, now: Duration) -> Option<Duration> {
        match &self.stage {
            Stage::Handshake(handshake) => handshake.unix_time(now),
            _ => None,
        }
    }

    /// Returns the request that waits for a decision; a client's session never has one.
    #[must_use]
    pub fn request(&self) -> Option<&Request> {
        match &self.stage {
            Stage::Handshake(handshake) => handshake.request(),
            _ => None,
        }
    }

    /// Accepts the opening handshake: appends the response with status 101 to `out`. The session is
    /// then open, and frames can be sent at once.
    ///
    /// # Errors
    ///
    /// [`AcceptError`] if the request cannot be accepted this way. Nothing was appended, and the
    /// request still waits for a decision.
    pub fn accept(
        &mut self,
        accept: &Accept,
        now: Duration,
        out: &mut Vec<u8>,
    ) -> Result<(), AcceptError> {
        let request = self.request().ok_or(AcceptError::NoRequest)?;
        let agreed = accept.encode_to(request, self.unix_time(now), Some(&self.config), out)?;
        self.open(agreed, now);
        Ok(())
    }

    /// Postpones the decision on the request: until [`accept`](Self::accept) or
    /// [`respond`](Self::respond), `next_event` consumes nothing and leaves `input` unchanged. The
    /// handshake deadline keeps running; when it passes, the request is refused with status 503.
    ///
    /// # Errors
    ///
    /// [`AcceptError::NoRequest`] if no request waits for a decision.
    pub fn postpone(&mut self) -> Result<(), AcceptError> {
        match &mut self.stage {
            Stage::Handshake(handshake) => {
                if !handshake.postpone() {
                    return Err(AcceptError::NoRequest);
                }
                self.flags |= Self::POSTPONED;
                Ok(())
            }
            _ => Err(AcceptError::NoRequest),
        }
    }

    /// Returns whether a decision on a request was postponed and is still outstanding.
    #[must_use]
    #[inline]
    pub fn is_postponed(&self) -> bool {
        self.flags & Self::POSTPONED != 0 && matches!(self.stage, Stage::Handshake(_))
    }

    /// Refuses the request as the protocol requires: with 403 for an opening handshake, 426 or 405
    /// for an ordinary request. Appends the response to `out`.
    ///
    /// # Errors
    ///
    /// [`AcceptError::NoRequest`] if no request waits for a decision. Nothing was appended.
    pub fn decline(&mut self, now: Duration, out: &mut Vec<u8>) -> Result<(), AcceptError> {
        match &mut self.stage {
            Stage::Handshake(handshake) if handshake.request().is_some() => {
                let error = handshake.decline(now, out);
                self.answered(now);
                self.rare().error = error;
                Ok(())
            }
            _ => Err(AcceptError::NoRequest),
        }
    }

    /// Answers the request with an ordinary response, which refuses an upgrade. Appends the
    /// response to `out`, without its body if the request is a HEAD.
    ///
    /// # Errors
    ///
    /// [`AcceptError::NoRequest`] if no request waits for a decision, or [`AcceptError::Status`] if
    /// the status is outside 200 to 599. Nothing was appended.
    pub fn respond(
        &mut self,
        response: &Response,
        now: Duration,
        out: &mut Vec<u8>,
    ) -> Result<(), AcceptError> {
        let request = self.request().ok_or(AcceptError::NoRequest)?;
        if !matches!(response.status(), 200..=599) {
            return Err(AcceptError::Status(response.status()));
        }
        response.encode_to(request.method(), self.unix_time(now), out);
        self.answered(now);
        Ok(())
    }
}

impl ServerHandshake {
    fn read(
        &mut self,
        input: &mut &mut [u8],
        config: &Config,
    ) -> Result<Option<Request>, RequestError> {
        if self.head.is_empty()
            && let Some(request) = self.read_at_once(input, config)
        {
            return Ok(Some(request));
        }
        match self.finder.find(input, config)? {
            None => {
                self.head.extend_from_slice(take(input, usize::MAX));
                Ok(None)
            }
            Some(len) if self.head.is_empty() => Request::parse(take(input, len)).map(Some),
            Some(len) => {
                let mut head = mem::take(&mut self.head);
                head.extend_from_slice(take(input, len));
                Request::parse(&head).map(Some)
            }
        }
    }

    /// Takes a request off the input if its head is whole and valid. Anything else is left to the finder,
    /// which determines the error, or continues with the next input.
    fn read_at_once(&mut self, input: &mut &mut [u8], config: &Config) -> Option<Request> {
        let (request, len) = Request::parse_front(HeadFinder::front(input, config)).ok()?;
        let head = input.get(..len)?;
        if !self.finder.allows(head, request.headers().len(), config) {
            return None;
        }
        take(input, len);
        Some(request)
    }

    /// Appends a refusal of the request; an unparsed request has no method.
    fn answer(&self, response: Response, now: Duration, out: &mut Vec<u8>) {
        let response = response.with_missing(&self.config.refusal_headers);
        let method = self.request.as_ref().map_or("", Request::method);
        response.encode_to(method, self.unix_time(now), out);
    }

    fn refuse(&self, error: RequestError, now: Duration, out: &mut Vec<u8>) -> Progress {
        self.answer(error.response(), now, out);
        Progress::Failed(error.into())
    }
}

impl Handshake<Server> for ServerHandshake {
    fn advance(
        &mut self,
        now: Duration,
        input: &mut &mut [u8],
        out: &mut Vec<u8>,
        config: &Arc<Config>,
    ) -> Progress {
        if self.request.is_some() {
            if self.postponed {
                return Progress::Postponed;
            }
            // The application made no decision.
            return match self.decline(now, out) {
                Some(error) => Progress::Failed(error),
                None => Progress::Undecided,
            };
        }
        let request = match self.read(input, config) {
            Ok(None) => return Progress::NeedMore,
            Ok(Some(request)) => self.request.insert(request),
            Err(error) => return self.refuse(error, now, out),
        };
        match request.check_upgrade() {
            _ if !request.is_upgrade() => Progress::Http,
            Ok(()) => Progress::Upgrade,
            Err(error) => self.refuse(error, now, out),
        }
    }

    fn take_role(&mut self) -> Option<Server> {
        Some(Server)
    }

    fn request(&self) -> Option<&Request> {
        self.request.as_ref()
    }

    fn decline(&mut self, now: Duration, out: &mut Vec<u8>) -> Option<SessionError> {
        match self.request.as_ref()?.check_upgrade() {
            Err(error) => {
                self.answer(error.response(), now, out);
                Some(error.into())
            }
            Ok(()) => {
                self.answer(Response::text(403, "Forbidden\n"), now, out);
                None
            }
        }
    }

    fn is_blank(&self) -> bool {
        self.finder.is_empty()
    }

    fn postpone(&mut self) -> bool {
        self.postponed = self.request.is_some();
        self.postponed
    }

    fn set_unix_time(&mut self, at_zero: Duration) {
        self.unix_time = Some(at_zero);
    }

    fn unix_time(&self, now: Duration) -> Option<Duration> {
        self.unix_time.map(|at_zero| at_zero.saturating_add(now))
    }

    fn give_up(
        &mut self,
        error: SessionError,
        now: Duration,
        out: &mut Vec<u8>,
    ) -> (Option<SessionError>, bool) {
        let status = match error {
            // A peer that sent nothing made a speculative connection or a health check: it gets no
            // response, and there is no error to report.
            _ if self.finder.is_empty() => return (None, false),
            SessionError::EndOfInput => return (Some(error), false),
            SessionError::HandshakeTimeout if self.request.is_none() => 408,
            _ => 503,
        };
        self.answer(Response::text(status, &alloc::format!("{error}\n")), now, out);
        (Some(error), true)
    }
}

/// Hides an unparsed head: it may contain secrets.
impl fmt::Debug for ServerHandshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerHandshake")
            .field("head", &Length(self.head.len()))
            .field("request", &self.request)
            .field("unix_time", &self.unix_time)
            .finish_non_exhaustive()
    }
}
