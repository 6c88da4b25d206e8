//! The interface of a connection to the application that takes its events; role and stream do not matter.

use std::sync::Arc;
use std::task::{Context, Poll};

use ws_common::adapter::{ConnectionLink, Conversation, Decided, DynHandler, Step, Undecided};
use ws_common::{Error, IncomingRequest, Message, WebSocketConnection};
use wsproto::handshake::Response;

use crate::buffers::Input;
use crate::room::RoomWait;
use crate::tasks::{Tasks, Waiter};

/// The progress of a connection.
pub(crate) enum Progress {
    Step(Step),
    /// There may be another step.
    Again,
    /// Reading has failed. There may be another step.
    Failed(Box<Error>),
    /// There is nothing to do. The owner's task is woken when that may have changed.
    Idle,
    /// The transport is gone.
    Over,
}

/// A connection whose events the application takes.
pub(crate) trait Owned: ConnectionLink {
    fn tasks(&self) -> &Arc<Tasks>;

    /// Takes the next message if it is small, has arrived whole, and nothing else comes before it. It is written to `to`
    /// before the lock is released: a processor that releases a lock has finished its writes, so that moving the message
    /// in larger words than it was written in does not stall.
    fn next_message(&self, input: &mut Input, to: &mut Option<Message>);

    /// Returns the next step, out of `input`. Without one, writes what is pending, reads once, and looks again.
    fn advance(&self, input: &mut Input) -> Progress;

    /// Sends a message, for which room was promised.
    fn send_promised(&self, message: Message) -> Result<(), Error>;

    /// Returns true once a message may be sent, or will fail; false once the peer has read nothing for too long.
    /// Otherwise registers the waiter.
    fn poll_room(&self, wait: &mut RoomWait, context: &Context<'_>) -> Poll<bool>;

    /// Returns ready once everything is written that is unwritten when `goal` is `None`, or some of it is lost.
    /// Otherwise registers the waiter.
    fn poll_written(
        &self,
        goal: &mut Option<u64>,
        waiter: &mut Waiter,
        context: &Context<'_>,
    ) -> Poll<Result<(), Error>>;

    /// Returns whether the client follows a response as a redirect.
    fn follows(&self, response: &Response) -> bool;

    /// Returns whether the connection is over. Otherwise registers the waiter.
    fn is_over(&self, waiter: &mut Waiter, context: &Context<'_>) -> bool;

    /// Passes a step on to the conversation.
    fn take(
        self: Arc<Self>,
        conversation: &mut Conversation,
        handle: &WebSocketConnection,
        step: Step,
    );

    /// Ends a connection whose session has no end to report.
    fn end(&self, conversation: &mut Conversation, handle: &WebSocketConnection);

    /// Takes no more steps: closes the connection, and leaves it to its carrier.
    fn leave(&self, conversation: Conversation, handle: &WebSocketConnection, input: Input);

    /// Takes no more steps: the carrier passes them to a handler.
    fn hand_over(
        &self,
        conversation: Conversation,
        handle: &WebSocketConnection,
        input: Input,
        handler: Box<dyn DynHandler>,
    );

    /// Returns whether the client has received a redirect that it follows.
    fn dials_again(&self) -> bool;

    /// Returns the response that has opened the client's connection, once.
    fn take_response(&self) -> Option<Response>;

    /// Returns the request that waits for a decision.
    fn incoming_request(&self) -> Option<IncomingRequest>;

    /// Answers the request.
    fn answer(&self, decided: &Decided) -> Result<(), Error>;

    /// Postpones the answer to the request.
    fn postpone(self: Arc<Self>, undecided: Box<dyn Undecided>) -> Box<dyn Undecided>;
}
