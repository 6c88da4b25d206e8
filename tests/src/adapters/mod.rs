//! The adapters behind one trait, so that tests of the object model run on each of them.

mod memory;
mod network;
mod tokio;
mod toy;

use std::io;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};

use ws_common::{
    ClientOptions, ConnectionHandler, Error, InvalidAnswer, Message, MessageRef, RunningServer,
    ServerHandler, ServerOptions, TimerId, WebSocketConnection,
};
use ws_mio::EventLoop;
use wsproto::CloseInfo;
use wsproto::handshake::ClientRequest;

pub use memory::Memory;
pub use network::{Network, RawStream, Tcp};
pub use tokio::{Tokio, runtime, use_one_thread};
pub use toy::Toy;

/// An adapter of the engine.
pub trait Adapter {
    /// The network of its servers and clients.
    type Network: Network;

    /// Starts a server on a free port of this host.
    ///
    /// # Errors
    ///
    /// If there is no free port or no thread.
    fn serve(options: ServerOptions, handler: impl ServerHandler) -> io::Result<RunningServer>;

    /// Opens a client connection and runs it in a new thread. If the connection does not open, the handler is
    /// not called.
    ///
    /// # Errors
    ///
    /// [`Refused`] if the connection does not open.
    fn connect(
        request: ClientRequest,
        options: ClientOptions,
        handler: impl ConnectionHandler,
    ) -> Result<Client, Refused>;
}

/// An open client connection.
#[derive(Debug)]
pub struct Client {
    /// The handle of the connection.
    pub ws: WebSocketConnection,
    thread: JoinHandle<()>,
}

impl Client {
    /// Waits until the connection is closed and the last call of its handler has returned.
    pub fn join(self) {
        // Fails if the handler panicked, as some tests want, with a payload that may panic when dropped.
        self.thread.join().unwrap_or_else(std::mem::forget);
    }
}

/// The reason why a connection did not open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The status of the server's response, if there was one.
    pub status: Option<u16>,
    /// The part of the response's body that was kept, or the bytes that came in place of a response.
    pub body: Vec<u8>,
    /// The text of the error.
    pub error: String,
}

impl From<&Error> for Refused {
    fn from(error: &Error) -> Self {
        let (status, body) = match error {
            Error::Http(response) => (Some(response.status()), response.body_bytes().to_vec()),
            Error::InvalidAnswer { answer: InvalidAnswer::Response(response), .. } => {
                (Some(response.status()), response.body_bytes().to_vec())
            }
            Error::InvalidAnswer { answer: InvalidAnswer::Bytes(bytes), .. } => {
                (None, bytes.clone())
            }
            _ => (None, Vec::new()),
        };
        Self { status, body, error: error.to_string() }
    }
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        Self { status: None, body: Vec::new(), error: error.to_string() }
    }
}

/// `ws-std`: one thread per connection.
#[derive(Debug)]
pub enum Std {}

impl Adapter for Std {
    type Network = Tcp;

    fn serve(options: ServerOptions, handler: impl ServerHandler) -> io::Result<RunningServer> {
        ws_std::WebSocketServer::bind("127.0.0.1:0", options)?.spawn(handler)
    }

    fn connect(
        request: ClientRequest,
        options: ClientOptions,
        handler: impl ConnectionHandler,
    ) -> Result<Client, Refused> {
        let ws = ws_std::connect_with(request, options).map_err(|error| Refused::from(&error))?;
        let handle = ws.handle();
        let thread = thread::Builder::new().spawn(move || drop(ws.run(handler)))?;
        Ok(Client { ws: handle, thread })
    }
}

/// `ws-mio`: an event loop.
#[derive(Debug)]
pub enum Mio {}

impl Adapter for Mio {
    type Network = Tcp;

    fn serve(options: ServerOptions, handler: impl ServerHandler) -> io::Result<RunningServer> {
        ws_mio::WebSocketServer::bind("127.0.0.1:0", options)?.spawn(handler)
    }

    fn connect(
        request: ClientRequest,
        options: ClientOptions,
        handler: impl ConnectionHandler,
    ) -> Result<Client, Refused> {
        let mut event_loop = EventLoop::new()?;
        let (handler, opened) = Opening::new(handler);
        let ws =
            event_loop.connect(request, options, handler).map_err(|error| Refused::from(&error))?;
        let thread = thread::Builder::new().spawn(move || {
            event_loop.run().expect("the system can wait for events");
        })?;
        opened.wait(ws, thread)
    }
}

/// Waits for a connection to open.
struct Opened(Receiver<Result<(), Refused>>);

impl Opened {
    fn wait(self, ws: WebSocketConnection, thread: JoinHandle<()>) -> Result<Client, Refused> {
        self.0.recv().map_err(|_| io::Error::other("the handler was not called"))??;
        Ok(Client { ws, thread })
    }
}

/// Reports whether a connection opens, and hides a refused one from the handler.
struct Opening<H> {
    handler: H,
    outcome: Option<Sender<Result<(), Refused>>>,
    refused: bool,
}

impl<H> Opening<H> {
    fn new(handler: H) -> (Self, Opened) {
        let (outcome, opened) = mpsc::channel();
        (Self { handler, outcome: Some(outcome), refused: false }, Opened(opened))
    }

    fn tell(&mut self, outcome: Result<(), Refused>) {
        self.refused = outcome.is_err();
        if let Some(sender) = self.outcome.take() {
            // `Opened::wait` receives it.
            sender.send(outcome).expect("somebody waits");
        }
    }
}

impl<H: ConnectionHandler> ConnectionHandler for Opening<H> {
    fn on_open(&mut self, ws: &WebSocketConnection) {
        self.tell(Ok(()));
        self.handler.on_open(ws);
    }

    fn on_message(&mut self, ws: &WebSocketConnection, message: Message) {
        self.handler.on_message(ws, message);
    }

    fn on_message_ref(&mut self, ws: &WebSocketConnection, message: MessageRef<'_>) {
        self.handler.on_message_ref(ws, message);
    }

    fn borrows(&self) -> bool {
        self.handler.borrows()
    }

    fn on_drained(&mut self, ws: &WebSocketConnection) {
        self.handler.on_drained(ws);
    }

    fn on_ping(&mut self, ws: &WebSocketConnection, payload: &[u8]) {
        self.handler.on_ping(ws, payload);
    }

    fn on_pong(&mut self, ws: &WebSocketConnection, payload: &[u8]) {
        self.handler.on_pong(ws, payload);
    }

    fn on_timer(&mut self, ws: &WebSocketConnection, timer: TimerId) {
        self.handler.on_timer(ws, timer);
    }

    fn on_error(&mut self, ws: &WebSocketConnection, error: &Error) {
        match self.outcome {
            Some(_) => self.tell(Err(Refused::from(error))),
            None => self.handler.on_error(ws, error),
        }
    }

    fn on_terminate(&mut self, ws: &WebSocketConnection, info: &CloseInfo) {
        if !self.refused {
            self.handler.on_terminate(ws, info);
        }
    }
}
