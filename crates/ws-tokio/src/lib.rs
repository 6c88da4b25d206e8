//! WebSocket clients and servers for tokio, on the [`wsproto`] engine.

mod alarm;
mod buffers;
mod carrier;
mod client;
mod connect;
mod dial;
#[cfg(feature = "hyper")]
mod h2;
mod io;
mod origin;
mod owned;
mod reconnect;
mod request;
mod server;
mod tasks;
#[cfg(feature = "hyper")]
mod upgrade;
mod websocket;

pub use client::client;
pub use connect::{connect, connect_with};
#[cfg(feature = "hyper")]
pub use h2::H2;
pub use reconnect::reconnect;
pub use request::{Request, accept, server};
pub use server::{Serving, WebSocketServer, serve_per_core};
#[cfg(feature = "hyper")]
pub use upgrade::{Refusal, Upgrade, UpgradeServer, Upgrading, http_response};
pub use websocket::{Receiver, Sender, WebSocket};
pub use ws_common::{
    Broadcast, Cancel, ClientOptions, ConnectTo, ConnectionHandler, ConnectionId, Decider,
    Decision, Error, IncomingRequest, InvalidNetwork, Message, Proxies, Proxy, ProxyError,
    ProxyHeaderError, Reconnect, ReconnectEvent, RefusedStats, RunningServer, SendStatus,
    ServerHandle, ServerHandler, ServerOptions, ServerStats, TimerId, TrustedProxies,
    WebSocketConnection, handler, socket2,
};
#[cfg(feature = "tls")]
pub use ws_common::{ClientTls, ServerTls, TlsInfo, rustls};
pub use {tokio, wsproto};
