//! Giving up, and connecting again.

use std::io::Read;
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use conformance::adapters::{Adapter, Mio, Std, Tokio, runtime};
use ws_common::wsproto::handshake::ClientRequest;
use ws_common::wsproto::{CloseCode, SessionError};
use ws_common::{
    Cancel, ClientOptions, ConnectionHandler, Decision, Error, Message, Reconnect, ReconnectEvent,
    RunningServer, ServerOptions, WebSocketConnection, handler,
};

use crate::support::{LONG, echo, greet};

/// An adapter that connects again.
pub(crate) trait Reconnects: Adapter {
    /// Connects again and again in another thread; sends `hello` on each connection, and closes it when a
    /// message comes back. Where the caller learns of the end by a result, it then sends once more, which fails.
    fn reconnect(
        request: ClientRequest,
        options: ClientOptions,
        policy: Reconnect,
        tell: Sender<ReconnectEvent>,
    );
}

impl Reconnects for Std {
    fn reconnect(
        request: ClientRequest,
        options: ClientOptions,
        policy: Reconnect,
        tell: Sender<ReconnectEvent>,
    ) {
        thread::spawn(move || {
            let tell = move |event| tell.send(event).expect("the test waits");
            ws_std::reconnect(&request, options, policy, tell, |ws| {
                ws.send_text("hello")?;
                match ws.recv()? {
                    Some(_) => ws.close(None),
                    None => ws.send_text("too late").map(drop),
                }
            })
        });
    }
}

/// Greets, and closes at the first message.
struct Greeter;

impl ConnectionHandler for Greeter {
    fn on_open(&mut self, ws: &WebSocketConnection) {
        ws.send_text("hello").expect("open");
    }

    fn on_message(&mut self, ws: &WebSocketConnection, _: Message) {
        ws.close(None).expect("open");
    }
}

impl Reconnects for Mio {
    fn reconnect(
        request: ClientRequest,
        options: ClientOptions,
        policy: Reconnect,
        tell: Sender<ReconnectEvent>,
    ) {
        let event_loop = ws_mio::EventLoop::new().expect("a loop");
        let tell = move |event| tell.send(event).expect("the test waits");
        let handle = event_loop.handle();
        handle.reconnect(request, options, policy, tell, || Greeter).expect("a request");
        drop(handle);
        thread::spawn(move || event_loop.run().expect("the system can wait"));
    }
}

impl Reconnects for Tokio {
    fn reconnect(
        request: ClientRequest,
        options: ClientOptions,
        policy: Reconnect,
        tell: Sender<ReconnectEvent>,
    ) {
        thread::spawn(move || {
            let tell = move |event| tell.send(event).expect("the test waits");
            let greet = async |ws: &mut ws_tokio::WebSocket| {
                ws.send("hello").await?;
                match ws.recv().await? {
                    Some(_) => ws.close(None).await.map(drop),
                    None => ws.send("too late").await,
                }
            };
            runtime().block_on(ws_tokio::reconnect(&request, options, policy, tell, greet))
        });
    }
}

fn quick() -> Reconnect {
    Reconnect::new().delays(Duration::from_millis(1), Duration::from_millis(4)).seed(1)
}

/// A server that closes its first connections with these codes, then echoes.
fn closing(codes: &'static [u16]) -> (RunningServer, ClientRequest, Receiver<usize>) {
    let server = ws_std::WebSocketServer::bind("127.0.0.1:0", ServerOptions::new());
    let server = server.expect("a free port");
    let url = format!("ws://{}/", server.local_addr().expect("an address"));
    let (sender, opened) = mpsc::channel();
    let mut number = 0;
    let server = server.spawn(move |_: &_, _: &_| {
        let code = codes.get(number).copied();
        number += 1;
        sender.send(number).expect("the test waits");
        Decision::accept(handler(move |ws, message| match code {
            Some(code) => ws.terminate(CloseCode::from(code), "").expect("open"),
            // Fails if the peer is gone.
            None => drop(ws.send(message)),
        }))
    });
    let request = ClientRequest::parse(&url).expect("a URL");
    (server.expect("a thread"), request, opened)
}

