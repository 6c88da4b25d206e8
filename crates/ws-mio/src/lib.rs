//! WebSocket servers and clients on one [`mio`] event loop, on the [`wsproto`] engine.

mod connection;
mod deadlines;
mod dialing;
mod door;
mod event_loop;
mod listening;
mod loop_handle;
mod registry;
mod scratch;
mod server;
mod shared;
mod side;
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
pub use ws_objects::{
    Accepted, Answer, Broadcast, ClientOptions, ConnectionHandler, ConnectionId, Error, Message,
    Proxy, ProxyError, RunningServer, SendStatus, ServerHandle, ServerHandler, ServerOptions,
    WebSocketConnection,
};
#[cfg(feature = "tls")]
pub use ws_objects::{ClientTls, ServerTls};
pub use {mio, wsproto};
