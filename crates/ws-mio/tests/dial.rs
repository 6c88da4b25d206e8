//! A client's way to a server on a loop, end to end.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use ws_mio::wsproto::CloseInfo;
use ws_mio::wsproto::handshake::ClientRequest;
use ws_mio::wsproto::url::WsUrl;
use ws_mio::{
    ClientOptions, ConnectionHandler, Error, EventLoop, Message, Proxy, WebSocketConnection,
};

struct Recorder(Arc<Mutex<Vec<String>>>);

impl Recorder {
    fn note(&self, line: String) {
        self.0.lock().expect("no panic").push(line);
    }
}

impl ConnectionHandler for Recorder {
    fn on_message(&mut self, _: &WebSocketConnection, _: Message) {}

    fn on_error(&mut self, _: &WebSocketConnection, error: &Error) {
        self.note(format!("error {error}"));
    }

    fn on_terminate(&mut self, _: &WebSocketConnection, info: &CloseInfo) {
        self.note(format!("terminate {}", u16::from(info.code)));
    }
}

fn attempt(url: &str, options: ClientOptions) -> Vec<String> {
    let (mut event_loop, log) = (EventLoop::new().expect("a loop"), Arc::default());
    let request = ClientRequest::new(WsUrl::parse(url).expect("a URL"));
    let handle = event_loop.connect(request, options, Recorder(Arc::clone(&log)));
    drop(handle.expect("a request"));
    event_loop.run().expect("events");
    log.lock().expect("no panic").clone()
}

fn read_head(stream: &mut TcpStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("a head");
        head.extend(byte);
    }
}

fn peer(act: impl Fn(TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    thread::spawn(move || listener.incoming().for_each(|tcp| act(tcp.expect("a client"))));
    address
}

#[test]
fn a_proxy_that_does_not_answer_is_named_and_one_that_does_is_judged() {
    // T3, T11, L6b
    let through = |proxy: &str| {
        let proxy = Proxy::new(&format!("http://user:secret@{proxy}/")).expect("a proxy");
        let options = ClientOptions::new().proxy(proxy);
        let lines = attempt("ws://a/", options.connect_timeout(Some(Duration::from_millis(300))));
        assert!(!lines.iter().any(|line| line.contains("secret")), "{lines:?}");
        assert_eq!(lines.len(), 2, "{lines:?}");
        lines[0].clone()
    };
    let silent = peer(|mut tcp| drop(tcp.read_to_end(&mut Vec::new())));
    assert_eq!(
        through(&silent),
        format!("error cannot connect to {silent}: timed out waiting for the proxy's answer")
    );
    let refusing = peer(|mut tcp| {
        read_head(&mut tcp);
        tcp.write_all(b"HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno").expect("written");
        let _ = tcp.read_to_end(&mut Vec::new());
    });
    assert_eq!(through(&refusing), "error proxy: the proxy answered with status 403");
    let flooding = peer(|mut tcp| {
        read_head(&mut tcp);
        while tcp.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").is_ok() {}
    });
    assert!(through(&flooding).starts_with("error proxy: the proxy's answer: "));
}

#[test]
fn names_are_looked_up_and_redirects_lead_to_them() {
    let dead = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let port = dead.expect("an address").port();
    let lines = attempt(&format!("ws://localhost:{port}/"), ClientOptions::new());
    assert!(
        lines[0].starts_with(&format!("error cannot connect to localhost:{port}: ")),
        "{lines:?}"
    );
    // L8: at the head.
    let gate = peer(move |mut tcp| {
        read_head(&mut tcp);
        let head = format!("HTTP/1.1 302 Found\r\nLocation: ws://localhost:{port}/\r\n\r\n");
        tcp.write_all(head.as_bytes()).expect("written");
        let _ = tcp.read_to_end(&mut Vec::new());
    });
    let lines = attempt(&format!("ws://{gate}/"), ClientOptions::new().redirects(1));
    assert!(
        lines[0].starts_with(&format!("error cannot connect to localhost:{port}: ")),
        "{lines:?}"
    );
}
