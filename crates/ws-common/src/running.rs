//! A server that runs in background threads.

use std::panic;
use std::thread::JoinHandle;

use crate::ServerHandle;

/// A server that runs in background threads. Dropping this value does not end the server.
#[derive(Debug)]
pub struct RunningServer {
    server: ServerHandle,
    thread: JoinHandle<()>,
}

impl RunningServer {
    /// Joins a server's handle and the thread that runs the server.
    pub(crate) const fn new(server: ServerHandle, thread: JoinHandle<()>) -> Self {
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
    /// Resumes the panic of the server's thread, if that thread has panicked.
    pub fn join(self) {
        if let Err(panic) = self.thread.join() {
            panic::resume_unwind(panic);
        }
    }
}
