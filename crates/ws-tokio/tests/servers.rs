//! Servers over TCP: connections that the application takes, and a server with several runtimes.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use ws_tokio::testing::MemoryBus;
use ws_tokio::wsproto::CloseCode;
use ws_tokio::wsproto::handshake::{Accept, AllowedOrigins, Response};
use ws_tokio::{
    Decision, Error, Listener, Message, ServerHandle, ServerOptions, TrustedProxies, WebSocket,
    WebSocketConnection, connect, serve_per_core,
};

/// Limits a wait that never ends.
const LONG: Duration = Duration::from_secs(60);

/// A server that echoes at `/chat`.
async fn listen(options: ServerOptions) -> (SocketAddr, ServerHandle, tokio::task::JoinHandle<()>) {
    let mut listener = Listener::bind("127.0.0.1:0", options).await.expect("a free port");
    let (address, server) = (listener.local_addr().expect("TCP"), listener.handle().clone());
    let task = tokio::spawn(async move {
        while let Some(incoming) = listener.accept().await.expect("accepting works") {
            tokio::spawn(async move {
                let Some(request) = incoming.request().await? else { return Ok(()) };
                if request.path() != "/chat" {
                    return request.refuse(Response::text(404, "no such page\n")).await;
                }
                let mut ws = request.accept(&Accept::new()).await?;
                ws.handle().subscribe("all").expect("open");
                while let Some(message) = ws.recv().await? {
                    ws.send(message).await?;
                }
                Ok::<_, Error>(())
            });
        }
        listener.ended().await;
    });
    (address, server, task)
}

/// Sends a request with these bytes before it and these header fields. Returns the answer.
async fn ask(address: SocketAddr, before: &str, target: &str, fields: &str) -> (TcpStream, String) {
    let mut peer = TcpStream::connect(address).await.expect("a server");
    let request = format!(
        "{before}GET {target} HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{fields}\r\n"
    );
    peer.write_all(request.as_bytes()).await.expect("open");
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && peer.read(&mut byte).await.expect("no reset") > 0 {
        head.push(byte[0]);
    }
    (peer, String::from_utf8(head).expect("ASCII"))
}

#[tokio::test]
async fn the_error_of_a_refused_client_names_the_option() -> Result<(), Error> {
    const PROXY: &str = "PROXY TCP4 192.0.2.1 10.0.0.1 1 80\r\n";
    const FROM: &str = "X-Forwarded-For: 192.0.2.1\r\n";
    let origins = AllowedOrigins::new(["https://good.example"]).expect("an origin");
    let options = || ServerOptions::new().path("/chat");
    let trusted = || TrustedProxies::new(["127.0.0.1"]).expect("an address");
    let attempts = options().max_attempts_per_address(1, LONG).trusted_proxies(trusted());
    let places = options().max_connections_per_address(1);
    let places = places.trusted_proxies(trusted().proxy_protocol());
    for (options, before, target, fields, status, option) in [
        (options(), "", "/other", "", 404, "path"),
        (
            options().origins(origins),
            "",
            "/chat",
            "Origin: https://evil.example\r\n",
            403,
            "origins",
        ),
        (attempts, "", "/chat", FROM, 429, "max_attempts_per_address"),
        (places, PROXY, "/chat", "", 429, "max_connections_per_address"),
    ] {
        let mut listener = Listener::bind("127.0.0.1:0", options).await?;
        let address = listener.local_addr().expect("TCP");
        let asking = tokio::spawn(async move {
            // The first one is inside if its address is the matter.
            let first = match status {
                429 => Some(ask(address, before, target, fields).await),
                _ => None,
            };
            (ask(address, before, target, fields).await.1, first)
        });
        let mut inside = Vec::new();
        let error = loop {
            let incoming = listener.accept().await?.expect("not ended");
            match incoming.accept().await {
                Ok(ws) => inside.push(ws),
                Err(error) => break error,
            }
        };
        assert!(matches!(error, Error::Refused(_)), "{error:?}");
        let text = error.to_string();
        assert!(text.ends_with(&format!("(`{option}`)")), "{text}");
        let (head, _first) = asking.await.expect("no panic");
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
        assert_eq!(listener.handle().stats().refused.failed, 0);
    }
    Ok(())
}

async fn open(address: SocketAddr) -> Result<WebSocket, Error> {
    connect(&format!("ws://{address}/chat")).await
}

