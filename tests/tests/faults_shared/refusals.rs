//! Clients of servers that do not speak WebSocket, refuse or redirect. Nothing may depend on a timeout:
//! there are no deadlines, and the servers keep their transports open.

use std::net::SocketAddr;
use std::sync::mpsc;

use conformance::adapters::{Adapter, Refused};
use ws_common::{
    Decision, IncomingRequest, Message, ServerHandle, ServerOptions, WebSocketConnection,
};

use crate::support::{LONG, address, by_hand, connect, end, in_time, patient_client};

/// Answers a request, and keeps the transport open until the client disconnects.
fn answers(answer: impl Into<Vec<u8>>) -> SocketAddr {
    let answer = answer.into();
    by_hand(move |mut peer, _| {
        peer.send(answer);
        // Fails if the client resets the connection.
        let _ = peer.rest();
    })
    .0
}

fn refused<C: Adapter>(answer: impl Into<Vec<u8>>) -> Refused {
    let to = answers(answer);
    let connect = move || connect::<C>(to, patient_client(), |_: &_, _| {}).map(drop);
    in_time("a refusal", connect).expect_err("no server of ours")
}

// T6: the error is returned at the first bytes.
pub(crate) fn a_server_of_another_kind_is_told_at_once<C: Adapter>() {
    for banner in ["SSH-2.0-OpenSSH_9.6\r\n", "220 mail.example ESMTP\r\n", "S", "\0\0\0"] {
        let refused = refused::<C>(banner);
        assert!(refused.error.contains("does not speak HTTP"), "{banner:?}: {refused:?}");
        // The bytes are kept as far as they have arrived.
        let is_start = banner.as_bytes().starts_with(&refused.body);
        assert!(is_start && !refused.body.is_empty(), "{banner:?}: {refused:?}");
    }
    // A response that breaks a rule is kept, too.
    let refused = refused::<C>("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n");
    let why = "missing or invalid Upgrade header";
    assert_eq!((refused.status, &*refused.error), (Some(101), why));
}

// L7: the refusal is complete at the end of the body; chunk sizes are no part of it.
pub(crate) fn a_refusal_ends_where_http_says<C: Adapter>() {
    let head = "HTTP/1.1 403 Forbidden\r\n";
    for (fields, body, expected) in [
        ("Transfer-Encoding: chunked", "5\r\nno wa\r\n1;x=y\r\ny\r\n0\r\nX: y\r\n\r\n", "no way"),
        ("Transfer-Encoding: chunked", "0\r\n\r\n", ""),
        ("Content-Length: 3", "no!", "no!"),
        ("Content-Length: 3\r\nContent-Length: 3", "no!", "no!"),
        ("Content-Length: 3, 3", "no!", "no!"),
        ("Content-Length: 0", "", ""),
    ] {
        let refused = refused::<C>(format!("{head}{fields}\r\n\r\n{body}"));
        assert_eq!(refused.status, Some(403), "{fields}: {refused:?}");
        assert_eq!(String::from_utf8_lossy(&refused.body), expected, "{fields}");
    }
}

/// A server that reports the requested targets.
fn destination<S: Adapter>() -> (ws_common::RunningServer, mpsc::Receiver<String>) {
    let (to, targets) = mpsc::channel();
    let decide = move |_: &ServerHandle, request: &IncomingRequest| {
        to.send(request.target().to_owned()).expect("the test waits");
        Decision::accept(|_: &WebSocketConnection, _: Message| {})
    };
    (S::serve(ServerOptions::new(), decide).expect("a free port"), targets)
}

fn followed<C: Adapter>(answer: String) {
    let options = patient_client().redirects(1).connect_timeout(None);
    let to = answers(answer);
    let connect = move || connect::<C>(to, options, |_: &_, _| {});
    let client = in_time("a redirect", connect).expect("it is followed");
    client.ws.close(None).expect("open");
    client.join();
}

// L8: a redirect does not wait for a chunked body or a body without a length.
pub(crate) fn a_redirect_is_followed_at_its_head<S: Adapter, C: Adapter>() {
    let (server, targets) = destination::<S>();
    let to = address(&server);
    for fields in ["Transfer-Encoding: chunked\r\n", "Content-Length: 1000\r\n", ""] {
        followed::<C>(format!("HTTP/1.1 302 Found\r\nLocation: http://{to}/there\r\n{fields}\r\n"));
        assert_eq!(targets.recv_timeout(LONG), Ok("/there".to_owned()));
    }
    end(server);
}

// H8
pub(crate) fn a_location_is_written_as_browsers_write_it<S: Adapter, C: Adapter>() {
    let (server, targets) = destination::<S>();
    let to = address(&server);
    for (location, target) in
        [("/a|b", "/a%7Cb"), ("/{x}", "/%7Bx%7D"), ("/50%?q={|}", "/50%25?q=%7B%7C%7D")]
    {
        followed::<C>(format!(
            "HTTP/1.1 307 Temporary Redirect\r\nLocation: ws://{to}{location}\r\n\
             Content-Length: 0\r\n\r\n"
        ));
        assert_eq!(targets.recv_timeout(LONG), Ok(target.to_owned()));
    }
    end(server);
}
