//! Servers, proxies, and a client that greets.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use conformance::adapters::{Adapter, Refused};
use rustls::{ServerConnection, StreamOwned};
use ws_common::wsproto::handshake::{ClientRequest, Request};
use ws_common::wsproto::url::WsUrl;
use ws_common::{
    ClientOptions, Decision, IncomingRequest, Message, RunningServer, ServerOptions, ServerTls,
    WebSocketConnection,
};

/// How long a test may wait for something that must happen.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// Starts an echo server. Returns it with the requests it gets and the addresses of their clients.
pub(crate) fn echo(tls: Option<ServerTls>) -> (RunningServer, u16, Receiver<Request>) {
    let mut options = ServerOptions::new();
    options.tls = tls;
    let (sender, requests) = mpsc::channel();
    let server = ws_std::WebSocketServer::bind("127.0.0.1:0", options).expect("a free port");
    let port = server.local_addr().expect("an address").port();
    let server = server.spawn(move |_: &_, request: &IncomingRequest| {
        // The test may not look at the requests.
        let _ = sender.send(Request::clone(request));
        Decision::accept(|ws: &WebSocketConnection, message: Message| {
            // Fails if the peer is gone.
            let _ = ws.send(message);
        })
    });
    (server.expect("a thread"), port, requests)
}

/// Connects, sends messages, checks their echoes and closes. Returns the address of the peer as the client
/// sees it.
pub(crate) fn greet<C: Adapter>(url: &str, options: ClientOptions) -> Result<String, Refused> {
    let request = ClientRequest::new(WsUrl::parse(url).expect("a URL"));
    let (sender, echoes) = mpsc::channel();
    let client = C::connect(request, options, move |_: &WebSocketConnection, message: Message| {
        sender.send(message).expect("the test waits");
    })?;
    let peer = client.ws.peer_addr().map_or_else(|| "none".into(), |peer| peer.to_string());
    for message in ["Hello".to_owned(), "x".repeat(100_000)] {
        client.ws.send(message.clone()).expect("open");
        assert_eq!(echoes.recv_timeout(LONG), Ok(message.into()));
    }
    client.ws.close(None).expect("open");
    client.join();
    Ok(peer)
}

/// Both directions of a stream.
pub(crate) trait Stream: Read + Write + Send {
    fn tcp(&self) -> &TcpStream;
}

impl Stream for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

impl Stream for StreamOwned<ServerConnection, TcpStream> {
    fn tcp(&self) -> &TcpStream {
        &self.sock
    }
}

/// A proxy for any number of clients: `answer` talks to a client and returns the stream to the server.
/// Returns the address, and what `answer` has noted.
pub(crate) fn proxy(
    tls: Option<ServerTls>,
    answer: impl Fn(&mut dyn Stream) -> io::Result<(Option<TcpStream>, String)> + Send + 'static,
) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    let (sender, notes) = mpsc::channel();
    thread::spawn(move || {
        while let Ok((tcp, _)) = listener.accept() {
            let mut client: Box<dyn Stream> = match &tls {
                Some(tls) => Box::new(StreamOwned::new(tls.begin().expect("a key"), tcp)),
                None => Box::new(tcp),
            };
            match answer(&mut *client) {
                Ok((server, note)) => {
                    // The test may not look at the notes.
                    let _ = sender.send(note);
                    if let Some(server) = server {
                        thread::spawn(move || relay(client, server));
                    }
                }
                Err(error) => drop(sender.send(error.to_string())),
            }
        }
    });
    (address, notes)
}

/// Relays bytes in both directions until one end has ended.
fn relay(mut client: Box<dyn Stream>, mut server: TcpStream) {
    client.tcp().set_nonblocking(true).expect("a socket");
    server.set_nonblocking(true).expect("a socket");
    let mut buffer = [0; 4096];
    let (mut to_server, mut to_client) = (Vec::new(), Vec::new());
    loop {
        let moved = [
            pull(&mut client, &mut buffer, &mut to_server),
            pull(&mut server, &mut buffer, &mut to_client),
            push(&mut server, &mut to_server),
            push(&mut client, &mut to_client),
        ];
        if moved.contains(&None) {
            break;
        }
        if !moved.contains(&Some(true)) {
            thread::sleep(Duration::from_millis(1));
        }
    }
    // Fails if the peer is gone.
    let _ = (client.tcp().shutdown(Shutdown::Both), server.shutdown(Shutdown::Both));
}

/// Reads once. Returns whether there was something, `None` at the end.
fn pull(from: &mut impl Read, buffer: &mut [u8], to: &mut Vec<u8>) -> Option<bool> {
    if to.len() > 1 << 16 {
        return Some(false);
    }
    match from.read(buffer) {
        Ok(0) => None,
        Ok(read) => {
            to.extend_from_slice(&buffer[..read]);
            Some(true)
        }
        Err(error) if error.kind() == ErrorKind::WouldBlock => Some(false),
        Err(_) => None,
    }
}

/// Writes once. Returns whether something was written, `None` if the peer is gone.
fn push(to: &mut impl Write, from: &mut Vec<u8>) -> Option<bool> {
    if from.is_empty() {
        // TLS may have bytes left.
        return match to.flush() {
            Err(error) if error.kind() != ErrorKind::WouldBlock => None,
            _ => Some(false),
        };
    }
    match to.write(from) {
        Ok(written) => {
            from.drain(..written);
            Some(written > 0)
        }
        Err(error) if error.kind() == ErrorKind::WouldBlock => Some(false),
        Err(_) => None,
    }
}

/// Reads a head byte by byte.
pub(crate) fn read_head(from: &mut dyn Stream) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        from.read_exact(&mut byte)?;
        head.extend(byte);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}
