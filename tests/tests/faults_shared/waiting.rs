//! No call waits for a peer that does not read longer than configured.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use conformance::adapters::{Adapter, Client};
use ws_common::{
    ClientOptions, Decision, IncomingRequest, Message, ServerHandle, ServerOptions,
    WebSocketConnection,
};
use wsproto::{CloseCode, CloseFrame, Config, KeepAlive};

use crate::support::{
    Call, Calls, LONG, NEVER, On, Peer, address, by_hand, connect, end, frame, request, serve,
    switching, telling, wait_until,
};

const SOON: Duration = Duration::from_millis(200);

/// A server whose handlers send without end and wait for room without limit.
fn sends_for_ever<S: Adapter>(
    options: ServerOptions,
) -> (ws_common::RunningServer, mpsc::Receiver<WebSocketConnection>, Calls) {
    let (begun, begins) = mpsc::channel();
    let (to, calls) = Calls::new();
    let server = serve::<S, _>(options.write_timeout(None), move || {
        let (begun, to) = (begun.clone(), to.clone());
        On::open(move |ws| {
            begun.send(ws.clone()).expect("the test waits");
            while ws.send(vec![1; 1 << 20]).is_ok() {}
        })
        .terminate(move |_, info| drop(to.send(Call::Terminate(info.clone()))))
    });
    (server, begins, calls)
}

// L2: a handler that waits in `send`, and a keep-alive that finds the peer dead.
pub(crate) fn a_wait_ends_with_the_keep_alive<S: Adapter>() {
    let options = ServerOptions::new().keep_alive(Some(KeepAlive::new(SOON, SOON)));
    let (server, begins, calls) = sends_for_ever::<S>(options);
    let peer = Peer::open(address(&server));
    begins.recv_timeout(LONG).expect("it opens");
    assert!(!calls.ended().0.was_clean);
    drop(peer);
    end(server);
}

// L2: unread input does not keep a dead peer alive while a thread waits for it.
pub(crate) fn a_sender_learns_of_a_silent_peer<S: Adapter>() {
    let options = ServerOptions::new().keep_alive(Some(KeepAlive::new(SOON, SOON)));
    let (server, begins, calls) = sends_for_ever::<S>(options);
    let mut peer = Peer::open(address(&server));
    begins.recv_timeout(LONG).expect("it opens");
    peer.send(frame(0x81, b"Hello"));
    assert!(!calls.ended().0.was_clean);
    drop(peer);
    end(server);
}

// L2, T1: the peer closes and ends its output, and reads nothing of ours.
pub(crate) fn a_close_and_an_end_behind_unread_output<S: Adapter>() {
    let (to, calls) = Calls::new();
    let server = serve::<S, _>(ServerOptions::new(), move || {
        let to = to.clone();
        On::open(|ws| {
            ws.send(vec![1; 20 << 20]).expect("nothing waits yet");
        })
        .terminate(move |_, info| drop(to.send(Call::Terminate(info.clone()))))
    });
    let mut peer = Peer::open(address(&server));
    peer.send(frame(0x88, b"\x03\xE9"));
    peer.0.shutdown(std::net::Shutdown::Write).expect("a socket");
    assert_eq!(calls.ended().0.code, CloseCode::GOING_AWAY);
    wait_until("it is no connection any more", || server.handle().connections().is_empty());
    drop(peer);
    // Nothing is left to be waited for.
    server.handle().terminate(None);
    server.join();
}

// L2: a Close from another thread, which cannot be written.
pub(crate) fn a_wait_ends_with_the_close_timeout<S: Adapter>() {
    let config = ServerOptions::new().config;
    let config = Config::clone(&config).close_timeout(Some(SOON));
    let (server, begins, calls) = sends_for_ever::<S>(config.into());
    let peer = Peer::open(address(&server));
    let ws = begins.recv_timeout(LONG).expect("it opens");
    let away = CloseFrame::new(CloseCode::GOING_AWAY, "").expect("a code");
    ws.close_with(away).expect("open");
    assert!(!calls.ended().0.was_clean);
    drop(peer);
    end(server);
}

