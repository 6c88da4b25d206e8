//! An asynchronous stream as a non-blocking transport.

mod polled;
#[cfg(feature = "tls")]
mod tls;

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::mem;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
#[cfg(feature = "tls")]
use ws_common::adapter::tls::TlsState;
use ws_common::adapter::{Duplex, Link, Transport, TransportInfo, tune};
use ws_common::socket2::SockRef;
use wsproto::{Advice, ReadyState, Role};

use crate::tasks::Tasks;

/// The most bytes that sockets take whole or not at all, nearly always.
const SMALL: usize = 4 << 10;

pub(crate) use polled::Polled;

/// A stream that a connection can use.
pub(crate) trait AsyncStream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> AsyncStream for S {}

/// Returns a stream as a socket of the runtime, if it is one.
pub(crate) type AsTcp<S> = fn(&S) -> Option<&TcpStream>;

/// A stream, with or without TLS, as a transport. It is polled with the waker of the connection's [`Tasks`], or of the
/// only task that waits for it, so any thread may read and write.
pub(crate) struct Io<S> {
    /// `None` once it is [closed](Self::close).
    stream: Option<S>,
    #[cfg(feature = "tls")]
    tls: Option<Box<tls::Tls>>,
    as_tcp: AsTcp<S>,
    waker: Waker,
    /// Whether a read may return input: since the last [`retry`](Self::retry), none was refused, or would be.
    readable: bool,
    /// Whether the last read was refused, or the next one would be, so that the tasks are woken when there is input.
    awaits_input: bool,
    /// How often the stream had become ready at the last [`retry_if_woken`](Self::retry_if_woken).
    wakes: u32,
    /// Whether the owner has read input that it has not consumed. Only the owner may read then, because later input
    /// must not overtake it.
    owner_has_input: bool,
    /// Whether the last write was refused, and no [`retry`](Self::retry) has followed.
    blocked: bool,
    /// How many bytes the stream has taken that are not flushed, and not reported as written.
    unflushed: usize,
    end: End,
    /// Where the written bytes are counted.
    tasks: Arc<Tasks>,
    /// Whether bytes were written since the tasks that wait for room, or for the end, were last woken.
    wrote: bool,
    /// The time for which the carrier has set its alarm.
    pub(crate) alarm: Option<Duration>,
    /// Whether the carrier waits for the stream to take more output.
    pub(crate) output_watched: bool,
    /// The state, and whether no more can be written, when those tasks were last woken.
    last_news: (ReadyState, bool),
    /// When the first of the tasks that wait for room gives up; `None` without such a task.
    room_awaited: Option<Duration>,
}

/// The end of the writing side.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Open,
    /// Shutting down the stream has to be continued.
    Shutting,
    Shut,
}

impl<S: AsyncStream> Io<S> {
    pub(crate) fn new(stream: S, as_tcp: AsTcp<S>, tasks: &Arc<Tasks>) -> Self {
        if let Some(tcp) = as_tcp(&stream) {
            tune(SockRef::from(tcp));
        }
        Self {
            stream: Some(stream),
            #[cfg(feature = "tls")]
            tls: None,
            as_tcp,
            waker: Arc::clone(tasks).into(),
            readable: true,
            awaits_input: false,
            wakes: 0,
            owner_has_input: false,
            blocked: false,
            unflushed: 0,
            end: End::Open,
            tasks: Arc::clone(tasks),
            wrote: false,
            alarm: None,
            output_watched: false,
            last_news: (ReadyState::Connecting, false),
            room_awaited: None,
        }
    }

    /// Uses TLS on the stream.
    #[cfg(feature = "tls")]
    pub(crate) fn over_tls(mut self, tls: Option<TlsState>) -> Self {
        self.tls = tls.map(|tls| Box::new(tls::Tls::new(tls)));
        self
    }

    /// Has the stream wake this task alone: the carrier of a connection without an owner. Returns whether it did so
    /// before.
    pub(crate) fn wake_only(&mut self, waker: &Waker) -> bool {
        let known = self.waker.will_wake(waker);
        if !known {
            self.waker.clone_from(waker);
        }
        known
    }

    /// Tries the stream again: a task was woken, perhaps because it is ready.
    pub(crate) fn retry(&mut self) {
        (self.readable, self.blocked) = (true, false);
        #[cfg(feature = "tls")]
        if let (Some(tls), Some(stream)) = (&mut self.tls, &mut self.stream) {
            // Ciphertext of a read, such as an answer to a key update. If this fails, so does the next read or
            // write.
            let flushed = tls.flush(&Polled::new(stream, &self.waker));
            self.blocked = flushed.as_ref().is_err_and(would_block);
        }
        self.shut();
    }

