//! Both ends of a connection, over TCP and over TLS.

use std::net::TcpListener;
use std::thread;

#[cfg(feature = "tls")]
use ws_std::ClientOptions;
use ws_std::wsproto::handshake::ClientRequest;
use ws_std::wsproto::url::WsUrl;
use ws_std::wsproto::{Config, Server};
use ws_std::{Decision, Stream, WebSocket, accept_with, connect_with};

#[cfg(feature = "tls")]
use crate::identity::Identity;

/// The transport of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    Tcp,
    #[cfg(feature = "tls")]
    Tls,
}

pub(crate) const ALL: &[Over] = &[
    Over::Tcp,
    #[cfg(feature = "tls")]
    Over::Tls,
];

/// Opens a connection; the configuration is the server's.
pub(crate) fn pair(over: Over, config: Config) -> (WebSocket<Server>, WebSocket) {
    #[cfg(feature = "tls")]
    let identity = Identity::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let client = match over {
        Over::Tcp => {
            let url = WsUrl::parse(&format!("ws://127.0.0.1:{port}/")).expect("a URL");
            thread::spawn(|| connect_with(ClientRequest::new(url), Config::default()))
        }
        #[cfg(feature = "tls")]
        Over::Tls => {
            let url = WsUrl::parse(&format!("wss://localhost:{port}/")).expect("a URL");
            let mut options = ClientOptions::default();
            options.tls = Some(identity.client());
            thread::spawn(|| connect_with(ClientRequest::new(url), options))
        }
    };
    let (tcp, _) = listener.accept().expect("a client");
    let stream: Stream = match over {
        Over::Tcp => tcp.into(),
        #[cfg(feature = "tls")]
        Over::Tls => Stream::accept_tls(&identity.server(), tcp).expect("a certificate"),
    };
    let server = accept_with(stream, config, |_| Decision::accept(()));
    let server = server.expect("a request").expect("an upgrade");
    (server, client.join().expect("no panic").expect("a server"))
}
