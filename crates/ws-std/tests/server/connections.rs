//! Many connections of one server: their handles, a broadcast, and a loop that takes them one by one.

use std::net::TcpStream;
use std::time::Duration;

use ws_std::wsproto::handshake::Response;
use ws_std::{Decision, Error, ServerOptions, WebSocketConnection, WebSocketServer, connect};

use crate::net::url;
use crate::support::{get, start, status};

#[test]
fn ids_tell_connections_apart_and_a_broadcast_reaches_all() -> Result<(), Error> {
    // S1-3, S4-16
    let running = start(ServerOptions::new());
    let mut clients = Vec::new();
    for _ in 0..5 {
        let mut ws = connect(&url(&running.address))?;
        ws.send("sync")?;
        ws.recv()?;
        assert!(ws.stream().tcp().expect("TCP").nodelay()?);
        clients.push(ws);
    }
    let handles = running.server.handle().connections();
    let mut ids: Vec<_> = handles.iter().map(WebSocketConnection::id).collect();
    ids.dedup();
    assert_eq!(ids.len(), 5);
    clients[0].send("everybody")?;
    for ws in &mut clients {
        assert_eq!(ws.recv()?, Some("hello all".into()));
    }
    drop(clients);
    running.wait_empty();
    running.end(None);
    Ok(())
}

#[test]
fn many_connections_come_and_go_and_nothing_is_left() -> Result<(), Error> {
    let running = start(ServerOptions::new());
    for _ in 0..5 {
        let clients: Vec<_> = (0..40)
            .map(|number| -> Result<_, Error> {
                let mut ws = connect(&url(&running.address))?;
                ws.send(format!("number {number}"))?;
                Ok(ws)
            })
            .collect::<Result<_, _>>()?;
        for (number, mut ws) in clients.into_iter().enumerate() {
            assert_eq!(ws.recv()?, Some(format!("number {number}").into()));
            ws.close(None)?;
            assert!(ws.wait_closed()?.was_clean);
        }
    }
    running.wait_empty();
    let log = running.end(None);
    let about = |what: &str| log.iter().filter(|line| line.starts_with(what)).count();
    assert_eq!((about("open"), about("message"), about("terminate 1005")), (200, 200, 200));
    assert_eq!(log.last().map(String::as_str), Some("server terminate"));
    Ok(())
}

#[test]
fn connections_can_be_taken_one_by_one_in_a_loop() -> Result<(), Error> {
    let server = WebSocketServer::bind("127.0.0.1:0", ServerOptions::new().path("/here"))?;
    let address = server.local_addr()?.to_string();
    let mut incoming = server.incoming_with(|request| match request.check_upgrade() {
        Ok(()) => Decision::accept(()),
        Err(_) => Decision::respond(Response::text(200, "well\n")),
    })?;

    // A client that never finishes its handshake does not delay others.
    let _slow = TcpStream::connect(&address)?;
    assert_eq!(status(&get(&address, "GET /health HTTP/1.1\r\nHost: a\r\n\r\n")), "200");
    let error = connect(&format!("ws://{address}/there")).expect_err("another path");
    assert!(matches!(error, Error::Http(response) if response.status() == 404));

    let mut client = connect(&format!("ws://{address}/here"))?;
    let mut ws = incoming.next().expect("a connection");
    client.send("Hello")?;
    assert_eq!(ws.recv()?, Some("Hello".into()));
    incoming.handle().terminate(Some(Duration::ZERO));
    assert!(incoming.next().is_none(), "the server has ended");
    ws.send("still open")?;
    assert_eq!(client.recv()?, Some("still open".into()));
    Ok(())
}
