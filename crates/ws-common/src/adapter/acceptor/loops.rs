//! The loops or threads of a server: they join and leave, and the last one ends it.

use std::sync::atomic::Ordering;

use super::Acceptor;
#[cfg(doc)]
use crate::ServerHandler;
use crate::adapter::logging::error;
use crate::adapter::panics::catch;

impl Acceptor {
    /// Joins the server's bus, and reports to the handler that the server has started.
    pub fn announce(&self) {
        self.call(|handler, server| {
            // While the handler is locked: it hears of the bus after this call.
            server.join_bus();
            handler.on_open(server);
        });
    }

    /// Records that a loop or thread begins to accept for the server. The first one joins the server's bus, if that
    /// was not [announced](Self::announce).
    pub fn join(&self) {
        self.server.join_bus();
        self.joined.fetch_add(1, Ordering::SeqCst);
    }

    /// Records that a loop or thread has finished its work for the server. The last one ends the server:
    /// this call blocks until all connections are closed, then calls
    /// [`on_terminate`](ServerHandler::on_terminate).
    pub fn leave(&self) {
        if self.joined.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.end_in_order();
        }
    }

    /// Records that a loop or thread has ended without finishing its work for the server, as one whose runtime shuts
    /// down does. The last one ends the server at once, as dropping the acceptor does: the handler is dropped
    /// without its last call, and the server leaves its bus.
    pub fn abandon(&self) {
        if self.joined.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.end_at_once();
        }
    }

    /// Ends a server for which no loop or thread works any more. Returns `false` if it had ended before.
    fn end_at_once(&self) -> bool {
        let ended = self.server.end_at_once();
        self.drop_handler();
        if ended {
            self.server.leave_bus();
        }
        ended
    }

    /// Waits until all connections are closed, then makes the handler's last call. Drops the handler, which
    /// may itself own handles to the server.
    fn end_in_order(&self) {
        self.server.wait_terminated();
        self.call(|handler, server| handler.on_terminate(server));
        self.drop_handler();
        self.server.leave_bus();
    }

    /// Drops the handler; a panic is caught and logged.
    fn drop_handler(&self) {
        let handler = self.handler().take();
        if catch(|| drop(handler)).is_err() {
            error!("the handler of the server at {:?} has panicked", self.server.local_addr());
        }
    }
}

/// Ends the server: nothing can accept for it any more, and it has no connections.
impl Drop for Acceptor {
    fn drop(&mut self) {
        if self.end_at_once() {
            // A task that waits for the server's timers has nothing to wait for.
            self.server.wake();
        }
    }
}