// L2: an abort, and the end of the server.
pub(crate) fn a_wait_ends_with_what_it_waits_for<S: Adapter>() {
    let (server, begins, calls) = sends_for_ever::<S>(ServerOptions::new());
    let first = Peer::open(address(&server));
    begins.recv_timeout(LONG).expect("it opens").abort();
    assert!(!calls.ended().0.was_clean);
    let second = Peer::open(address(&server));
    begins.recv_timeout(LONG).expect("it opens");
    server.handle().terminate(Some(SOON));
    assert!(!calls.ended().0.was_clean);
    server.join();
    drop((first, second));
}

// L2: a client's thread that waits in `send`.
pub(crate) fn a_clients_wait_ends_with_the_close_timeout<C: Adapter>() {
    let (done, wait) = mpsc::channel::<()>();
    let (to, _serving) = by_hand(move |mut peer, head| {
        peer.send(switching(&head, b""));
        // The peer does not read.
        let _ = wait.recv();
    });
    let options = ClientOptions::from(Config::new().close_timeout(Some(SOON)));
    let client = connect::<C>(to, options, |_: &_, _| {}).expect("it opens");
    let ws = client.ws.clone();
    let sender = thread::spawn(move || while ws.send(vec![1; 1 << 20]).is_ok() {});
    wait_until("it is full", || client.ws.buffered_amount() > 1 << 16);
    client.ws.close(None).expect("open");
    sender.join().expect("no panic");
    client.join();
    drop(done);
}

/// Returns a connection without room, whose peer does not read.
fn stuck(server: &ws_common::RunningServer) -> (Peer, WebSocketConnection) {
    let before = server.handle().connections();
    let peer = Peer::open(address(server));
    let new = || server.handle().connections().into_iter().find(|ws| !before.contains(ws));
    wait_until("a connection", || new().is_some());
    let ws = new().expect("a connection");
    // More than the system buffers: from now on, there is no room.
    ws.send(vec![1; 32 << 20]).expect("nothing waits yet");
    (peer, ws)
}

type Clients = Vec<(Client, Calls)>;

fn gather<C: Adapter>(server: &ws_common::RunningServer, count: usize) -> Clients {
    let connect = |_| {
        let (to, calls) = Calls::new();
        (connect::<C>(address(server), ClientOptions::new(), telling(to)).expect("it opens"), calls)
    };
    (0..count).map(connect).collect()
}

fn assert_all_get(clients: &Clients, text: &str) {
    for (_, calls) in clients {
        loop {
            match calls.next() {
                Call::Open(_) => {}
                Call::Message(message) => break assert_eq!(message, text.into()),
                other => panic!("{other:?}"),
            }
        }
    }
}

fn leave(clients: Clients) {
    for (client, _) in clients {
        client.ws.abort();
        client.join();
    }
}

// L3: would hang if `publish` or `broadcast` waited for room.
pub(crate) fn a_stuck_subscriber_holds_up_nobody<S: Adapter, C: Adapter>() {
    let server = serve::<S, _>(ServerOptions::new().write_timeout(None), || |_: &_, _| {});
    let (_peers, stuck): (Vec<_>, Vec<_>) = (0..3).map(|_| stuck(&server)).unzip();
    let clients = gather::<C>(&server, 50);
    wait_until("all are open", || server.handle().connections().len() == 53);
    for ws in server.handle().connections() {
        ws.subscribe("news").expect("open");
    }
    for (round, text) in ["one", "two", "three"].into_iter().enumerate() {
        let reached = match round {
            0 => server.handle().broadcast(text),
            _ => server.handle().publish("news", text),
        };
        assert_eq!(reached.sent, 50);
        let mut refused = reached.refused;
        refused.sort();
        assert_eq!(refused, stuck, "the connections without room are named");
        assert_all_get(&clients, text);
    }
    leave(clients);
    end(server);
}

// L3: a broadcast inside `on_connection` delays no client.
pub(crate) fn a_broadcast_in_deciding_keeps_nobody_out<S: Adapter, C: Adapter>() {
    let decide = |server: &ServerHandle, _: &IncomingRequest| {
        server.broadcast("somebody comes");
        Decision::accept(|_: &WebSocketConnection, _: Message| {})
    };
    let server = S::serve(ServerOptions::new().write_timeout(None), decide).expect("a free port");
    let _stuck = stuck(&server);
    let clients = gather::<C>(&server, 10);
    leave(clients);
    end(server);
}

