//! A scripted stream, and a harness that drops futures.
#![allow(dead_code, unused_imports, reason = "each test uses a part")]

mod polling;

use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, duplex};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::yield_now;
use ws_tokio::WebSocket;
use ws_tokio::wsproto::handshake::{Accept, ClientRequest};
use ws_tokio::wsproto::{Config, Connection, Server};

pub(crate) use polling::poll_and_drop;

/// A client's request, and the length of the response to it.
pub(crate) const REQUEST: &[u8] =
    b"GET /chat HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// Returns a runtime of each kind.
pub(crate) fn runtimes() -> [Runtime; 2] {
    let build = |mut builder: Builder| builder.enable_all().build().expect("a runtime");
    let mut threads = Builder::new_multi_thread();
    threads.worker_threads(2);
    [build(Builder::new_current_thread()), build(threads)]
}

pub(crate) fn request() -> ClientRequest {
    ClientRequest::parse("ws://localhost/chat").expect("a URL")
}

/// Returns a client's frame, with a masking key of zeros.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let len = u8::try_from(payload.len()).expect("a short payload");
    assert!(len < 126, "a short payload");
    let mut frame = vec![first, 0x80 | len, 0, 0, 0, 0];
    frame.extend_from_slice(payload);
    frame
}

/// Returns a server's frames of these texts.
pub(crate) fn frames(texts: &[String]) -> Vec<u8> {
    let mut ws = Connection::<Server>::server(Config::new());
    let mut out = Vec::new();
    for text in texts {
        ws.send_text(text, &mut out).expect("open");
    }
    out
}

/// The far end of a [`Script`].
#[derive(Clone, Default)]
pub(crate) struct Far(Arc<Mutex<State>>);

#[derive(Default)]
pub(crate) struct State {
    /// The bytes that the stream reads.
    pub(crate) input: Vec<u8>,
    read: usize,
    /// Where reads are refused once, counted in bytes.
    pub(crate) cuts: Vec<usize>,
    /// Whether the input ends.
    pub(crate) ends: bool,
    /// How a read fails once the input is read.
    pub(crate) fails: Option<io::ErrorKind>,
    pub(crate) written: Vec<u8>,
    /// How many bytes may be written.
    pub(crate) room: usize,
    pub(crate) shut: bool,
    pub(crate) dropped: bool,
    wakers: Vec<Waker>,
}

impl Far {
    pub(crate) fn new(input: &[u8], room: usize) -> Self {
        let far = Self::default();
        (far.lock().input, far.lock().room) = (input.into(), room);
        far
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no panic")
    }

    /// Returns the stream.
    pub(crate) fn stream(&self) -> Script {
        Script(self.clone())
    }

    /// Changes the state, and wakes the stream.
    pub(crate) fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        change(&mut state);
        let wakers = std::mem::take(&mut state.wakers);
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Returns what was written after the response to the request.
    pub(crate) fn sent(&self) -> Vec<u8> {
        let written = self.lock().written.clone();
        let head = written.windows(4).position(|end| end == b"\r\n\r\n").expect("a response");
        written[head + 4..].into()
    }
}

/// A stream whose reads and writes are cut as its [`Far`] end says.
pub(crate) struct Script(Far);

impl AsyncRead for Script {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut state = self.0.lock();
        let state = &mut *state;
        if state.cuts.first() == Some(&state.read) {
            state.cuts.remove(0);
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let until = state.cuts.first().copied().unwrap_or(state.input.len()).min(state.input.len());
        let rest = &state.input[state.read..until];
        if let Some(kind) = state.fails.filter(|_| rest.is_empty()) {
            return Poll::Ready(Err(kind.into()));
        }
        if rest.is_empty() && !state.ends {
            state.wakers.push(context.waker().clone());
            return Poll::Pending;
        }
        let len = rest.len().min(buffer.remaining());
        buffer.put_slice(&rest[..len]);
        state.read += len;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Script {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut state = self.0.lock();
        let len = bytes.len().min(state.room - state.written.len());
        if len == 0 {
            state.wakers.push(context.waker().clone());
            return Poll::Pending;
        }
        state.written.extend_from_slice(&bytes[..len]);
        Poll::Ready(Ok(len))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.lock().shut = true;
        Poll::Ready(Ok(()))
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        self.0.lock().dropped = true;
    }
}

/// Returns the server's end of a connection that is open.
pub(crate) async fn accept(far: &Far, config: Config) -> WebSocket {
    let request = ws_tokio::server(far.stream(), config).await.expect("valid").expect("a request");
    request.accept(&Accept::new()).await.expect("an upgrade")
}

/// Both ends of a connection, in a runtime.
pub(crate) async fn pair() -> (WebSocket, WebSocket) {
    let (here, there) = duplex(1 << 16);
    let (client, server) =
        tokio::join!(ws_tokio::client(here, request(), Config::new()), ws_tokio::accept(there));
    (client.expect("a client"), server.expect("a server"))
}

/// Wakes a thread.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future outside of a runtime.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    assert!(Handle::try_current().is_err());
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let (mut future, mut context) = (pin!(future), Context::from_waker(&waker));
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

/// Lets the other tasks run until they wait.
pub(crate) async fn settle() {
    for _ in 0..20 {
        yield_now().await;
    }
}
