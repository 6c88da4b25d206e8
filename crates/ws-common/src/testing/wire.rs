//! A transport in memory.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read};
use std::mem;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use crate::adapter::{Duplex, Transport};

/// The bytes between a server's connection and its test client.
#[derive(Clone, Default)]
pub(super) struct Wire(Arc<Mutex<Bytes>>);

#[derive(Default)]
struct Bytes {
    to_server: VecDeque<u8>,
    to_client: Vec<u8>,
    /// Whether the server has ended its writing side.
    server_ended: bool,
    /// Whether the client has ended its writing side.
    client_ended: bool,
    /// Whether the client reads nothing.
    blocked: bool,
}

impl Wire {
    fn lock(&self) -> MutexGuard<'_, Bytes> {
        self.0.lock()
    }

    pub(super) fn write(&self, bytes: &[u8]) {
        self.lock().to_server.extend(bytes);
    }

    /// Takes the bytes for the client; none while it does not read.
    pub(super) fn take(&self) -> Vec<u8> {
        let mut bytes = self.lock();
        if bytes.blocked { Vec::new() } else { mem::take(&mut bytes.to_client) }
    }

    /// Returns whether the server has ended its writing side and the client has read everything.
    pub(super) fn is_at_end(&self) -> bool {
        let bytes = self.lock();
        bytes.server_ended && bytes.to_client.is_empty()
    }

    /// Ends the client's writing side. Returns whether it was open.
    pub(super) fn end(&self) -> bool {
        !mem::replace(&mut self.lock().client_ended, true)
    }

    pub(super) fn set_blocked(&self, blocked: bool) {
        self.lock().blocked = blocked;
    }
}

impl Transport for Wire {
    fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut wire = self.lock();
        if wire.blocked {
            return Err(ErrorKind::WouldBlock.into());
        }
        wire.to_client.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn is_blocked(&self) -> bool {
        self.lock().blocked
    }

    fn shutdown(&mut self) {
        self.lock().server_ended = true;
    }
}

impl Wire {
    /// Reads what has arrived by `read`.
    fn read_by(
        &mut self,
        read: impl FnOnce(&mut VecDeque<u8>) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let mut wire = self.lock();
        match read(&mut wire.to_server)? {
            0 if !wire.client_ended => Err(ErrorKind::WouldBlock.into()),
            read => Ok(read),
        }
    }
}

impl Duplex for Wire {
    fn try_read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.read_by(|bytes| bytes.read(buffer))
    }

    fn try_read_into(&mut self, message: &mut Vec<u8>) -> Option<io::Result<usize>> {
        let room = (message.capacity() - message.len()) as u64;
        Some(self.read_by(|bytes| bytes.take(room).read_to_end(message)))
    }

    fn is_readable(&self) -> bool {
        let wire = self.lock();
        !wire.to_server.is_empty() || wire.client_ended
    }
}
