//! A handler that borrows messages gets those that lie in the bytes that were read, and owns the others.

use std::sync::mpsc::{self, Sender};

use conformance::adapters::Adapter;
use ws_common::{
    ClientOptions, ConnectionHandler, Message, MessageRef, ServerOptions, WebSocketConnection,
    borrowing,
};

use crate::support::{LONG, Peer, address, connect, echo as serve_echo, end, frame, serve};

/// Echoes, tells how each message came, and panics if it is told to.
struct Borrower(Sender<&'static str>);

impl ConnectionHandler for Borrower {
    fn borrows(&self) -> bool {
        true
    }

    fn on_message_ref(&mut self, ws: &WebSocketConnection, message: MessageRef<'_>) {
        // Fails if the test no longer receives.
        let _ = self.0.send("borrowed");
        assert_ne!(message.as_text(), Some("panic"), "as you wish");
        echo(ws, message);
    }

    fn on_message(&mut self, ws: &WebSocketConnection, message: Message) {
        let _ = self.0.send("owned");
        echo(ws, message.as_ref());
    }
}

fn echo(ws: &WebSocketConnection, message: MessageRef<'_>) {
    match message {
        MessageRef::Text(text) => ws.send_text(text),
        MessageRef::Binary(bytes) => ws.send_binary(bytes),
    }
    .expect("open");
}

pub(crate) fn small_messages_are_borrowed<S: Adapter>() {
    let (to, how) = mpsc::channel();
    let server = serve::<S, _>(ServerOptions::new(), move || Borrower(to.clone()));
    let mut peer = Peer::open(address(&server));
    let large = vec![7; 100_000];
    for (wire, echo, expected) in [
        (frame(0x81, "é".as_bytes()), (0x81, "é".into()), "borrowed"),
        (frame(0x82, b""), (0x82, vec![]), "borrowed"),
        (frame(0x82, &[0xFF; 126]), (0x82, vec![0xFF; 126]), "borrowed"),
        // Between two messages that are borrowed, a fragmented one.
        ([frame(0x01, b"Hel"), frame(0x80, b"lo")].concat(), (0x81, b"Hello".into()), "owned"),
        (frame(0x81, b"again"), (0x81, b"again".into()), "borrowed"),
        (frame(0x82, &large), (0x82, large.clone()), "owned"),
    ] {
        peer.send(wire);
        assert_eq!(how.recv_timeout(LONG), Ok(expected));
        assert_eq!(peer.frame(), echo);
    }
    // Several in one read keep their order, and so do a Ping and a Close.
    let together = [frame(0x81, b"1"), frame(0x89, b"2"), frame(0x82, b"3"), frame(0x88, &[])];
    peer.send(together.concat());
    for frame in [(0x81, "1"), (0x8A, "2"), (0x82, "3"), (0x88, "")] {
        assert_eq!(peer.frame(), (frame.0, frame.1.into()));
    }
    assert_eq!([how.recv_timeout(LONG), how.recv_timeout(LONG)], [Ok("borrowed"); 2]);
    // A call that panics is the last.
    let mut peer = Peer::open(address(&server));
    peer.send([frame(0x81, b"panic"), frame(0x81, b"unheard")].concat());
    assert_eq!(peer.frame(), (0x88, vec![0x03, 0xF3]));
    assert_eq!(how.recv_timeout(LONG), Ok("borrowed"));
    assert!(how.try_recv().is_err());
    end(server);
}

/// Text that is not UTF-8 is never lent.
pub(crate) fn a_closure_borrows<S: Adapter>() {
    let server = serve::<S, _>(ServerOptions::new(), || borrowing(echo));
    let mut peer = Peer::open(address(&server));
    peer.send([frame(0x81, b"one"), frame(0x01, b"t"), frame(0x80, b"wo")].concat());
    assert_eq!([peer.frame(), peer.frame()], ["one", "two"].map(|text| (0x81, text.into())));
    peer.send([frame(0x81, b"three"), frame(0x81, b"\xC3")].concat());
    assert_eq!(peer.frame(), (0x81, b"three".into()));
    let (first, payload) = peer.frame();
    assert_eq!((first, &payload[..2]), (0x88, &[0x03, 0xEF][..]));
    end(server);
}

/// A client's handler borrows, too.
pub(crate) fn a_client_borrows<S: Adapter, C: Adapter>() {
    struct Asking(Sender<&'static str>);

    impl ConnectionHandler for Asking {
        fn borrows(&self) -> bool {
            true
        }

        fn on_open(&mut self, ws: &WebSocketConnection) {
            ws.send_text("small").expect("open");
            ws.send_binary(&[7; 100_000]).expect("open");
        }

        fn on_message_ref(&mut self, _: &WebSocketConnection, _: MessageRef<'_>) {
            // Fails if the test no longer receives.
            let _ = self.0.send("borrowed");
        }

        fn on_message(&mut self, ws: &WebSocketConnection, _: Message) {
            let _ = self.0.send("owned");
            ws.close(None).expect("open");
        }
    }

    let (to, how) = mpsc::channel();
    let server = serve_echo::<S>(ServerOptions::new());
    let client = connect::<C>(address(&server), ClientOptions::new(), Asking(to));
    let client = client.expect("it is accepted");
    assert_eq!([how.recv_timeout(LONG), how.recv_timeout(LONG)], [Ok("borrowed"), Ok("owned")]);
    client.join();
    end(server);
}
