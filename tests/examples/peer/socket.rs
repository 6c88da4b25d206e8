//! Our client's connection, with `ws-std` or with `ws-tokio`.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use conformance::adapters::runtime;
use tokio::time::timeout;
use ws_common::wsproto::handshake::{ClientRequest, Extension, Response};
use ws_common::wsproto::{Client, CloseFrame, CloseInfo};
use ws_common::{ClientOptions, Error, Message};

/// The time limit for a peer's answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Whether connections are those of `ws-tokio`.
static TOKIO: AtomicBool = AtomicBool::new(false);

/// Has all connections be those of `ws-tokio`.
pub(crate) fn use_tokio() {
    TOKIO.store(true, Ordering::Relaxed);
}

/// An open connection.
pub(crate) enum Socket {
    Std(ws_std::WebSocket<Client>),
    Tokio(ws_tokio::WebSocket),
}

/// Waits for the future, but not longer than a peer may take.
fn wait<T>(future: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let late = |_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into());
    runtime().block_on(async { timeout(PATIENCE, future).await.unwrap_or_else(late) })
}

impl Socket {
    pub(crate) fn connect(request: ClientRequest, options: ClientOptions) -> Result<Self, Error> {
        if TOKIO.load(Ordering::Relaxed) {
            return wait(ws_tokio::connect_with(request, options)).map(Self::Tokio);
        }
        let mut ws = ws_std::connect_with(request, options)?;
        ws.set_recv_timeout(Some(PATIENCE));
        ws.set_send_timeout(Some(PATIENCE));
        Ok(Self::Std(ws))
    }

    pub(crate) fn send(&mut self, message: impl Into<Message>) -> Result<(), Error> {
        match self {
            Self::Std(ws) => ws.send(message).map(drop),
            Self::Tokio(ws) => wait(ws.send(message)),
        }
    }

    pub(crate) fn recv(&mut self) -> Result<Option<Message>, Error> {
        match self {
            Self::Std(ws) => ws.recv(),
            Self::Tokio(ws) => wait(ws.recv()),
        }
    }

    pub(crate) fn ping(&mut self, payload: &[u8]) -> Result<(), Error> {
        match self {
            Self::Std(ws) => ws.ping(payload).map(drop),
            Self::Tokio(ws) => ws.handle().ping(payload).map(drop),
        }
    }

    pub(crate) fn close(&mut self, frame: Option<CloseFrame<'_>>) -> Result<(), Error> {
        match self {
            Self::Std(ws) => ws.close(frame),
            Self::Tokio(ws) => ws.handle().close(frame),
        }
    }

    pub(crate) fn close_with(&mut self, frame: Option<CloseFrame<'_>>) -> Result<(), Error> {
        match self {
            Self::Std(ws) => ws.close_with(frame),
            Self::Tokio(ws) => ws.handle().close_with(frame),
        }
    }

    /// Ends the transport without a Close.
    pub(crate) fn abort(self) {
        match self {
            Self::Std(ws) => drop(ws),
            Self::Tokio(ws) => ws.handle().abort(),
        }
    }

    pub(crate) fn close_info(&self) -> Option<CloseInfo> {
        match self {
            Self::Std(ws) => ws.close_info().cloned(),
            Self::Tokio(ws) => ws.close_info().cloned(),
        }
    }

    pub(crate) fn subprotocol(&self) -> Option<String> {
        match self {
            Self::Std(ws) => ws.subprotocol(),
            Self::Tokio(ws) => ws.subprotocol(),
        }
    }

    pub(crate) fn extensions(&self) -> Vec<Extension> {
        match self {
            Self::Std(ws) => ws.extensions().to_vec(),
            Self::Tokio(ws) => ws.extensions(),
        }
    }

    /// Returns the response that opened the connection.
    pub(crate) fn response(&self) -> Option<&Response> {
        match self {
            Self::Std(ws) => ws.response(),
            Self::Tokio(ws) => ws.response(),
        }
    }
}
