//! Connections over TLS.

use std::io::{Read, Write};
use std::net::TcpStream;

use ws_mio::wsproto::ReadyState;
use ws_mio::wsproto::handshake::ClientRequest;
use ws_mio::wsproto::url::WsUrl;
use ws_mio::{ClientOptions, EventLoop, ServerOptions};

use crate::support::{self, Log, Recorder};
use crate::{FINE, assert_fails, attempt, attempt_with, greet, identity, peer, site};

#[test]
fn a_host_that_no_certificate_can_be_for_is_an_error_of_the_url() {
    // T4
    let mut event_loop = EventLoop::new().expect("a loop");
    for url in ["wss://a..b/", "wss://127.1/"] {
        // The URL itself may be refused already.
        let Ok(url) = WsUrl::parse(url) else { continue };
        let (request, handler) = (ClientRequest::new(url), Recorder(Log::default()));
        let error = event_loop.connect(request, ClientOptions::default(), handler);
        assert!(matches!(error, Err(ws_mio::Error::Url(_))), "{error:?}");
    }
}

#[test]
fn tls_works_at_both_ends_and_an_untrusted_peer_is_an_error() {
    let identity = identity::Identity::new();
    let (server, address) =
        site(ServerOptions::new().max_message_size(4 << 20).tls(identity.server()));
    let url = format!("wss://localhost:{}/", address.port());
    let mut options = ClientOptions::default();
    options.tls = Some(identity.client());
    assert_eq!(attempt_with(&url, options.clone(), |ws| greet(&ws)), FINE);
    // Larger than any record, both ways.
    let lines = attempt_with(&url, options, |ws| {
        support::wait_until("it is open", || ws.ready_state() == ReadyState::Open);
        ws.send(vec![7; 4 << 20]).expect("open");
    });
    assert_eq!(lines, ["open", "binary", "terminate 1005"]);

    let mut options = ClientOptions::default();
    options.tls = Some(identity::Identity::new().client());
    assert_fails(&attempt(&url, options), "TLS: ");
    assert_fails(&attempt(&url, ClientOptions::default()), "TLS: ");
    // A peer that does not speak TLS.
    let plain = peer(|mut stream| drop(stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")));
    let url = format!("wss://localhost:{}/", plain.port());
    assert_fails(&attempt(&url, ClientOptions::default()), "does not speak TLS");
    // The server lives on after a peer without TLS.
    let mut stranger = TcpStream::connect(address).expect("a server");
    stranger.write_all(support::REQUEST).expect("written");
    let _ = stranger.read_to_end(&mut Vec::new());
    server.handle().terminate(None);
    server.join();
}
