//! Servers that echo, one for each implementation. All run on as many threads as they are told, except for
//! tungstenite and `ws-std`, which block and have a thread for each connection, and [`OWN_LOOP`].

mod bare;
#[cfg(feature = "deflate")]
pub mod compressing;
mod fastwebsockets;
mod handlers;
mod own_loop;
mod sockudo;
mod tokio_tungstenite;
mod tokio_websockets;
mod tungstenite;
mod ws_mio;
mod ws_std;
mod ws_tokio;
mod yawc;

use std::future::Future;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};

use futures::{Sink, SinkExt, Stream, StreamExt};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};

/// Serves until the process ends; returns only if it cannot begin.
pub type Serve = fn(Start) -> io::Result<()>;

/// All of them, by name.
pub const ALL: [(&str, Serve); 12] = [
    ("ws-mio", ws_mio::serve),
    (OWN_LOOP, own_loop::serve),
    ("ws-std", ws_std::serve),
    ("ws-tokio", ws_tokio::serve),
    ("ws-tokio-async", ws_tokio::serve_async),
    ("bare-epoll", bare::serve),
    ("tungstenite", tungstenite::serve),
    ("tokio-tungstenite", tokio_tungstenite::serve),
    ("fastwebsockets", fastwebsockets::serve),
    ("tokio-websockets", tokio_websockets::serve),
    ("yawc", yawc::serve),
    ("sockudo-ws", sockudo::serve),
];

/// A loop that looks at each of its connections in turn, so not one for thousands of them, and on one thread only.
pub const OWN_LOOP: &str = "own-loop";

/// The largest message that has to be echoed.
const LIMIT: usize = 64 << 20;

/// The address and the threads of a server.
#[derive(Clone, Copy, Debug)]
pub struct Start {
    /// The address to listen on.
    pub address: SocketAddr,
    /// How many threads serve.
    pub threads: usize,
}

impl Start {
    /// Begins to listen, and says where.
    fn listen(self) -> io::Result<TcpListener> {
        let listener = TcpListener::bind(self.address)?;
        announce(listener.local_addr()?)?;
        Ok(listener)
    }

    /// Returns a runtime of tokio with these threads.
    fn runtime(self) -> io::Result<Runtime> {
        let mut builder = match self.threads {
            1 => Builder::new_current_thread(),
            _ => Builder::new_multi_thread(),
        };
        builder.worker_threads(self.threads).enable_all().build()
    }
}

/// Says where a server listens.
fn announce(address: SocketAddr) -> io::Result<()> {
    println!("listening on {address}");
    io::stdout().flush()
}

/// Returns the server of that name.
#[must_use]
pub fn find(name: &str) -> Option<Serve> {
    let mut all = ALL.iter();
    let found = all.find(|(known, _)| *known == name).map(|(_, serve)| *serve);
    #[cfg(feature = "deflate")]
    let found = found.or_else(|| compressing::find(name));
    found
}

/// Starts a task with `converse` for each connection.
fn with_tasks<F: Future<Output = ()> + Send + 'static>(
    start: Start,
    converse: fn(TcpStream) -> F,
) -> io::Result<()> {
    let listener = start.listen()?;
    listener.set_nonblocking(true)?;
    start.runtime()?.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(converse(stream));
        }
    })
}

/// Sends back each message for which `is_data`, and flushes it.
async fn echo<M, E>(
    mut socket: impl Stream<Item = Result<M, E>> + Sink<M> + Unpin,
    is_data: fn(&M) -> bool,
) {
    while let Some(Ok(message)) = socket.next().await {
        if is_data(&message) && socket.send(message).await.is_err() {
            return;
        }
    }
}
