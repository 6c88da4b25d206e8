//! Both ends send, and neither blocks the other.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread;

use conformance::adapters::Adapter;
use ws_common::{ClientOptions, Error, Message, ServerOptions, WebSocketConnection};

use crate::support::{
    LONG, On, Peer, address, by_hand, connect, end, frame, plain_frame, serve, switching,
};

pub(crate) const MIB: usize = 1 << 20;

/// A message that only one end sends.
fn large(len: usize, of: u8) -> Message {
    let mut bytes = vec![of; len];
    bytes[len - 1] = 0xFF;
    bytes.into()
}

fn is_large(message: &Message, len: usize, of: u8) -> bool {
    let Message::Binary(bytes) = message else { return false };
    bytes.len() == len && bytes[0] == of && bytes[len / 2] == of && bytes[len - 1] == 0xFF
}

/// An end that sends one large message at the opening, and reports the other end's message.
fn sends_at_the_opening(
    len: usize,
    (ours, theirs): (u8, u8),
    threaded: bool,
    to: Sender<u8>,
) -> On {
    On::open(move |ws| {
        let ws = ws.clone();
        let send = move || {
            ws.send(large(len, ours)).expect("nothing waits yet");
        };
        if threaded { drop(thread::spawn(send)) } else { send() }
    })
    .message(move |_, message| {
        assert!(is_large(&message, len, theirs), "another message");
        to.send(ours).expect("the test waits");
    })
}

/// L1: each end sends one message at the opening, from a thread or from the handler; both arrive.
pub(crate) fn both_send<S: Adapter, C: Adapter>(len: usize, threaded: bool) {
    let (arrived, arrivals) = mpsc::channel();
    let options = ServerOptions::new().max_message_size(64 << 20);
    let to = arrived.clone();
    let server =
        serve::<S, _>(options, move || sends_at_the_opening(len, (1, 2), threaded, to.clone()));
    let handler = sends_at_the_opening(len, (2, 1), threaded, arrived);
    let client = connect::<C>(address(&server), ClientOptions::new(), handler).expect("it opens");
    let both: u8 = (0..2).map(|_| arrivals.recv_timeout(LONG).expect("both arrive")).sum();
    assert_eq!(both, 3);
    client.ws.close(None).expect("open");
    client.join();
    end(server);
}

// L1
pub(crate) fn both_send_20_mb_from_a_thread<S: Adapter, C: Adapter>() {
    both_send::<S, C>(20 * MIB, true);
}

// L1
pub(crate) fn both_send_20_mb_from_the_handler<S: Adapter, C: Adapter>() {
    both_send::<S, C>(20 * MIB, false);
}

const SMALL: usize = 10_000;

/// The counts of one end.
struct Stream {
    sent: AtomicUsize,
    received: AtomicUsize,
    /// The most bytes that were queued.
    waited: AtomicUsize,
    /// Whether the end still sends.
    sends: AtomicBool,
    room: Sender<()>,
    waits: Mutex<Receiver<()>>,
}

impl Stream {
    fn new() -> Arc<Self> {
        let (room, waits) = mpsc::channel();
        let waits = Mutex::new(waits);
        let (sent, received, waited) = Default::default();
        Arc::new(Self { sent, received, waited, sends: true.into(), room, waits })
    }

    fn next(&self) -> Message {
        let mut bytes = vec![0xAB; SMALL];
        bytes[..8].copy_from_slice(&(self.sent.load(Ordering::SeqCst) as u64).to_be_bytes());
        bytes.into()
    }

    /// Sends until there is no room. Returns whether to continue once there is.
    fn fill(&self, ws: &WebSocketConnection) -> bool {
        while self.sends.load(Ordering::SeqCst) {
            match ws.send(self.next()) {
                Ok(_) => self.sent.fetch_add(1, Ordering::SeqCst),
                Err(Error::WouldExceed(_)) => return true,
                // The test has closed the connection meanwhile.
                Err(_) if !self.sends.load(Ordering::SeqCst) => return false,
                Err(error) => panic!("{error}"),
            };
            self.waited.fetch_max(ws.buffered_amount(), Ordering::SeqCst);
        }
        false
    }

    fn receive(&self, message: &Message) {
        let Message::Binary(bytes) = message else { panic!("a text") };
        let number = self.received.fetch_add(1, Ordering::SeqCst) as u64;
        assert!(bytes.len() == SMALL && bytes[..8] == number.to_be_bytes(), "in order, and once");
    }