    /// Tries the stream again, as [`retry`](Self::retry) does, unless it has no input, as far as is known, and has not
    /// woken its tasks since.
    pub(crate) fn retry_if_woken(&mut self) {
        let wakes = self.tasks.stream_wakes();
        #[cfg(feature = "tls")]
        let wants_write = self.tls.as_ref().is_some_and(|tls| tls.wants_write());
        #[cfg(not(feature = "tls"))]
        let wants_write = false;
        if wakes == self.wakes && !wants_write && self.awaits_input && !self.is_writing() {
            return;
        }
        self.wakes = wakes;
        self.retry();
    }

    /// Returns whether a task must be woken when the stream takes more output.
    pub(crate) fn is_writing(&self) -> bool {
        self.blocked || self.end == End::Shutting
    }

    /// Returns whether a read was refused, so that the tasks are woken when there is input.
    pub(crate) const fn awaits_input(&self) -> bool {
        self.awaits_input
    }

    /// Records that the owner does not read now, and must be woken when it may.
    pub(crate) const fn ignore_input(&mut self) {
        self.awaits_input = false;
    }

    /// Returns whether the owner has input that it has not consumed.
    pub(crate) const fn owner_has_input(&self) -> bool {
        self.owner_has_input
    }

    /// Sets whether the owner has input that it has not consumed.
    #[inline]
    pub(crate) const fn set_owner_has_input(&mut self, has_input: bool) {
        self.owner_has_input = has_input;
    }

    /// Returns whether tasks wait for room, and were not woken since there is some.
    pub(crate) const fn is_room_awaited(&self) -> bool {
        self.room_awaited.is_some()
    }

    /// Records that a task waits for room, and when it gives up. Returns whether the carrier must know: it wakes the task
    /// then.
    pub(crate) fn await_room(&mut self, end: Duration) -> bool {
        let is_first = self.room_awaited.is_none_or(|first| end < first);
        if is_first {
            self.room_awaited = Some(end);
        }
        is_first && end < Duration::MAX
    }

    /// Returns when the carrier must wake the tasks that wait for room, at the latest. It must wake them now if there is
    /// room, or the first of them gives up.
    pub(crate) fn room_deadline(&mut self, has_room: bool, now: Duration) -> Option<Duration> {
        self.room_awaited.take_if(|end| has_room || *end <= now);
        self.room_awaited.filter(|end| *end < Duration::MAX)
    }

    /// Takes the stream out: reads then find the end, and writes fail. Drop it without the lock.
    pub(crate) const fn close(&mut self) -> Option<S> {
        self.stream.take()
    }

    /// Writes, and flushes: bytes count as written once the stream keeps none of them.
    fn write(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let result = self.write_and_flush(slices);
        self.blocked |= result.as_ref().is_err_and(would_block);
        if let Ok(written @ 1..) = result {
            self.tasks.count_written(written as u64);
            self.wrote = true;
        }
        result
    }

    fn write_and_flush(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        if let Some(result) = self.write_small(slices) {
            return result;
        }
        let Some(stream) = &mut self.stream else { return Err(ErrorKind::BrokenPipe.into()) };
        let stream = Polled::new(stream, &self.waker);
        if self.unflushed == 0 {
            #[cfg(feature = "tls")]
            let written = match &mut self.tls {
                Some(tls) => tls.write(slices, &stream),
                None => (&stream).write_vectored(slices),
            };
            #[cfg(not(feature = "tls"))]
            let written = (&stream).write_vectored(slices);
            self.unflushed = written?;
        }
        (&stream).flush()?;
        Ok(mem::take(&mut self.unflushed))
    }

