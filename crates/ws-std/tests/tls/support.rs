//! An echo over TLS, and a client of it.

use std::net::TcpListener;
use std::thread::{self, JoinHandle};

use ws_std::wsproto::Config;
use ws_std::wsproto::handshake::ClientRequest;
use ws_std::wsproto::url::WsUrl;
use ws_std::{
    ClientOptions, ClientTls, Error, ServerTls, Stream, WebSocket, accept_with, connect_with,
};

use crate::net::yes;

/// Echoes on one connection, in a thread. Returns the port, and a thread whose result says whether the
/// connection opened.
pub(crate) fn echo_once(tls: ServerTls) -> (u16, JoinHandle<Result<bool, Error>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let server = thread::spawn(move || {
        let (tcp, _) = listener.accept()?;
        let Some(mut ws) = accept_with(Stream::accept_tls(&tls, tcp)?, Config::default(), yes)?
        else {
            return Ok(false);
        };
        while let Some(message) = ws.recv()? {
            ws.send(message)?;
        }
        Ok(true)
    });
    (port, server)
}

pub(crate) fn connect_to(host: &str, port: u16, tls: &ClientTls) -> Result<WebSocket, Error> {
    let url = WsUrl::parse(&format!("wss://{host}:{port}/"))?;
    let mut options = ClientOptions::default();
    options.tls = Some(tls.clone());
    connect_with(ClientRequest::new(url), options)
}
