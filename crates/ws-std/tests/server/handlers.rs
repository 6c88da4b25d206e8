//! The calls of handlers: their order, their arguments, errors and panics.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use ws_std::wsproto::handshake::ClientRequest;
use ws_std::wsproto::url::WsUrl;
use ws_std::wsproto::{CloseCode, Config};
use ws_std::{
    Decision, Error, IncomingRequest, Message, ServerHandle, ServerOptions, WebSocketConnection,
    WebSocketServer, connect, connect_with,
};

use crate::net::{open_by_hand, read_all, url};
use crate::support::{get, start, status};

#[test]
fn handlers_are_called_in_order() -> Result<(), Error> {
    // S1-1, S1-2, S4-1, S4-2, S4-3, S4-4, S4-5, S4-9, S4-10, S4-11, S4-12, S4-18, S4-20, X9
    let running = start(ServerOptions::new());
    let mut ws = connect(&format!("ws://{}/room?name=a+b&x=%41", running.address))?;
    for text in ["one", "two"] {
        ws.send(text)?;
        assert_eq!(ws.recv()?, Some(text.into()));
    }
    ws.close(None)?;
    assert!(ws.wait_closed()?.was_clean);
    running.wait_empty();
    assert_eq!(
        running.end(None),
        [
            "server open",
            "connection /room name:a b,x:A",
            "open",
            "message one",
            "message two",
            "terminate 1005 No Status Received true",
            "server terminate",
        ]
    );
    Ok(())
}

/// S4-7: the server's handler is called for one client at a time; simultaneous clients wait.
#[test]
fn the_servers_handler_is_never_called_twice_at_once() {
    const CLIENTS: usize = 20;
    let (busy, calls) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&calls);
    let decide = move |_: &ServerHandle, _: &IncomingRequest| {
        assert!(!busy.swap(true, Ordering::SeqCst), "two calls at once");
        std::thread::sleep(Duration::from_millis(2));
        counted.fetch_add(1, Ordering::SeqCst);
        busy.store(false, Ordering::SeqCst);
        Decision::accept(|_: &WebSocketConnection, _: Message| {})
    };
    let server = WebSocketServer::bind("127.0.0.1:0", ServerOptions::new()).expect("a free port");
    let address = server.local_addr().expect("an address").to_string();
    let running = server.spawn(decide).expect("a thread");
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| connect(&url(&address)).expect("let in"));
        }
    });
    assert_eq!(calls.load(Ordering::SeqCst), CLIENTS);
    running.handle().terminate(Some(Duration::ZERO));
    running.join();
}

/// S4-8: the handler sees the request as sent: repeated fields, the target, the address.
#[test]
fn the_handler_sees_all_of_the_request() {
    let (to_test, seen) = std::sync::mpsc::channel();
    let decide = move |_: &ServerHandle, request: &IncomingRequest| {
        let headers = request.headers();
        let marks: Vec<String> = headers.get_all("X-Mark").map(Into::into).collect();
        let cookie = headers.get("cookie").map(str::to_owned);
        to_test.send((request.target().to_owned(), marks, cookie)).expect("the test waits");
        let to_test = to_test.clone();
        Decision::accept(move |ws: &WebSocketConnection, _: Message| {
            let address = ws.peer_addr().expect("a peer").to_string();
            to_test.send((address, Vec::new(), None)).expect("the test waits");
        })
    };
    let server = WebSocketServer::bind("127.0.0.1:0", ServerOptions::new()).expect("a free port");
    let address = server.local_addr().expect("an address").to_string();
    let running = server.spawn(decide).expect("a thread");
    let request = ClientRequest::new(
        WsUrl::parse(&format!("{}status?name=r%20y", url(&address))).expect("a URL"),
    )
    .header("X-Mark", "one")
    .and_then(|request| request.header("x-mark", "two"))
    .and_then(|request| request.cookie("a", "1"))
    .and_then(|request| request.cookie("b", "2"))
    .expect("a request");
    let mut ws = connect_with(request, Config::default()).expect("let in");
    let (target, marks, cookie) = seen.recv().expect("a request");
    assert_eq!(target, "/status?name=r%20y");
    assert_eq!(marks, ["one", "two"]);
    assert_eq!(cookie.as_deref(), Some("a=1; b=2"));
    ws.send("where am I?").expect("open");
    let ours = ws.stream().tcp().expect("TCP").local_addr().expect("an address").to_string();
    assert_eq!(seen.recv().expect("an address").0, ours);
    running.handle().terminate(Some(Duration::ZERO));
    running.join();
}

#[test]
fn an_error_comes_once_and_before_the_end() {
    // S4-13, S4-6, X10
    let running = start(ServerOptions::new());
    let mut client = open_by_hand(&running.address);
    client.write_all(b"\x81\x82\0\0\0\0hi\x83\x80\0\0\0\0").expect("written");
    assert_eq!(read_all(&mut client), b"\x81\x02hi\x88\x02\x03\xEA");
    drop(client);
    running.wait_empty();
    assert_eq!(status(&get(&running.address, "POST / HTTP/1.1\r\nHost: a\r\n\r\n")), "405");
    let log = running.end(None);
    let about = |what: &str| log.iter().filter(|line| line.contains(what)).count();
    assert_eq!((about("server error: method"), about("error: reserved opcode")), (1, 1));
    assert_eq!(
        log[2..6],
        ["open", "message hi", "error: reserved opcode", "terminate 1006 Abnormal Closure false"]
    );
}

#[test]
fn a_handler_that_panics_costs_its_connection_only() -> Result<(), Error> {
    let running = start(ServerOptions::new());
    let mut other = connect(&url(&running.address))?;
    let mut ws = connect(&url(&running.address))?;
    ws.send("panic")?;
    assert_eq!(ws.wait_closed()?.code, CloseCode::INTERNAL_ERROR);
    other.send("still here")?;
    assert_eq!(other.recv()?, Some("still here".into()));
    drop(other);
    running.wait_empty();
    running.end(None);
    Ok(())
}
