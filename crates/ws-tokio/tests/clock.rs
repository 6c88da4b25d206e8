//! The deadlines and timers of servers follow the time of tokio, which is paused here.

use std::io::Write;
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::{Instant, sleep};
use ws_tokio::wsproto::Config;
use ws_tokio::wsproto::handshake::Accept;
use ws_tokio::{
    Decision, IncomingRequest, Listener, ServerHandle, ServerHandler, ServerOptions, TimerId,
    WebSocketServer,
};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// Longer than a test may take.
const AN_HOUR: Duration = Duration::from_secs(3600);

/// Records when its timers expire.
#[derive(Clone, Default)]
struct Timed(Arc<Mutex<Vec<(TimerId, Instant)>>>);

impl ServerHandler for Timed {
    type Handler = ();

    fn on_connection(&mut self, _: &ServerHandle, _: &IncomingRequest) -> Decision<()> {
        Decision::accept(())
    }

    fn on_timer(&mut self, _: &ServerHandle, timer: TimerId) {
        self.0.lock().expect("no panic").push((timer, Instant::now()));
    }
}

/// Without a limit for closing: only the end of the server ends a silent connection.
fn options() -> ServerOptions {
    ServerOptions::new().config(Config::new().close_timeout(None).keep_alive(None))
}

#[tokio::test(start_paused = true)]
async fn timers_and_the_end_of_a_server() {
    let server = WebSocketServer::bind("127.0.0.1:0", options()).await.expect("a free port");
    let mut client = TcpStream::connect(server.local_addr().expect("TCP")).expect("it listens");
    client.write_all(REQUEST).expect("there is room");
    let timed = Timed::default();
    let serving = server.spawn(timed.clone()).expect("a runtime");
    let start = Instant::now();
    let timer = serving.handle().set_timer(AN_HOUR);
    sleep(AN_HOUR * 2).await;
    let expired = timed.0.lock().expect("no panic").clone();
    assert_eq!(expired.len(), 1);
    assert_eq!((expired[0].0, (expired[0].1 - start).as_secs()), (timer, AN_HOUR.as_secs()));

    assert_eq!(serving.handle().connections().len(), 1);
    let start = Instant::now();
    serving.handle().terminate(Some(AN_HOUR));
    serving.await;
    assert_eq!(start.elapsed().as_secs(), AN_HOUR.as_secs());
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_listener() {
    let mut listener = Listener::bind("127.0.0.1:0", options()).await.expect("a free port");
    let mut client = TcpStream::connect(listener.local_addr().expect("TCP")).expect("it listens");
    client.write_all(REQUEST).expect("there is room");
    let incoming = listener.accept().await.expect("it can").expect("a client");
    let request = incoming.request().await.expect("valid").expect("a request");
    let mut ws = request.accept(&Accept::new()).await.expect("an upgrade");
    let application = tokio::spawn(async move { ws.recv().await });
    let start = Instant::now();
    listener.handle().terminate(Some(AN_HOUR));
    listener.ended().await;
    assert_eq!(start.elapsed().as_secs(), AN_HOUR.as_secs());
    assert!(application.await.expect("no panic").is_ok());
}
