//! Connections that arrive faster than they are accepted.

use std::net::{SocketAddr, TcpStream};

use ws_common::ServerOptions;

use crate::support::LONG;

/// Far more connections than a default backlog holds.
const AT_ONCE: usize = 600;

// L15: the server does not accept yet, and the backlog holds them all.
fn connects_wait(to: SocketAddr) {
    let connect = |_| TcpStream::connect_timeout(&to, LONG).expect("there is room to wait in");
    let waiting: Vec<_> = (0..AT_ONCE).map(connect).collect();
    drop(waiting);
}

#[test]
fn of_a_blocking_server() {
    let server = ws_std::WebSocketServer::bind("127.0.0.1:0", ServerOptions::new());
    let server = server.expect("a free port");
    connects_wait(server.local_addr().expect("an address"));
}

#[test]
fn of_an_event_loop() {
    let server = ws_mio::WebSocketServer::bind("127.0.0.1:0", ServerOptions::new());
    let server = server.expect("a free port");
    connects_wait(server.local_addr().expect("an address"));
}
