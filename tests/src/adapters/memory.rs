//! A network in memory, whose streams are transports. Connections behave like TCP: bounded buffers, half-close,
//! and a reset if an end is dropped with unread input, or its peer writes to it later.
#![allow(unnameable_types, reason = "tests name them through `Network`")]

mod bell;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ws_common::adapter::{Duplex, Transport};

use super::network::{Network, RawStream};

pub(super) use bell::{Bell, now, time_of};

/// The most unread bytes in each direction.
const ROOM: usize = 64 << 10;

/// The most connections that wait to be accepted; further ones are refused.
const BACKLOG: usize = 128;

/// All addresses are in this reserved block, which TCP cannot reach (240.0.0.0/4, RFC 1112 section 4).
const HOST: Ipv4Addr = Ipv4Addr::new(240, 0, 0, 1);

/// The listeners, by their addresses.
static LISTENERS: Mutex<BTreeMap<SocketAddr, Arc<Backlog>>> = Mutex::new(BTreeMap::new());

/// Returns an address that is not in use.
fn free_address() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    loop {
        let port = NEXT.fetch_add(1, Ordering::Relaxed);
        let address = (HOST, port).into();
        if port != 0 && !lock(&LISTENERS).contains_key(&address) {
            return address;
        }
    }
}

/// Ignores poisoning: no lock is held while its data is inconsistent.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A listener.
#[derive(Debug)]
pub struct Listener {
    address: SocketAddr,
    backlog: Arc<Backlog>,
}

#[derive(Debug)]
struct Backlog {
    bell: Arc<Bell>,
    waiting: Mutex<VecDeque<Stream>>,
}

impl Listener {
    /// Listens on a free address. The bell rings for new clients and for their later input.
    #[must_use]
    pub fn new(bell: &Arc<Bell>) -> Self {
        let address = free_address();
        let backlog = Arc::new(Backlog { bell: Arc::clone(bell), waiting: Mutex::default() });
        lock(&LISTENERS).insert(address, Arc::clone(&backlog));
        Self { address, backlog }
    }

    /// Returns the listener's address.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts a waiting client, if any.
    #[must_use]
    pub fn accept(&self) -> Option<Stream> {
        lock(&self.backlog.waiting).pop_front()
    }
}

/// Resets connections that were not accepted.
impl Drop for Listener {
    fn drop(&mut self) {
        lock(&LISTENERS).remove(&self.address);
        lock(&self.backlog.waiting).drain(..).for_each(|stream| drop(stream.reset()));
    }
}

/// One end of a connection.
#[derive(Debug)]
pub struct Stream {
    wire: Arc<Mutex<[End; 2]>>,
    /// The index of this end in `wire`.
    index: usize,
    peer: SocketAddr,
    bell: Arc<Bell>,
    /// The time limit of a read.
    limit: Option<Duration>,
}

/// The state of one end.
#[derive(Debug)]
struct End {
    /// Unread input.
    inbox: VecDeque<u8>,
    /// Whether the peer has ended its writing side.
    ended: bool,
    /// Whether the next read reports a reset.
    reset: bool,
    /// Whether writing fails.
    broken: bool,
    /// Whether this end was dropped.
    gone: bool,
    bell: Arc<Bell>,
}

impl End {
    fn new(bell: &Arc<Bell>) -> Self {
        let inbox = VecDeque::new();
        Self { inbox, ended: false, reset: false, broken: false, gone: false, bell: bell.clone() }
    }

    fn take_reset(&mut self) {
        (self.ended, self.reset, self.broken) = (true, true, true);
        self.bell.ring();
    }

    /// Drops this end and resets the other one.
    fn leave(&mut self, there: &mut Self) {
        self.gone = true;
        there.take_reset();
    }
}

impl Stream {
    /// Connects to a listener. The bell rings for input and for room to write.
    ///
    /// # Errors
    ///
    /// `ConnectionRefused` if there is no listener at the address, or its backlog is full.
    pub fn connect(address: SocketAddr, bell: &Arc<Bell>) -> io::Result<Self> {
        let from = free_address();
        let listeners = lock(&LISTENERS);
        let backlog = listeners.get(&address).ok_or(ErrorKind::ConnectionRefused)?;
        let mut waiting = lock(&backlog.waiting);
        if waiting.len() >= BACKLOG {
            return Err(ErrorKind::ConnectionRefused.into());
        }
        let wire = Arc::new(Mutex::new([End::new(bell), End::new(&backlog.bell)]));
        let end = |index, peer, bell: &Arc<Bell>| Self {
            wire: Arc::clone(&wire),
            index,
            peer,
            bell: Arc::clone(bell),
            limit: None,
        };
        waiting.push_back(end(1, from, &backlog.bell));
        backlog.bell.ring();
        Ok(end(0, address, bell))
    }