    /// Writes a small slice to a socket of the runtime, which keeps nothing to flush, without a poll. Returns `None` if
    /// the write has to be polled. A larger one is polled, because a poll learns from a short write that the next would
    /// block.
    fn write_small(&self, slices: &[IoSlice<'_>]) -> Option<io::Result<usize>> {
        #[cfg(feature = "tls")]
        if self.tls.is_some() {
            return None;
        }
        let ([slice], 0) = (slices, self.unflushed) else { return None };
        if slice.len() > SMALL {
            return None;
        }
        let written = (self.as_tcp)(self.stream.as_ref()?)?.try_write(slice);
        (!written.as_ref().is_err_and(would_block)).then_some(written)
    }

    fn read_raw(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let Some(stream) = &mut self.stream else { return Ok(0) };
        let stream = Polled::new(stream, &self.waker);
        #[cfg(feature = "tls")]
        if let Some(tls) = &mut self.tls {
            return tls.read(to, &stream);
        }
        (&stream).read(to)
    }

    /// Returns whether another read may succeed without input from the stream.
    fn has_more(&self) -> bool {
        #[cfg(feature = "tls")]
        return self.tls.as_ref().is_some_and(|tls| tls.has_more());
        #[cfg(not(feature = "tls"))]
        false
    }

    /// Returns whether the next read would be refused, after one that has not filled its buffer. The waker is then woken
    /// once there is input. Where the system allows it, the runtime concludes this from the short read itself.
    fn is_drained(&self) -> bool {
        if self.has_more() {
            return false;
        }
        let tcp = self.stream.as_ref().and_then(self.as_tcp);
        tcp.is_some_and(|tcp| {
            tcp.poll_read_ready(&mut Context::from_waker(&self.waker)).is_pending()
        })
    }

    /// Continues to shut down the stream.
    fn shut(&mut self) {
        let Some(stream) = self.stream.as_mut().filter(|_| self.end == End::Shutting) else {
            return;
        };
        let stream = Polled::new(stream, &self.waker);
        #[cfg(feature = "tls")]
        if let Some(tls) = &mut self.tls
            && tls.close(&stream).is_err_and(|error| would_block(&error))
        {
            return;
        }
        // If the peer has gone, the next read fails.
        let shut = stream.shut_down();
        if !shut.as_ref().is_err_and(would_block) {
            self.end = End::Shut;
        }
    }
}

fn would_block(error: &io::Error) -> bool {
    error.kind() == ErrorKind::WouldBlock
}

/// Returns whether the tasks that wait for room, or for the end, must be woken: something has changed since the last
/// call. Without a change, a task that waits for two things would wake itself again and again.
pub(crate) fn has_news<R: Role, S: AsyncStream>(link: &mut Link<R, Io<S>>) -> bool {
    let endpoint = link.endpoint();
    let failed = endpoint.has_failed() || endpoint.advice() == Advice::Drop;
    let (now, has_room) = ((endpoint.ready_state(), failed), endpoint.has_room());
    let io = link.transport_mut();
    let awaited = has_room && io.room_awaited.take().is_some();
    let wrote = mem::take(&mut io.wrote);
    mem::replace(&mut io.last_news, now) != now || wrote || awaited
}

impl<S: AsyncStream> Transport for Io<S> {
    fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write(&[IoSlice::new(bytes)])
    }

    fn try_write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.write(slices)
    }

    fn socket(&self) -> Option<SockRef<'_>> {
        (self.as_tcp)(self.stream.as_ref()?).map(SockRef::from)
    }

    #[inline]
    fn is_blocked(&self) -> bool {
        self.blocked
    }

    fn shutdown(&mut self) {
        if self.end != End::Open {
            return;
        }
        self.end = End::Shutting;
        self.shut();
    }

    fn info(&self) -> TransportInfo {
        let address = self.socket().and_then(|socket| socket.local_addr().ok()?.as_socket());
        let info = TransportInfo::new().local_addr(address);
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            return info.tls(tls.info());
        }
        info
    }
}

impl<S: AsyncStream> Duplex for Io<S> {
    fn try_read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let result = self.read_raw(buffer);
        self.after_read(result, buffer.len())
    }

    fn try_read_into(&mut self, message: &mut Vec<u8>) -> Option<io::Result<usize>> {
        #[cfg(feature = "tls")]
        if self.tls.is_some() {
            return None;
        }
        let size = message.capacity() - message.len();
        let stream = self.stream.as_mut()?;
        let result = Polled::new(stream, &self.waker).read_into(message);
        Some(self.after_read(result, size))
    }

    #[inline]
    fn is_readable(&self) -> bool {
        self.readable
    }
}

impl<S: AsyncStream> Io<S> {
    /// Records whether another read may succeed after one of at most `size` bytes.
    fn after_read(&mut self, result: io::Result<usize>, size: usize) -> io::Result<usize> {
        (self.awaits_input, self.readable) = match &result {
            Ok(0) => (false, false),
            Ok(read) => {
                let drained = *read < size && self.is_drained();
                (drained, !drained)
            }
            Err(error) if would_block(error) => {
                let more = self.has_more();
                (!more, more)
            }
            Err(_) => (false, false),
        };
        result
    }
}

#[cfg(all(test, feature = "tls"))]
pub(crate) mod tests;