    /// Returns an end that sends from a thread, or from its handler.
    fn end(self: Arc<Self>, threaded: bool) -> On {
        let (opens, receives, drains) = (Arc::clone(&self), Arc::clone(&self), self);
        On::open(move |ws| {
            let (ws, stream) = (ws.clone(), Arc::clone(&opens));
            if !threaded {
                stream.fill(&ws);
                return;
            }
            thread::spawn(move || {
                while stream.fill(&ws) {
                    let waits = stream.waits.lock().expect("no panic");
                    waits.recv_timeout(LONG).expect("room again");
                }
            });
        })
        .message(move |_, message| receives.receive(&message))
        .drained(move |ws| {
            // Wakes the sending thread, if there is one.
            let _ = drains.room.send(());
            if !threaded {
                drains.fill(ws);
            }
        })
    }
}

/// L1: messages of 10 kB from both ends at full speed, until enough have arrived in either direction: all in
/// order, and at most the mark plus one message queued. Returns how many arrived at the server, and at the
/// client.
pub(crate) fn streams<S: Adapter, C: Adapter>(
    threaded: bool,
    is_enough: impl Fn(usize) -> bool,
) -> (usize, usize) {
    let (options, client_options) = (ServerOptions::new(), ClientOptions::new());
    let (up, down) = (Stream::new(), Stream::new());
    let mark = options.config.high_water_mark;
    assert_eq!(mark, client_options.config.high_water_mark);
    let stream = Arc::clone(&down);
    let server = serve::<S, _>(options, move || Arc::clone(&stream).end(threaded));
    let handler = Arc::clone(&up).end(threaded);
    let client = connect::<C>(address(&server), client_options, handler).expect("it opens");
    let received = |stream: &Stream| stream.received.load(Ordering::SeqCst);
    let until = std::time::Instant::now() + LONG;
    while !is_enough(received(&up).min(received(&down))) {
        assert!(std::time::Instant::now() < until, "{} {}", received(&up), received(&down));
        thread::sleep(std::time::Duration::from_millis(1));
    }
    // The server's messages arrive at the stream of the client, and the other way round.
    let (to_client, to_server) = (received(&up), received(&down));
    println!("{to_server} messages up, {to_client} down");
    for stream in [&up, &down] {
        stream.sends.store(false, Ordering::SeqCst);
        let _ = stream.room.send(());
    }
    crate::support::wait_until("all arrive", || {
        let sent = |stream: &Stream| stream.sent.load(Ordering::SeqCst);
        received(&up) == sent(&down) && received(&down) == sent(&up)
    });
    // The mark plus one message with its header.
    for (stream, whose) in [(&up, "client"), (&down, "server")] {
        let waited = stream.waited.load(Ordering::SeqCst);
        assert!(waited <= mark + SMALL + 14, "{waited} bytes of the {whose}'s have waited");
    }
    client.ws.close(None).expect("open");
    client.join();
    end(server);
    (to_server, to_client)
}

pub(crate) const ENOUGH: usize = 2000;

// L1
pub(crate) fn both_stream_from_threads<S: Adapter, C: Adapter>() {
    streams::<S, C>(true, |received| received > ENOUGH);
}

/// Writes 10 MB of messages before it reads.
fn writes_before_it_reads(peer: &mut Peer, frame: &[u8]) {
    for _ in 0..1000 {
        peer.send(frame);
    }
}

// L1b: a server that is not ours.
pub(crate) fn a_server_writes_10_mb_before_it_reads<C: Adapter>() {
    let (address, serving) = by_hand(|mut peer, head| {
        peer.send(switching(&head, b""));
        writes_before_it_reads(&mut peer, &plain_frame(0x82, &[7; SMALL]));
        let message = peer.frame();
        peer.send(b"\x88\0");
        (message.0, is_large(&message.1.into(), 10 * MIB, 2), peer.rest())
    });
    let received = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&received);
    let handler = On::open(|ws| {
        ws.send(large(10 * MIB, 2)).expect("nothing waits yet");
    })
    .message(move |_, _| {
        count.fetch_add(1, Ordering::SeqCst);
    });
    connect::<C>(address, ClientOptions::new(), handler).expect("it opens").join();
    assert_eq!(received.load(Ordering::SeqCst), 1000);
    let (first, is_ours, _) = serving.join().expect("no panic");
    assert!(first == 0x82 && is_ours, "it arrives");
}

// L1b: a client that is not ours.
pub(crate) fn a_client_writes_10_mb_before_it_reads<S: Adapter>() {
    let (arrived, arrivals) = mpsc::channel();
    let server = serve::<S, _>(ServerOptions::new(), move || {
        let arrived = arrived.clone();
        On::open(|ws| {
            ws.send(large(10 * MIB, 1)).expect("nothing waits yet");
        })
        .message(move |_, _| arrived.send(()).expect("the test waits"))
    });
    let mut peer = Peer::open(address(&server));
    writes_before_it_reads(&mut peer, &frame(0x82, &[7; SMALL]));
    for _ in 0..1000 {
        arrivals.recv_timeout(LONG).expect("it reads");
    }
    let (first, payload) = peer.frame();
    assert!(first == 0x82 && is_large(&payload.into(), 10 * MIB, 1));
    end(server);
}
