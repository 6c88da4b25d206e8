//! Servers, clients, and hand-written peers.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use conformance::adapters::{Adapter, Client, Refused};
use socket2::SockRef;
use ws_common::{
    ClientOptions, ConnectionHandler, Decision, Error, Message, RunningServer, ServerOptions,
    WebSocketConnection,
};
use wsproto::handshake::{ClientRequest, accept_key};
use wsproto::url::WsUrl;
use wsproto::{CloseInfo, Config};

/// The time limit after which a call counts as hanging.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// A timeout so long that a test that waits for it hangs.
pub(crate) const NEVER: Duration = Duration::from_secs(3600);

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// Returns the head of an upgrade request with additional fields.
pub(crate) fn upgrade(target: &str, fields: &str) -> String {
    format!(
        "GET {target} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n{fields}\r\n"
    )
}

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

/// A hand-written peer: a client, or the server's end of a connection.
pub(crate) struct Peer(pub(crate) TcpStream);

impl Peer {
    pub(crate) fn new(stream: TcpStream) -> Self {
        stream.set_nodelay(true).expect("a socket");
        stream.set_read_timeout(Some(LONG)).expect("not zero");
        stream.set_write_timeout(Some(LONG)).expect("not zero");
        Self(stream)
    }

    pub(crate) fn connect(to: SocketAddr) -> Self {
        Self::new(TcpStream::connect(to).expect("a server"))
    }

    /// Opens a connection.
    pub(crate) fn open(to: SocketAddr) -> Self {
        let mut peer = Self::connect(to);
        peer.send(upgrade("/", ""));
        let head = peer.head();
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        peer
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).expect("a peer that reads");
    }

    /// Reads a whole head.
    pub(crate) fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.0.read_exact(&mut byte).expect("a head");
            head.push(byte[0]);
        }
        String::from_utf8_lossy(&head).into_owned()
    }

    /// Reads a frame; returns its first byte and its unmasked payload.
    pub(crate) fn frame(&mut self) -> (u8, Vec<u8>) {
        self.try_frame().expect("a frame")
    }

    pub(crate) fn try_frame(&mut self) -> io::Result<(u8, Vec<u8>)> {
        let mut head = [0; 2];
        self.0.read_exact(&mut head)?;
        let len = match head[1] & 0x7F {
            126 => {
                let mut len = [0; 2];
                self.0.read_exact(&mut len)?;
                u16::from_be_bytes(len).into()
            }
            127 => {
                let mut len = [0; 8];
                self.0.read_exact(&mut len)?;
                u64::from_be_bytes(len)
            }
            len => len.into(),
        };
        let mut mask = [0; 4];
        if head[1] & 0x80 != 0 {
            self.0.read_exact(&mut mask)?;
        }
        let mut payload = vec![0; usize::try_from(len).expect("it fits")];
        self.0.read_exact(&mut payload)?;
        if mask != [0; 4] {
            payload.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
        }
        Ok((head[0], payload))
    }

    /// Reads to the end; fails if the other end resets the connection.
    pub(crate) fn rest(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.0.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Resets the connection.
    pub(crate) fn reset(self) {
        SockRef::from(&self.0).set_linger(Some(Duration::ZERO)).expect("a socket");
    }

    /// Waits until the other end has processed all frames, by an echo. No other answer may be outstanding.
    pub(crate) fn echoes(&mut self) {
        self.send(frame(0x81, b"Hello"));
        assert_eq!(self.frame(), (0x81, b"Hello".to_vec()));
    }
}

/// Returns a client's frame with a masking key of zeros, which leaves the payload unchanged.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = header(first, payload.len(), 0x80);
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

/// Returns a server's frame.
pub(crate) fn plain_frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = header(first, payload.len(), 0);
    frame.extend(payload);
    frame
}

fn header(first: u8, len: usize, masked: u8) -> Vec<u8> {
    let mut header = vec![first];
    match (u8::try_from(len), u16::try_from(len)) {
        (Ok(len @ ..=125), _) => header.push(masked | len),
        (_, Ok(len)) => {
            header.push(masked | 126);
            header.extend(len.to_be_bytes());
        }
        _ => {
            header.push(masked | 127);
            header.extend((len as u64).to_be_bytes());
        }
    }
    header
}

/// A hand-written server for one client; `serve` gets the head of the request.
pub(crate) fn by_hand<T: Send + 'static>(
    serve: impl FnOnce(Peer, String) -> T + Send + 'static,
) -> (SocketAddr, JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    let thread = thread::spawn(move || {
        let mut peer = Peer::new(listener.accept().expect("a client").0);
        let head = peer.head();
        serve(peer, head)
    });
    (address, thread)
}

/// Returns the value of a field in a head.
pub(crate) fn field<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    head.lines().find_map(|line| {
        let (field, value) = line.split_once(':')?;
        field.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// Returns the 101 response with additional fields.
pub(crate) fn switching(request: &str, fields: &[u8]) -> Vec<u8> {
    let key = accept_key(field(request, "Sec-WebSocket-Key").expect("a key"));
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {key}\r\n"
    );
    [head.as_bytes(), fields, b"\r\n"].concat()
}

/// Returns client options without timeouts.
pub(crate) fn patient_client() -> ClientOptions {
    ClientOptions::from(Config::new().handshake_timeout(None).close_timeout(Some(NEVER)))
}