// L12: with a close timeout of an hour, waiting for a dead peer's Close would hang.
pub(crate) fn a_dead_peer_is_waited_for_no_longer<S: Adapter, C: Adapter>() {
    let keep_alive = Some(KeepAlive::new(SOON, SOON));
    let config = Config::new().close_timeout(Some(NEVER)).keep_alive(keep_alive);
    let (to, calls) = Calls::new();
    let server = serve::<S, _>(config.clone().into(), move || telling(to.clone()));
    let peer = Peer::open(address(&server));
    let (info, errors) = calls.ended();
    assert_eq!((info.code, info.was_clean, errors.len()), (1006.into(), false, 1), "{errors:?}");
    drop(peer);
    end(server);

    // The client's side.
    let (done, wait) = mpsc::channel::<()>();
    let (address, _serving) = by_hand(move |mut peer, head| {
        peer.send(switching(&head, b""));
        let _ = wait.recv();
    });
    let (to, calls) = Calls::new();
    let client = C::connect(request(address, "/"), config.into(), telling(to)).expect("it opens");
    let (info, errors) = calls.ended();
    assert_eq!((info.code, info.was_clean, errors.len()), (1006.into(), false, 1), "{errors:?}");
    client.join();
    drop(done);
}

/// So many connections that a wait for each would take too long.
const MANY: usize = 40;

// L13: the client keeps TCP open after both Closes; the permit is free for the next client.
pub(crate) fn closed_means_closed_for_a_server<S: Adapter>() {
    let begun = std::time::Instant::now();
    let (to, calls) = Calls::new();
    let config = Config::new().close_timeout(Some(NEVER));
    let options = ServerOptions::from(config).max_connections(1);
    let server = serve::<S, _>(options, move || telling(to.clone()));
    let mut peers = Vec::new();
    for _ in 0..MANY {
        let mut peer = loop {
            // The permit is free once the last call of the previous handler has returned.
            let mut peer = Peer::connect(address(&server));
            peer.send(crate::support::upgrade("/", ""));
            if peer.head().starts_with("HTTP/1.1 101 ") {
                break peer;
            }
        };
        calls.opened();
        peer.send(frame(0x88, b"\x03\xE8bye"));
        assert_eq!(peer.frame(), (0x88, b"\x03\xE8bye".to_vec()));
        let (info, errors) = calls.ended();
        assert!(info.was_clean && errors.is_empty(), "{info:?} {errors:?}");
        wait_until("it is one no longer", || server.handle().connections().is_empty());
        peers.push(peer);
    }
    assert!(begun.elapsed() < LONG, "each of them was waited for");
    end(server);
}

// L13: the server keeps TCP open after both Closes.
pub(crate) fn closed_means_closed_for_a_client<C: Adapter>() {
    let begun = std::time::Instant::now();
    let mut serving = Vec::new();
    for number in 0..MANY {
        let (done, wait) = mpsc::channel::<()>();
        let (address, thread) = by_hand(move |mut peer, head| {
            peer.send(switching(&head, b""));
            if number % 2 == 0 {
                peer.send(b"\x88\x02\x03\xE8");
            }
            assert_eq!(peer.frame(), (0x88, b"\x03\xE8".to_vec()));
            if number % 2 != 0 {
                peer.send(b"\x88\x02\x03\xE8");
            }
            let _ = wait.recv();
        });
        let (to, calls) = Calls::new();
        let options = ClientOptions::from(Config::new().close_timeout(Some(NEVER)));
        let client = connect::<C>(address, options, telling(to)).expect("it opens");
        if number % 2 != 0 {
            client.ws.terminate(CloseCode::NORMAL, "").expect("open");
        }
        let (info, errors) = calls.ended();
        assert!(info.was_clean && errors.is_empty(), "{info:?} {errors:?}");
        client.join();
        serving.push((done, thread));
    }
    assert!(begun.elapsed() < LONG, "each of them was waited for");
    for (done, thread) in serving {
        drop(done);
        thread.join().expect("no panic");
    }
}