    /// Returns the address of the other end.
    #[must_use]
    pub const fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Runs `look` on this end and the other one, locked.
    fn ends<T>(&self, look: impl FnOnce(&mut End, &mut End) -> T) -> T {
        let [first, second] = &mut *lock(&self.wire);
        match self.index {
            0 => look(first, second),
            _ => look(second, first),
        }
    }
}

impl Transport for Stream {
    fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.ends(|here, there| {
            if here.broken {
                return Err(ErrorKind::BrokenPipe.into());
            }
            if there.gone {
                here.take_reset();
                return Ok(bytes.len());
            }
            let len = bytes.len().min(ROOM - there.inbox.len());
            if len == 0 && !bytes.is_empty() {
                return Err(ErrorKind::WouldBlock.into());
            }
            there.inbox.extend(&bytes[..len]);
            there.bell.ring();
            Ok(len)
        })
    }

    fn is_blocked(&self) -> bool {
        self.ends(|here, there| !here.broken && !there.gone && there.inbox.len() >= ROOM)
    }

    fn shutdown(&mut self) {
        self.ends(|here, there| {
            (here.broken, there.ended) = (true, true);
            there.bell.ring();
        });
    }
}

impl Stream {
    /// Reads what has arrived by `read`.
    fn read_by(
        &mut self,
        read: impl FnOnce(&mut VecDeque<u8>) -> io::Result<usize>,
    ) -> io::Result<usize> {
        self.ends(|here, there| {
            if here.inbox.is_empty() {
                return match (std::mem::take(&mut here.reset), here.ended) {
                    (true, _) => Err(ErrorKind::ConnectionReset.into()),
                    (false, true) => Ok(0),
                    (false, false) => Err(ErrorKind::WouldBlock.into()),
                };
            }
            let len = read(&mut here.inbox)?;
            there.bell.ring();
            Ok(len)
        })
    }
}

impl Duplex for Stream {
    fn try_read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.read_by(|inbox| inbox.read(buffer))
    }

    fn try_read_into(&mut self, message: &mut Vec<u8>) -> Option<io::Result<usize>> {
        let room = (message.capacity() - message.len()) as u64;
        Some(self.read_by(|inbox| inbox.take(room).read_to_end(message)))
    }

    fn is_readable(&self) -> bool {
        self.ends(|here, _| here.ended || here.reset || !here.inbox.is_empty())
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.ends(|here, there| match (here.gone, here.inbox.is_empty()) {
            (true, _) => {}
            (false, false) => here.leave(there),
            (false, true) => {
                (here.gone, there.ended) = (true, true);
                there.bell.ring();
            }
        });
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (bell, limit) = (Arc::clone(&self.bell), self.limit);
        bell.retry(limit, || self.try_read(buffer))
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let bell = Arc::clone(&self.bell);
        bell.retry(None, || self.try_write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl RawStream for Stream {
    fn limit_reading(&mut self, limit: Duration) -> io::Result<()> {
        self.limit = Some(limit);
        Ok(())
    }

    fn end_writing(&mut self) -> io::Result<()> {
        self.shutdown();
        Ok(())
    }

    fn reset(self) -> io::Result<()> {
        self.ends(End::leave);
        Ok(())
    }
}

/// The network in memory, for hand-written peers.
#[derive(Debug)]
pub enum Memory {}

impl Network for Memory {
    type Stream = Stream;
    type Listener = Listener;

    fn connect(address: SocketAddr) -> io::Result<Stream> {
        Stream::connect(address, &Arc::default())
    }

    fn listen() -> io::Result<(Listener, SocketAddr)> {
        let listener = Listener::new(&Arc::default());
        let address = listener.address();
        Ok((listener, address))
    }

    fn accept(listener: &Listener) -> io::Result<Stream> {
        let would_block = || io::Error::from(ErrorKind::WouldBlock);
        listener.backlog.bell.retry(None, || listener.accept().ok_or_else(would_block))
    }
}
