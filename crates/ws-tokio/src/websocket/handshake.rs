//! The opening handshake.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use ws_common::adapter::{Acceptor, Conversation, Decided, Step, Verdict};
use ws_common::{Decider, Decision, Error, IncomingRequest};
use wsproto::SessionError;

use super::WebSocket;

impl WebSocket {
    /// Waits until the connection is open. Returns `false` if the server redirects and the client follows.
    pub(crate) async fn open(&mut self) -> Result<bool, Error> {
        poll_fn(|context| self.poll_open(context)).await
    }

    fn poll_open(&mut self, context: &mut Context<'_>) -> Poll<Result<bool, Error>> {
        loop {
            match self.poll_step(context) {
                Poll::Pending if self.sender.connection.dials_again() => {
                    return Poll::Ready(Ok(false));
                }
                Poll::Pending => return Poll::Pending,
                // The body may have arrived with the head.
                Poll::Ready(Err(Error::Http(response)))
                    if self.sender.connection.follows(&response) =>
                {
                    return Poll::Ready(Ok(false));
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Ready(Ok(None)) => {
                    return Poll::Ready(Err(SessionError::EndOfInput.into()));
                }
                Poll::Ready(Ok(Some(Step::Open))) => {
                    self.opened();
                    return Poll::Ready(Ok(true));
                }
                Poll::Ready(Ok(Some(_))) => {}
            }
        }
    }

    fn opened(&mut self) {
        if let Some(rare) = &mut self.rare {
            match &mut rare.opening {
                Some(opening) => {
                    let take = || self.sender.connection.take_response();
                    opening.response = opening.response.take().or_else(take);
                }
                // The decision of a server is made.
                None => self.rare = None,
            }
        }
        let connection = Arc::clone(&self.sender.connection);
        // The deadline of the handshake is over.
        connection.tasks().check_carrier();
        connection.take(&mut self.conversation, &self.sender.handle, Step::Open);
    }
}

/// A server's request, and the decider for which it waits.
pub(crate) type Asked = (IncomingRequest, Decider<()>);

impl WebSocket {
    /// Waits for the request of a server's client. Returns `None` if the client left without one.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] if `acceptor` has refused it, once the answer has left.
    pub(crate) async fn ask(
        &mut self,
        acceptor: Option<&Acceptor>,
    ) -> Result<Option<Asked>, Error> {
        let mut refused = None;
        poll_fn(|context| self.poll_ask(acceptor, &mut refused, context)).await
    }

    fn poll_ask(
        &mut self,
        acceptor: Option<&Acceptor>,
        refused: &mut Option<&'static str>,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<Asked>, Error>> {
        loop {
            match ready!(self.poll_step(context))? {
                Some(Step::Request) => {}
                Some(_) => continue,
                None => {
                    return Poll::Ready(refused.map_or(Ok(None), |why| Err(Error::Refused(why))));
                }
            }
            let connection = &self.sender.connection;
            let Some(request) = connection.incoming_request() else { continue };
            let (decision, decider) = Decision::<()>::later();
            let decision = match (acceptor, self.conversation.take_permit()) {
                (Some(acceptor), Some(mut permit)) => {
                    let decision = acceptor.decide_by(&mut permit, &request, |_| decision);
                    self.conversation = Conversation::server(permit);
                    decision
                }
                _ => decision,
            };
            match Verdict::from(decision) {
                Verdict::Now(decided) => {
                    if let Decided::Refuse(_, reason) = &decided {
                        *refused = Some(reason);
                    }
                    connection.answer(&decided)?;
                }
                Verdict::Later(undecided) => {
                    let undecided = Arc::clone(connection).postpone(undecided);
                    self.rare().undecided = Some(undecided);
                    return Poll::Ready(Ok(Some((request, decider))));
                }
            }
        }
    }

    /// Takes the decision on a request, once it is made.
    pub(super) fn decided(&mut self) -> Option<Decided> {
        let undecided = &mut self.rare.as_mut()?.undecided;
        let decided = undecided.as_mut()?.take()?;
        *undecided = None;
        Some(decided)
    }

    /// Answers a request whose decision is made, before the connection is left.
    pub(super) fn answer_late(&mut self) {
        if let Some(decided) = self.decided() {
            // Fails if the client is gone.
            let _ = self.sender.connection.answer(&decided);
        }
    }
}
