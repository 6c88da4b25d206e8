//! Servers, clients, and hand-written peers.

mod peer;

use std::net::SocketAddr;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use conformance::adapters::{Adapter, Client, Refused};
use ws_common::{
    ClientOptions, ConnectionHandler, Decision, Error, Message, RunningServer, ServerOptions,
    WebSocketConnection,
};
use wsproto::handshake::ClientRequest;
use wsproto::url::WsUrl;
use wsproto::{CloseInfo, Config};

pub(crate) use peer::*;

/// The time limit after which a call counts as hanging.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// A timeout so long that a test that waits for it hangs.
pub(crate) const NEVER: Duration = Duration::from_secs(3600);

type Called = Box<dyn FnMut(&WebSocketConnection) + Send>;
type CalledWith<T> = Box<dyn FnMut(&WebSocketConnection, T) + Send>;
type CalledWithRef<T> = Box<dyn FnMut(&WebSocketConnection, &T) + Send>;

/// A handler made of closures.
#[derive(Default)]
pub(crate) struct On {
    open: Option<Called>,
    message: Option<CalledWith<Message>>,
    drained: Option<Called>,
    error: Option<CalledWithRef<Error>>,
    terminate: Option<CalledWithRef<CloseInfo>>,
}

impl On {
    pub(crate) fn open(f: impl FnMut(&WebSocketConnection) + Send + 'static) -> Self {
        Self { open: Some(Box::new(f)), ..Self::default() }
    }

    pub(crate) fn message(
        mut self,
        f: impl FnMut(&WebSocketConnection, Message) + Send + 'static,
    ) -> Self {
        self.message = Some(Box::new(f));
        self
    }

    pub(crate) fn drained(mut self, f: impl FnMut(&WebSocketConnection) + Send + 'static) -> Self {
        self.drained = Some(Box::new(f));
        self
    }

    pub(crate) fn error(
        mut self,
        f: impl FnMut(&WebSocketConnection, &Error) + Send + 'static,
    ) -> Self {
        self.error = Some(Box::new(f));
        self
    }

    pub(crate) fn terminate(
        mut self,
        f: impl FnMut(&WebSocketConnection, &CloseInfo) + Send + 'static,
    ) -> Self {
        self.terminate = Some(Box::new(f));
        self
    }
}

impl ConnectionHandler for On {
    fn on_open(&mut self, ws: &WebSocketConnection) {
        self.open.iter_mut().for_each(|f| f(ws));
    }

    fn on_message(&mut self, ws: &WebSocketConnection, message: Message) {
        if let Some(f) = &mut self.message {
            f(ws, message);
        }
    }

    fn on_drained(&mut self, ws: &WebSocketConnection) {
        self.drained.iter_mut().for_each(|f| f(ws));
    }

    fn on_error(&mut self, ws: &WebSocketConnection, error: &Error) {
        self.error.iter_mut().for_each(|f| f(ws, error));
    }

    fn on_terminate(&mut self, ws: &WebSocketConnection, info: &CloseInfo) {
        self.terminate.iter_mut().for_each(|f| f(ws, info));
    }
}

/// A call of a handler.
#[derive(Debug)]
pub(crate) enum Call {
    Open(WebSocketConnection),
    Message(Message),
    Error(String),
    Terminate(CloseInfo),
}

/// A handler that reports its calls.
pub(crate) fn telling(to: Sender<Call>) -> On {
    let tell = move |call| {
        // Fails if the test no longer receives.
        let _ = to.send(call);
    };
    let (open, message, error) = (tell.clone(), tell.clone(), tell.clone());
    On::open(move |ws| open(Call::Open(ws.clone())))
        .message(move |_, text| message(Call::Message(text)))
        .error(move |_, e| error(Call::Error(e.to_string())))
        .terminate(move |_, info| tell(Call::Terminate(info.clone())))
}

/// The calls of handlers, in order.
pub(crate) struct Calls(pub(crate) Receiver<Call>);

impl Calls {
    pub(crate) fn new() -> (Sender<Call>, Self) {
        let (sender, receiver) = mpsc::channel();
        (sender, Self(receiver))
    }

    pub(crate) fn next(&self) -> Call {
        self.0.recv_timeout(LONG).expect("a call")
    }

    pub(crate) fn opened(&self) -> WebSocketConnection {
        loop {
            if let Call::Open(ws) = self.next() {
                return ws;
            }
        }
    }

    /// Waits for `on_terminate`; returns its argument and the errors before it.
    pub(crate) fn ended(&self) -> (CloseInfo, Vec<String>) {
        let mut errors = Vec::new();
        loop {
            match self.next() {
                Call::Terminate(info) => return (info, errors),
                Call::Error(error) => errors.push(error),
                Call::Open(_) | Call::Message(_) => {}
            }
        }
    }
}

/// Starts a server whose connections have handlers like these.
pub(crate) fn serve<S: Adapter, H: ConnectionHandler>(
    options: ServerOptions,
    mut handler: impl FnMut() -> H + Send + 'static,
) -> RunningServer {
    let server = S::serve(options, move |_: &_, _: &_| Decision::accept(handler()));
    server.expect("a free port")
}

/// Starts a server that echoes.
pub(crate) fn echo<S: Adapter>(options: ServerOptions) -> RunningServer {
    serve::<S, _>(options, || {
        |ws: &WebSocketConnection, message: Message| {
            // Fails if the peer is gone.
            let _ = ws.send(message);
        }
    })
}

pub(crate) fn address(server: &RunningServer) -> SocketAddr {
    server.handle().local_addr().expect("an address")
}

/// Ends a server at once.
pub(crate) fn end(server: RunningServer) {
    server.handle().terminate(Some(Duration::ZERO));
    server.join();
}

pub(crate) fn request(to: SocketAddr, target: &str) -> ClientRequest {
    ClientRequest::new(WsUrl::parse(&format!("ws://{to}{target}")).expect("a URL"))
}

pub(crate) fn connect<C: Adapter>(
    to: SocketAddr,
    options: ClientOptions,
    handler: impl ConnectionHandler,
) -> Result<Client, Refused> {
    C::connect(request(to, "/"), options, handler)
}

/// Checks that the server still echoes to a new client.
pub(crate) fn assert_serves<C: Adapter>(server: &RunningServer) {
    let (to, calls) = Calls::new();
    let client = connect::<C>(address(server), ClientOptions::new(), telling(to));
    let client = client.expect("the server goes on");
    client.ws.send("still here?").expect("open");
    loop {
        match calls.next() {
            Call::Message(message) => break assert_eq!(message, "still here?".into()),
            Call::Open(_) => {}
            other => panic!("{other:?}"),
        }
    }
    client.ws.close(None).expect("open");
    client.join();
}

/// Runs an action in a thread; panics if it hangs.
pub(crate) fn in_time<T: Send + 'static>(
    what: &str,
    run: impl FnOnce() -> T + Send + 'static,
) -> T {
    let (done, result) = mpsc::channel();
    thread::spawn(move || {
        // Fails if the wait has timed out.
        let _ = done.send(run());
    });
    result.recv_timeout(LONG).unwrap_or_else(|error| panic!("{what}: {error}"))
}

/// Waits until a condition is true.
pub(crate) fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let until = std::time::Instant::now() + LONG;
    while !is_so() {
        assert!(std::time::Instant::now() < until, "{what}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Returns client options without timeouts.
pub(crate) fn patient_client() -> ClientOptions {
    ClientOptions::from(Config::new().handshake_timeout(None).close_timeout(Some(NEVER)))
}