/// A server that tells of messages and sends none.
fn silent() -> (RunningServer, ClientRequest, Receiver<()>) {
    let server = ws_std::WebSocketServer::bind("127.0.0.1:0", ServerOptions::new());
    let server = server.expect("a free port");
    let url = format!("ws://{}/", server.local_addr().expect("an address"));
    let (sender, received) = mpsc::channel();
    let server = server.spawn(move |_: &_, _: &_| {
        let sender = sender.clone();
        Decision::accept(handler(move |_, _| sender.send(()).expect("the test waits")))
    });
    (server.expect("a thread"), ClientRequest::parse(&url).expect("a URL"), received)
}

// M25
pub(crate) fn a_client_connects_again_until_it_closes<C: Reconnects>() {
    let (_server, request, opened) = closing(&[1012, 1011]);
    let (tell, told) = mpsc::channel();
    C::reconnect(request, ClientOptions::new(), quick(), tell);
    for failures in 1..=2 {
        let event = told.recv_timeout(LONG).expect("a decision");
        let ReconnectEvent::Waiting { delay, failures: counted, cause, .. } = event else {
            panic!("{event:?}")
        };
        assert!(delay <= Duration::from_millis(2), "{delay:?}");
        assert_eq!(counted, failures);
        assert_eq!(cause, ["1012 Service Restart", "1011 Internal Error"][failures as usize - 1]);
    }
    let last = told.recv_timeout(LONG).expect("a decision");
    assert!(matches!(last, ReconnectEvent::GaveUp { .. }), "its own close is final: {last:?}");
    assert_eq!(opened.try_iter().last(), Some(3));
    assert!(told.recv_timeout(LONG).is_err(), "nobody tells any more");
}

// M25
pub(crate) fn a_final_code_ends_it<C: Reconnects>() {
    let (_server, request, opened) = closing(&[1008]);
    let (tell, told) = mpsc::channel();
    C::reconnect(request, ClientOptions::new(), quick(), tell);
    let event = told.recv_timeout(LONG).expect("a decision");
    assert!(matches!(event, ReconnectEvent::GaveUp { failures: 1, .. }), "{event:?}");
    assert_eq!(opened.try_iter().count(), 1);
}

// M25
pub(crate) fn a_row_of_failures_is_given_up<C: Reconnects>() {
    // A port that no longer listens.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let request = ClientRequest::parse(&format!("ws://{address}/")).expect("a URL");
    let (tell, told) = mpsc::channel();
    C::reconnect(request, ClientOptions::new(), quick().most_failures(3), tell);
    for expected in 1..=3 {
        let event = told.recv_timeout(LONG).expect("a decision");
        assert!(matches!(event, ReconnectEvent::Waiting { failures, .. } if failures == expected));
    }
    let event = told.recv_timeout(LONG).expect("a decision");
    let ReconnectEvent::GaveUp { failures: 4, cause, .. } = event else { panic!("{event:?}") };
    assert!(cause.contains(&format!("cannot connect to {address}")), "{cause}");
}

// M26
pub(crate) fn a_cancelled_token_ends_a_wait<C: Reconnects>() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let request = ClientRequest::parse(&format!("ws://{address}/")).expect("a URL");
    let (tell, told) = mpsc::channel();
    let cancel = Cancel::new();
    // The seed makes a long first delay.
    let policy = Reconnect::new().delays(Duration::from_secs(3600), Duration::from_secs(3600));
    let options = ClientOptions::new().cancel(cancel.clone());
    C::reconnect(request, options, policy.seed(1), tell);
    let event = told.recv_timeout(LONG).expect("a decision");
    assert!(matches!(event, ReconnectEvent::Waiting { failures: 1, .. }), "{event:?}");
    cancel.cancel();
    let event = told.recv_timeout(LONG).expect("a decision");
    assert!(matches!(event, ReconnectEvent::GaveUp { .. }), "{event:?}");
}

// M26
pub(crate) fn a_cancelled_token_closes_a_connection_that_would_come_again<C: Reconnects>() {
    let (server, request, greeted) = silent();
    let (tell, told) = mpsc::channel();
    let cancel = Cancel::new();
    C::reconnect(request, ClientOptions::new().cancel(cancel.clone()), quick(), tell);
    greeted.recv_timeout(LONG).expect("an open connection");
    cancel.cancel();
    let event = told.recv_timeout(LONG).expect("a decision");
    let ReconnectEvent::GaveUp { cause, .. } = event else { panic!("{event:?}") };
    assert_eq!(cause, CloseCode::NO_STATUS.to_string(), "a clean end by an empty Close");
    assert!(told.recv_timeout(LONG).is_err(), "nobody tells any more");
    server.handle().terminate(None);
    server.join();
}

