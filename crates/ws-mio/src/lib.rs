//! WebSocket servers and clients on one [`mio`] event loop, on the [`wsproto`] engine: very many
//! connections in one thread, without an async runtime.
//!
//! ```no_run
//! use ws_mio::{Decision, Message, ServerOptions, WebSocketConnection, WebSocketServer};
//!
//! WebSocketServer::bind("127.0.0.1:9002", ServerOptions::new())?.run(|_: &_, _: &_| {
//!     Decision::accept(|ws: &WebSocketConnection, message: Message| {
//!         // A peer that is gone meanwhile gets no echo.
//!         let _ = ws.send(message);
//!     })
//! })?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! The handlers are those of `ws-std`, where each connection has a thread instead: what is written for
//! one runs on the other unchanged. Here one thread calls them all, so none may wait for anything.
//!
//! # Two ways in
//!
//! **With a loop of ours**: [`WebSocketServer::run`] and [`spawn`](WebSocketServer::spawn) serve until
//! [`ServerHandle::terminate`] is called. An [`EventLoop`] carries several servers, and clients beside
//! them; [`EventLoop::run`] returns when nothing is left, and nobody has a [`LoopHandle`].
//!
//! **With a loop of your own**: a [`WebSocket`] is an event source for your [`mio::Poll`], with your
//! token. You tell it what is ready and what time it is, and get the events of its endpoint, an
//! [`Endpoint`](wsproto::Endpoint); buffers, timers and listeners are yours. The example `mio_own_loop` is a
//! server made this way, and `by_hand` the same with the engine alone.
//!
//! # Sending, and peers that do not read
//!
//! A [`WebSocketConnection`] sends from any thread and from callbacks. The result of
//! [`send`](WebSocketConnection::send) says what became of the message:
//!
//! * [`SendStatus::Sent`]: nothing waits for the peer. The message leaves when the events of one read
//!   are all handled, in one write with the other answers; from another thread, at the loop's next turn.
//! * [`SendStatus::Queued`]: it is taken, and leaves when the peer reads.
//! * [`Error::WouldExceed`]: more than
//!   [`Config::high_water_mark`](wsproto::Config::high_water_mark) bytes wait already. The message is handed
//!   back; [`on_drained`](ConnectionHandler::on_drained) says when there is room again.
//!
//! Answers that a handler sends in [`on_message`](ConnectionHandler::on_message) are counted apart from
//! everything else that is sent. While more than the mark of them waits, a server takes nothing more from
//! that peer; so a server's handler that sends one message for each it is given never sees `WouldExceed`. A
//! client always reads. A connection holds at most the mark and a message of either kind, and what one read
//! took. [`broadcast`](ServerHandle::broadcast) and [`publish`](ServerHandle::publish) leave out a peer that
//! does not read, and name it in [`Broadcast::refused`].
//!
//! # Threads
//!
//! [`WebSocketServer::bind_threads`] makes one server of several loops, each in a thread with a listener
//! of its own on the same port; [`connections`](ServerHandle::connections), `broadcast`, `publish` and
//! [`terminate`](ServerHandle::terminate) span them. A connection stays in the thread that accepted it.
//! The handler of the server is shared by all threads and called by one at a time; the handlers of
//! connections are called by their own threads.
//!
//! # Clients
//!
//! [`EventLoop::connect`] and [`LoopHandle::connect`] begin a connection and return its handle at once;
//! the handler is told when it is [open](ConnectionHandler::on_open), or why it never was. Names are
//! looked up in another thread, every address is tried, and [`ClientOptions`] has the proxy, the
//! redirects and the limits.
//!
//! # TLS
//!
//! `wss://` is built in, with rustls (feature `tls`, on by default): [`ServerOptions::tls`],
//! [`ClientOptions::tls`], and [`Stream::accept_tls`] and [`Stream::connect_tls`] for a loop of your own.
//!
//! What happens is told through the [`log`] facade.

mod deadlines;
mod dial;
mod event_loop;
mod listener;
mod loop_handle;
mod origin;
mod registry;
mod server;
mod shared;
mod slot;
mod stream;
#[cfg(feature = "tls")]
mod tls;
mod turn;
mod websocket;

pub use event_loop::EventLoop;
pub use loop_handle::LoopHandle;
pub use server::WebSocketServer;
pub use stream::Stream;
pub use websocket::WebSocket;
pub use ws_common::{
    Broadcast, ClientOptions, ConnectionHandler, ConnectionId, Decider, Decision, Error, Message,
    Proxy, ProxyError, RunningServer, SendStatus, ServerHandle, ServerHandler, ServerOptions,
    WebSocketConnection,
};
#[cfg(feature = "tls")]
pub use ws_common::{ClientTls, ServerTls, rustls};
pub use {mio, wsproto};
