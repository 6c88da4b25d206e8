//! Servers that echo, one for each implementation. All run on one thread, except for tungstenite and
//! `ws-std`, which block and have a thread for each connection.

mod bare;
#[cfg(feature = "deflate")]
pub mod compressing;
mod fastwebsockets;
mod own_loop;
mod tokio_tungstenite;
mod tokio_websockets;
mod tungstenite;
mod ws_mio;
mod ws_std;

use std::future::Future;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};

use tokio::net::TcpStream;

/// Serves until the process ends; returns only if it cannot begin.
pub type Serve = fn(TcpListener) -> io::Result<()>;

/// All of them, by name.
pub const ALL: [(&str, Serve); 8] = [
    ("ws-mio", ws_mio::serve),
    (OWN_LOOP, own_loop::serve),
    ("ws-std", ws_std::serve),
    ("bare-epoll", bare::serve),
    ("tungstenite", tungstenite::serve),
    ("tokio-tungstenite", tokio_tungstenite::serve),
    ("fastwebsockets", fastwebsockets::serve),
    ("tokio-websockets", tokio_websockets::serve),
];

/// A loop that looks at each of its connections in turn, so not one for thousands of them.
pub const OWN_LOOP: &str = "own-loop";

/// The largest message that has to be echoed.
const LIMIT: usize = 64 << 20;

/// Returns the server of that name.
#[must_use]
pub fn find(name: &str) -> Option<Serve> {
    let mut all = ALL.iter();
    let found = all.find(|(known, _)| *known == name).map(|(_, serve)| *serve);
    #[cfg(feature = "deflate")]
    let found = found.or_else(|| compressing::find(name));
    found
}

/// Begins to listen, says where, and serves.
///
/// # Errors
///
/// If the address cannot be had.
pub fn run(serve: Serve, address: SocketAddr) -> io::Result<()> {
    let listener = TcpListener::bind(address)?;
    println!("listening on {}", listener.local_addr()?);
    io::stdout().flush()?;
    serve(listener)
}

/// Starts `converse` for each connection, all on this thread.
fn on_this_thread<F: Future<Output = ()> + 'static>(
    listener: TcpListener,
    converse: fn(TcpStream) -> F,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::task::spawn_local(converse(stream));
        }
    })
}
