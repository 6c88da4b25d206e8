//! Handlers instead of a loop: who calls them, and in which order.

use std::any::Any;
use std::panic::{self, AssertUnwindSafe};

use ws_common::{ConnectionHandler, WebSocketConnection};
use wsproto::{CloseCode, CloseFrame, CloseInfo, Role};

use crate::step::Step;
use crate::{Stream, WebSocket};

/// What a handler's panic carries.
pub(crate) type Panic = Box<dyn Any + Send>;

impl<R: Role> WebSocket<Stream, R> {
    /// Calls a handler in this thread, until the connection is closed; tells how it ended. The same
    /// handler may carry a server's connections. Take a [`handle`](Self::handle) before, or in
    /// [`on_open`](ConnectionHandler::on_open), to send from elsewhere.
    ///
    /// ```no_run
    /// use ws_std::{Message, WebSocketConnection, connect};
    ///
    /// let ws = connect("ws://127.0.0.1:9001/")?;
    /// ws.handle().send("Hello")?;
    /// let info = ws.run(|ws: &WebSocketConnection, message: Message| {
    ///     println!("{message:?}");
    ///     // It may have been closed meanwhile.
    ///     let _ = ws.close(None);
    /// });
    /// println!("{info:?}");
    /// # Ok::<(), ws_std::Error>(())
    /// ```
    ///
    /// # Panics
    ///
    /// If the handler does, after the connection was closed with 1011.
    pub fn run(self, handler: impl ConnectionHandler) -> CloseInfo {
        let handle = self.handle();
        match self.carry(&handle, handler, || {}) {
            Ok(info) => info,
            Err(panic) => panic::resume_unwind(panic),
        }
    }

    /// Calls a handler until the connection is closed, and `closed` before its last call. After a
    /// panic it is not called again.
    pub(crate) fn carry(
        mut self,
        handle: &WebSocketConnection,
        mut handler: impl ConnectionHandler,
        closed: impl FnOnce(),
    ) -> Result<CloseInfo, Panic> {
        let mut call = guard(|| handler.on_open(handle));
        while call.is_ok() {
            call = match self.step() {
                Ok(Some(Step::Message(message))) => guard(|| handler.on_message(handle, message)),
                Ok(Some(Step::Drained)) => guard(|| handler.on_drained(handle)),
                Ok(Some(_)) => Ok(()),
                Ok(None) => break,
                Err(error) => guard(|| handler.on_error(handle, &error)),
            };
        }
        if call.is_err() {
            // The peer learns that it was not at fault.
            let sorry = CloseFrame::new(CloseCode::INTERNAL_ERROR, "").ok();
            let _ = handle.close_with(sorry);
        }
        let info = self.ended();
        closed();
        if call.is_ok() {
            call = guard(|| handler.on_terminate(handle, &info));
        }
        // Before anything that the owner does at the end.
        let dropped = guard(|| drop(handler));
        call.and(dropped).map(|()| info)
    }

    /// Waits until the connection is closed, whatever goes wrong on the way.
    fn ended(&mut self) -> CloseInfo {
        loop {
            // An error is reported once.
            if let Ok(info) = self.wait_closed() {
                return info.clone();
            }
        }
    }
}

/// Calls a handler, which may panic.
fn guard(call: impl FnOnce()) -> Result<(), Panic> {
    panic::catch_unwind(AssertUnwindSafe(call))
}
