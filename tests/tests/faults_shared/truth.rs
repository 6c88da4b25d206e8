//! Reports match the events.

use std::net::{Shutdown, SocketAddr};
use std::sync::mpsc;

use conformance::adapters::Adapter;
use ws_common::{
    ClientOptions, Decision, Error, IncomingRequest, Message, ServerHandle, ServerHandler,
    ServerOptions, WebSocketConnection,
};
use wsproto::Config;

use crate::support::{
    Call, Calls, LONG, On, Peer, address, by_hand, connect, end, frame, patient_client,
    plain_frame, request, serve, switching, telling,
};

// T1: the peer closes and resets while our Close is queued behind data it never read.
pub(crate) fn a_close_that_never_left_is_not_clean<S: Adapter, C: Adapter>() {
    let (to, calls) = Calls::new();
    let server = serve::<S, _>(ServerOptions::new(), move || {
        let to = to.clone();
        On::open(|ws| {
            ws.send(vec![7; 32 << 20]).expect("nothing waits yet");
        })
        .terminate(move |_, info| drop(to.send(Call::Terminate(info.clone()))))
    });
    let mut peer = Peer::open(address(&server));
    peer.send(frame(0x88, b"\x0F\xA3gone"));
    peer.reset();
    let (info, _) = calls.ended();
    assert_eq!((info.code, &*info.reason, info.was_clean), (4003.into(), "gone", false));
    end(server);

    // The client's side.
    let (to, calls) = Calls::new();
    let (address, serving) = by_hand(|mut peer, head| {
        peer.send(switching(&head, b""));
        peer.send(plain_frame(0x88, b"\x0F\xA3gone"));
        peer.reset();
    });
    // If our Close was sent nevertheless, the end is clean.
    let client = connect::<C>(address, patient_client(), telling(to));
    serving.join().expect("no panic");
    if let Ok(client) = client {
        client.join();
        let (info, _) = calls.ended();
        assert!(info.was_clean || info.code == 4003.into() || info.code == 1006.into());
    }
}