pub(crate) fn a_token_ends_all_its_connections<C: Adapter>() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("ws://{}/", listener.local_addr().expect("an address"));
    let cancel = Cancel::new();
    let options = ClientOptions::new().cancel(cancel.clone()).handshake_timeout(None);
    let (sender, result) = mpsc::channel();
    for _ in 0..2 {
        let (sender, url, options) = (sender.clone(), url.clone(), options.clone());
        thread::spawn(move || {
            sender.send(greet::<C>(&url, options).map_err(|refused| refused.error))
        });
    }
    // Both wait for an answer.
    let clients = [(); 2].map(|()| {
        let (mut tcp, _) = listener.accept().expect("a client");
        tcp.read_exact(&mut [0; 16]).expect("a head");
        tcp
    });
    cancel.cancel();
    let abandoned = Error::Session(SessionError::Abandoned).to_string();
    for _ in 0..2 {
        let ended = result.recv_timeout(LONG).expect("an end");
        assert_eq!(ended, Err(abandoned.clone()));
    }
    drop(clients);
}

/// Connects in another thread, cancels when `reached` says so, and returns the error.
fn cancelled<C: Adapter>(url: &str, options: ClientOptions, reached: impl FnOnce()) -> String {
    let cancel = Cancel::new();
    let options = options.cancel(cancel.clone()).connect_timeout(None).handshake_timeout(None);
    let (url, (sender, result)) = (url.to_owned(), mpsc::channel());
    thread::spawn(move || sender.send(greet::<C>(&url, options).map_err(|refused| refused.error)));
    reached();
    cancel.cancel();
    result.recv_timeout(LONG).expect("an end").expect_err("cancelled")
}

pub(crate) fn connecting_can_be_given_up<C: Adapter>() {
    let abandoned = Error::Session(SessionError::Abandoned).to_string();
    // During the delay, and before.
    let delayed = ClientOptions::new().delay(Duration::from_secs(3600));
    assert_eq!(cancelled::<C>("ws://127.0.0.1:1/", delayed, || ()), abandoned);
    // During the opening handshake, and during the exchange with a proxy.
    for through_proxy in [false, true] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address: SocketAddr = listener.local_addr().expect("an address");
        let mut options = ClientOptions::new();
        let mut url = format!("ws://{address}/");
        if through_proxy {
            options = options.proxy(ws_common::Proxy::new(&address.to_string()).expect("a proxy"));
            url = "ws://server.invalid/".into();
        }
        let mut client = None;
        let error = cancelled::<C>(&url, options, || {
            let (mut tcp, _) = listener.accept().expect("a client");
            tcp.read_exact(&mut [0; 16]).expect("a head");
            client = Some(tcp);
        });
        assert_eq!(error, abandoned, "{through_proxy}");
    }
}

pub(crate) fn a_token_has_no_effect_on_an_open_connection<C: Adapter>() {
    let (_server, port, _requests) = echo(None);
    let cancel = Cancel::new();
    let (sender, echoes) = mpsc::channel();
    let request = ClientRequest::parse(&format!("ws://127.0.0.1:{port}/")).expect("a URL");
    let options = ClientOptions::new().cancel(cancel.clone());
    let note = handler(move |_, message| sender.send(message).expect("the test waits"));
    let client = C::connect(request, options, note).expect("open");
    cancel.cancel();
    client.ws.send("Hello").expect("open");
    assert_eq!(echoes.recv_timeout(LONG), Ok("Hello".into()));
    // M17
    let nodelay = client.ws.with_socket(socket2::Socket::tcp_nodelay);
    assert!(matches!(nodelay, Some(Ok(true))), "{nodelay:?}");
    client.ws.close(None).expect("open");
    let ws = client.ws.clone();
    client.join();
    assert!(ws.with_socket(|_| ()).is_none(), "closed");
}