#[tokio::test]
async fn a_listener_serves_the_connections_that_it_yields() -> Result<(), Error> {
    let (address, server, task) = listen(ServerOptions::new().max_connections(2)).await;
    let mut first = open(address).await?;
    first.send("Hello").await?;
    assert_eq!(first.recv().await?, Some("Hello".into()));
    match connect(&format!("ws://{address}/other")).await {
        Err(Error::Http(response)) => assert_eq!(response.status(), 404),
        result => panic!("{result:?}"),
    }
    let mut second = open(address).await?;
    match open(address).await {
        Err(Error::Http(response)) => assert_eq!(response.status(), 503, "there is no room"),
        result => panic!("{result:?}"),
    }
    // Opened at the server a moment later.
    while server.stats().open < 2 {
        sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(server.broadcast("to both").sent, 2);
    for ws in [&mut first, &mut second] {
        assert_eq!(ws.recv().await?, Some("to both".into()));
    }
    let stats = server.stats();
    assert_eq!((stats.messages_in, stats.refused.full, stats.refused.application), (1, 1, 1));
    drop(second);
    while server.stats().connections > 1 {
        sleep(Duration::from_millis(1)).await;
    }
    server.terminate(None);
    assert_eq!(first.closed().await?.code, CloseCode::GOING_AWAY);
    timeout(LONG, task).await.expect("the server ends").expect("no panic");
    assert!(server.is_terminated() && open(address).await.is_err());
    Ok(())
}

#[tokio::test]
async fn a_listener_does_not_wait_for_a_silent_peer() -> Result<(), Error> {
    let (address, server, task) = listen(ServerOptions::new()).await;
    let silent = open(address).await?;
    while server.stats().open < 1 {
        sleep(Duration::from_millis(1)).await;
    }
    // Nobody receives at the client: it does not answer the Close.
    server.terminate(Some(Duration::from_millis(50)));
    timeout(LONG, task).await.expect("the server ends").expect("no panic");
    drop(silent);
    Ok(())
}

/// Many clients of one family do not keep those of the other out.
#[tokio::test]
async fn a_listener_takes_turns_between_its_addresses() -> Result<(), Error> {
    let any = [([127, 0, 0, 1], 0).into(), SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], 0))];
    let mut listener = Listener::bind(&any[..], ServerOptions::new()).await?;
    let port = listener.local_addr().expect("TCP").port();
    let connect = |host| std::net::TcpStream::connect((host, port));
    // A machine without IPv6 has one address only.
    let Ok(sixth) = connect("::1") else { return Ok(()) };
    let fours = [(); 8].map(|()| connect("127.0.0.1").expect("it listens"));
    let mut families = Vec::new();
    for _ in 0..=2 {
        let incoming = timeout(LONG, listener.accept()).await.expect("a client")?;
        families.push(incoming.and_then(|incoming| incoming.peer_addr()).map(|a| a.is_ipv6()));
    }
    assert!(families.contains(&Some(true)), "{families:?}");
    drop((sixth, fours));
    Ok(())
}

#[tokio::test]
async fn halves_of_a_connection_are_in_two_tasks() -> Result<(), Error> {
    let (address, server, task) = listen(ServerOptions::new()).await;
    let (mut receiver, sender) = open(address).await?.into_split();
    let sending = tokio::spawn(async move {
        for number in 0..1000 {
            sender.send(format!("{number}")).await?;
        }
        sender.flush().await?;
        Ok::<_, Error>(sender)
    });
    for number in 0..1000 {
        assert_eq!(receiver.recv().await?, Some(format!("{number}").into()));
    }
    let sender = sending.await.expect("no panic")?;
    assert_eq!(receiver.handle(), sender.handle());
    assert_eq!(receiver.close_info(), None);
    drop(receiver);
    assert_eq!(sender.closed().await.code, CloseCode::GOING_AWAY);
    server.terminate(None);
    timeout(LONG, task).await.expect("the server ends").expect("no panic");
    Ok(())
}

#[tokio::test]
async fn a_receiver_tells_how_its_connection_has_ended() -> Result<(), Error> {
    let (address, server, task) = listen(ServerOptions::new()).await;
    let (mut receiver, sender) = open(address).await?.into_split();
    sender.handle().terminate(CloseCode::from(4000), "enough")?;
    assert_eq!(receiver.recv().await?, None);
    let info = receiver.close_info().cloned().expect("it has ended");
    assert_eq!((info.code, info.was_clean), (CloseCode::from(4000), true));
    assert_eq!(receiver.into_whole().close_info(), Some(&info));
    server.terminate(None);
    timeout(LONG, task).await.expect("the server ends").expect("no panic");
    Ok(())
}

#[test]
fn a_server_has_a_runtime_for_each_thread() {
    let threads = if cfg!(unix) { 3 } else { 1 };
    let running = serve_per_core("127.0.0.1:0", threads, ServerOptions::new(), |_: &_, _: &_| {
        Decision::accept(|ws: &WebSocketConnection, message: Message| drop(ws.send(message)))
    });
    let running = running.expect("a free port");
    let address = running.handle().local_addr().expect("TCP");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let mut all = Vec::new();
        for number in 0..20 {
            let mut ws = open(address).await.expect("there is room");
            ws.send(format!("{number}")).await.expect("open");
            assert_eq!(ws.recv().await.expect("open"), Some(format!("{number}").into()));
            all.push(ws);
        }
        assert_eq!(running.handle().broadcast("to all").sent, all.len());
        running.handle().terminate(None);
        for mut ws in all {
            assert_eq!(ws.recv().await.expect("open"), Some("to all".into()));
            assert_eq!(ws.closed().await.expect("a Close").code, CloseCode::GOING_AWAY);
        }
    });
    running.join();
}

/// The task that accepts has the time of the bus.
#[tokio::test]
async fn topics_of_a_listener_linger_on_the_bus() -> Result<(), Error> {
    let bus = MemoryBus::new();
    let options = ServerOptions::new().bus(bus.clone()).bus_linger(Duration::from_millis(50));
    let (address, server, task) = listen(options).await;
    let mut ws = connect(&format!("ws://{address}/chat")).await?;
    for _ in 0..2 {
        let topics = |topics: &'static [&str]| {
            let bus = bus.clone();
            timeout(LONG, async move {
                while bus.topics() != [topics] {
                    sleep(Duration::from_millis(1)).await;
                }
            })
        };
        topics(&["all"]).await.expect("in time");
        let connection = server.subscribers("all").remove(0);
        assert!(connection.unsubscribe("all"));
        topics(&[]).await.expect("in time");
        connection.subscribe("all").expect("open");
    }
    server.terminate(None);
    ws.closed().await?;
    timeout(LONG, task).await.expect("in time").expect("no panic");
    assert!(bus.topics().is_empty());
    Ok(())
}
