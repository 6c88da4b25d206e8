//! A stream, polled with one waker, as a non-blocking one.

use std::cell::RefCell;
use std::future::Future;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncReadExt, ReadBuf};

use super::AsyncStream;

/// A stream whose waker is known: `Pending` is `WouldBlock`, and the waker is then woken once the stream is ready.
/// References read and write, so that TLS can use both directions.
pub(crate) struct Polled<'a, S> {
    stream: RefCell<&'a mut S>,
    waker: &'a Waker,
}

impl<'a, S: AsyncStream> Polled<'a, S> {
    pub(crate) const fn new(stream: &'a mut S, waker: &'a Waker) -> Self {
        Self { stream: RefCell::new(stream), waker }
    }

    fn poll<T>(
        &self,
        mut poll: impl FnMut(Pin<&mut S>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> io::Result<T> {
        let mut stream = self.stream.borrow_mut();
        let mut context = Context::from_waker(self.waker);
        loop {
            match poll(Pin::new(&mut **stream), &mut context) {
                Poll::Ready(Err(error)) if error.kind() == ErrorKind::Interrupted => {}
                Poll::Ready(result) => return result,
                Poll::Pending => return Err(ErrorKind::WouldBlock.into()),
            }
        }
    }

    /// Reads into the spare capacity of `to`, of which there is some.
    pub(super) fn read_into(&self, to: &mut Vec<u8>) -> io::Result<usize> {
        self.poll(|stream, context| pin!(stream.get_mut().read_buf(to)).poll(context))
    }

    /// Shuts down the writing side.
    pub(super) fn shut_down(&self) -> io::Result<()> {
        self.poll(S::poll_shutdown)
    }
}

impl<S: AsyncStream> Read for &Polled<'_, S> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let mut buffer = ReadBuf::new(to);
        self.poll(|stream, context| stream.poll_read(context, &mut buffer))?;
        Ok(buffer.filled().len())
    }
}

impl<S: AsyncStream> Write for &Polled<'_, S> {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        self.poll(|stream, context| stream.poll_write(context, from))
    }

    fn write_vectored(&mut self, from: &[IoSlice<'_>]) -> io::Result<usize> {
        // `write` takes the system less time than `writev`.
        if let [one] = from {
            return self.write(one);
        }
        if !self.stream.borrow().is_write_vectored() {
            // One slice, so that a short write means that the stream takes no more.
            let first = from.iter().find(|slice| !slice.is_empty());
            return first.map_or(Ok(0), |slice| self.write(slice));
        }
        self.poll(|stream, context| stream.poll_write_vectored(context, from))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.poll(S::poll_flush)
    }
}
