//! Servers that send each message they receive to all their connections, the sender's included.

mod fastwebsockets;
mod ours;

use futures::{Sink, SinkExt, Stream, StreamExt};
use tokio::net::TcpStream;
use tokio::sync::broadcast::{Receiver, Sender, channel, error::RecvError};
use tokio_tungstenite::accept_async;
use tokio_websockets::ServerBuilder;

use super::{Serve, with_tasks_sharing};

/// All of them, by name.
pub const ALL: [(&str, Serve); 6] = [
    ("ws-mio-publish", ours::serve_mio),
    ("ws-tokio-publish", ours::serve_tokio),
    (BLOCKING, ours::serve_std),
    ("tokio-tungstenite-publish", |start| {
        with_tasks_sharing(start, news(), |stream: TcpStream, news| async move {
            let receiver = news.subscribe();
            let Ok(socket) = accept_async(stream).await else { return };
            relay(socket, &news, receiver, |message| message.is_binary()).await;
        })
    }),
    ("tokio-websockets-publish", |start| {
        with_tasks_sharing(start, news(), |stream: TcpStream, news| async move {
            let receiver = news.subscribe();
            let Ok((_, socket)) = ServerBuilder::new().accept(stream).await else { return };
            relay(socket, &news, receiver, |message| message.is_binary()).await;
        })
    }),
    ("fastwebsockets-publish", fastwebsockets::serve),
];

/// The one with a thread for each connection.
pub const BLOCKING: &str = "ws-std-publish";

/// Those that publish with one thread only: the blocking one has no number of threads, and `uwebsockets/server.c`
/// cannot publish to other threads.
pub const WITH_ONE_THREAD: [&str; 2] = [BLOCKING, "uWebSockets-publish"];

/// How many messages a connection may be behind before it misses some: more than a load has on the way.
const BEHIND: usize = 64;

/// Returns the server of that name.
pub(super) fn find(name: &str) -> Option<Serve> {
    ALL.iter().find(|(known, _)| *known == name).map(|(_, serve)| *serve)
}

fn news<M: Clone>() -> Sender<M> {
    channel(BEHIND).0
}

/// Publishes what the socket receives, and sends it what is published.
async fn relay<M: Clone, E>(
    mut socket: impl Stream<Item = Result<M, E>> + Sink<M> + Unpin,
    news: &Sender<M>,
    mut receiver: Receiver<M>,
    is_data: fn(&M) -> bool,
) {
    loop {
        tokio::select! {
            received = socket.next() => match received {
                // Fails if nobody listens, and the sender does.
                Some(Ok(message)) if is_data(&message) => drop(news.send(message)),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return,
            },
            published = receiver.recv() => match published {
                Ok(message) => {
                    if socket.send(message).await.is_err() {
                        return;
                    }
                }
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            },
        }
    }
}