/// A handler that reports its peer's address in each call.
fn addresses(to: mpsc::Sender<(&'static str, Option<SocketAddr>)>) -> On {
    let (open, error) = (to.clone(), to.clone());
    On::open(move |ws| {
        let _ = open.send(("open", ws.peer_addr()));
    })
    .error(move |ws, _| {
        let _ = error.send(("error", ws.peer_addr()));
    })
    .terminate(move |ws, _| {
        let _ = to.send(("terminate", ws.peer_addr()));
    })
}

// T2: up to the last call, for every kind of end, and as long as a handle exists.
pub(crate) fn the_address_of_the_peer_stays_known<S: Adapter, C: Adapter>() {
    let (to, told) = mpsc::channel();
    let server = serve::<S, _>(ServerOptions::new(), move || addresses(to.clone()));
    type Leave = fn(Peer);
    let ways: [Leave; 4] = [
        |peer| peer.reset(),
        drop,
        |mut peer| {
            peer.send(b"\x88\x80\0\0\0\0");
            peer.frame();
        },
        |mut peer| {
            peer.send(b"\x83\x80\0\0\0\0");
            peer.frame();
        },
    ];
    for leave in ways {
        let peer = Peer::open(address(&server));
        let ours = peer.0.local_addr().ok();
        let call = told.recv_timeout(LONG).expect("a call");
        assert_eq!(call, ("open", ours));
        let handle = server.handle().connections().pop();
        leave(peer);
        loop {
            let (call, theirs) = told.recv_timeout(LONG).expect("a call");
            assert_eq!(theirs, ours, "{call}");
            if call == "terminate" {
                break;
            }
        }
        if let Some(handle) = handle {
            assert_eq!(handle.peer_addr(), ours);
        }
    }
    // A reset right after the request.
    let mut peer = Peer::connect(address(&server));
    let ours = peer.0.local_addr().ok();
    peer.send(crate::support::upgrade("/", ""));
    peer.reset();
    // The connection may not open.
    while let Ok((call, theirs)) = told.recv_timeout(std::time::Duration::from_millis(200)) {
        assert_eq!(theirs, ours, "{call}");
    }
    let (to, told) = mpsc::channel();
    let client = connect::<C>(address(&server), ClientOptions::new(), addresses(to));
    let client = client.expect("it opens");
    client.ws.close(None).expect("open");
    let ws = client.ws.clone();
    client.join();
    for (call, theirs) in told.try_iter().chain([("afterwards", ws.peer_addr())]) {
        assert_eq!(theirs, Some(address(&server)), "{call}");
    }
    end(server);
}

/// Reports the errors of the server.
struct Errors(mpsc::Sender<String>);

impl ServerHandler for Errors {
    type Handler = fn(&WebSocketConnection, Message);

    fn on_connection(&mut self, _: &ServerHandle, _: &IncomingRequest) -> Decision<Self::Handler> {
        Decision::decline()
    }

    fn on_error(&mut self, _: &ServerHandle, _: Option<SocketAddr>, error: &Error) {
        self.0.send(error.to_string()).expect("the test waits");
    }
}

// T5: a health check that disconnects before the first byte of a head is no error.
pub(crate) fn nothing_was_asked_and_nothing_is_reported<S: Adapter>() {
    let (to, errors) = mpsc::channel();
    let server = S::serve(ServerOptions::new(), Errors(to)).expect("a free port");
    for number in 0..20 {
        let peer = Peer::connect(address(&server));
        match number % 3 {
            0 => peer.reset(),
            1 => drop(peer),
            _ => peer.0.shutdown(Shutdown::Write).expect("a socket"),
        }
    }
    // An empty line is no request either.
    Peer::connect(address(&server)).send("\r\n");
    let mut peer = Peer::connect(address(&server));
    peer.send("GET / HTTP/1.1\r\nHost: a b\r\n\r\n");
    peer.head();
    let error = errors.recv_timeout(LONG).expect("an error");
    assert!(error.contains("host"), "the first one is the last one's: {error}");
    end(server);
    assert_eq!(errors.iter().count(), 0);
}

// T15: code and reason of an invalid Close are reported; the answer is 1002.
pub(crate) fn a_close_that_breaks_a_rule_is_told<S: Adapter, C: Adapter>() {
    let (to, calls) = Calls::new();
    let server = serve::<S, _>(ServerOptions::new(), move || telling(to.clone()));
    for code in [999_u16, 1005, 2999] {
        let payload = [&code.to_be_bytes()[..], b"because"].concat();
        let mut peer = Peer::open(address(&server));
        peer.send(frame(0x88, &payload));
        assert_eq!(peer.frame(), (0x88, b"\x03\xEA".to_vec()));
        assert_tells(&calls, code);

        let (to, calls) = Calls::new();
        let (address, serving) = by_hand(move |mut peer, head| {
            peer.send(switching(&head, b""));
            peer.send(plain_frame(0x88, &payload));
            peer.frame()
        });
        let client = connect::<C>(address, ClientOptions::new(), telling(to)).expect("it opens");
        assert_tells(&calls, code);
        client.join();
        assert_eq!(serving.join().expect("no panic"), (0x88, b"\x03\xEA".to_vec()));
    }
    end(server);
}

fn assert_tells(calls: &Calls, code: u16) {
    let (_, errors) = calls.ended();
    let [error] = &errors[..] else { panic!("{errors:?}") };
    assert!(error.contains(&code.to_string()) && error.contains("because"), "{error}");
    assert!(error.contains("the peer"), "{error}");
}

// T16: errors name the selected and offered subprotocols, the length and the limit.
pub(crate) fn errors_name_the_values<S: Adapter, C: Adapter>() {
    let (address_of, _serving) = by_hand(|mut peer, head| {
        peer.send(switching(&head, b"Sec-WebSocket-Protocol: chess\r\n"));
        let _ = peer.rest();
    });
    let asked = request(address_of, "/").subprotocol("chat.v2").expect("a token");
    let refused = C::connect(asked, patient_client(), |_: &_, _| {}).expect_err("not offered");
    assert!(refused.error.contains("chess") && refused.error.contains("chat.v2"), "{refused:?}");

    let (to, calls) = Calls::new();
    let config = Config::new().max_message_size(1234);
    let server = serve::<S, _>(config.clone().into(), move || telling(to.clone()));
    let mut peer = Peer::open(address(&server));
    peer.send(frame(0x82, &[7; 5632]));
    let (_, errors) = calls.ended();
    assert!(errors[0].contains("1234") && errors[0].contains("5632"), "{errors:?}");
    drop(peer);
    end(server);

    let (to, calls) = Calls::new();
    let server = serve::<S, _>(ServerOptions::new(), || {
        On::open(|ws| {
            ws.send(vec![7; 5632]).expect("open");
        })
    });
    let client = connect::<C>(address(&server), config.into(), telling(to)).expect("it opens");
    let (_, errors) = calls.ended();
    assert!(errors[0].contains("1234") && errors[0].contains("5632"), "{errors:?}");
    client.join();
    end(server);
}
