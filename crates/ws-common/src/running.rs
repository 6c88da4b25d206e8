//! A server in threads of its own.

use std::panic;
use std::thread::JoinHandle;

use crate::ServerHandle;

/// A server that runs in threads of its own. Dropping it does not end the server.
#[derive(Debug)]
pub struct RunningServer {
    server: ServerHandle,
    thread: JoinHandle<()>,
}

impl RunningServer {
    /// Makes one of a server and the thread in which it runs. For adapters.
    #[must_use]
    pub const fn new(server: ServerHandle, thread: JoinHandle<()>) -> Self {
        Self { server, thread }
    }

    /// Returns the handle of the server.
    #[must_use]
    pub const fn handle(&self) -> &ServerHandle {
        &self.server
    }

    /// Waits until the server has ended.
    ///
    /// # Panics
    ///
    /// If the server's handler has panicked outside the calls for a connection.
    pub fn join(self) {
        if let Err(panic) = self.thread.join() {
            panic::resume_unwind(panic);
        }
    }
}
