//! Connections between messages and after their end (I5), and a steady echo.

use allocation_counter::measure;
use wsproto::{Client, Event, Server};
use wsproto_testing::{End, Frame};

use crate::meter::{VIOLATION_SIZE, meter};
use crate::support::VIOLATION;

/// I5: no heap before, between and after messages of any type, however they arrive.
#[test]
fn an_idle_connection_holds_nothing() {
    fn check<R: End>() {
        let whole = [
            R::from_peer(0x81, "grüße".as_bytes()),
            R::from_peer(0x82, &[7; 300]),
            R::from_peer(0x89, &[1; 125]),
            R::from_peer(0x8A, b""),
            [R::from_peer(0x01, b"\xC3"), R::from_peer(0x89, b"?"), R::from_peer(0x80, b"\xA9")]
                .concat(),
            [R::from_peer(0x02, b""), R::from_peer(0x80, b"")].concat(),
        ];
        for bytes in &whole {
            for cut in 0..=bytes.len() {
                let mut meter = meter::<R>();
                let mut bytes = bytes.clone();
                let (front, back) = bytes.split_at_mut(cut);
                meter.feed(front).expect("legal");
                meter.feed(back).expect("legal");
                assert_eq!(meter.held, 0, "cut at {cut}");
                meter.feed(&mut []).expect("nothing");
                assert_eq!(meter.held, 0);
            }
        }
    }
    check::<Server>();
    check::<Client>();
}

/// I5: an error or a Close releases the message in flight, wherever it is cut.
#[test]
fn an_end_leaves_nothing() {
    fn check<R: End>() {
        let begun = R::from_peer(0x01, &[b'x'; 1000]);
        for end in [
            VIOLATION.to_vec(),
            R::from_peer(0x80, b"\xFF"),
            R::from_peer(0x88, b"\x03\xE8bye"),
            R::from_peer(0x88, b"\x03"),
            R::from_peer(0x88, b"\x03\xE8\xFF\xFF"),
        ] {
            for cut in 0..=end.len() {
                let mut meter = meter::<R>();
                meter.feed(&mut begun.clone()).expect("legal so far");
                assert!(meter.held >= 1000);
                let mut end = end.clone();
                let (front, back) = end.split_at_mut(cut);
                let _ = meter.feed(front).and_then(|()| meter.feed(back));
                let held = meter.held;
                assert!(held <= VIOLATION_SIZE, "{held} for {end:02X?} cut at {cut}");
                let _ = meter.feed(&mut R::from_peer(0x82, &[0; 500])[..400]);
                assert_eq!(meter.held, held, "after the end");
            }
        }
    }
    check::<Server>();
    check::<Client>();
}

/// A58: with reused buffers, neither receiving nor replying allocates.
#[test]
fn a_steady_echo_allocates_nothing() {
    fn echo<R: End>() {
        let wire = [
            R::from_peer(0x81, "grüße".as_bytes()),
            R::from_peer(0x82, &[7; 5000]),
            R::from_peer(0x89, &[1; 125]),
            R::from_peer(0x8A, b"pong"),
            R::from_peer(0x82, b""),
        ]
        .concat();
        let mut ws = R::connect();
        let mut buffer = wire.clone();
        let mut out = Vec::with_capacity(2 * wire.len());
        for round in 0..100 {
            buffer.copy_from_slice(&wire);
            out.clear();
            let info = measure(|| {
                let mut input = &mut buffer[..];
                while let Ok(Some(event)) = ws.next_event(&mut input, &mut out) {
                    let sent = match event {
                        Event::Text(text) => ws.send_text(&text, &mut out),
                        Event::Binary(bytes) => ws.send_binary(&bytes, &mut out),
                        _ => Ok(()),
                    };
                    assert_eq!(sent, Ok(()));
                }
            });
            assert_eq!(info.count_total, 0, "round {round}");
            assert_eq!(Frame::read_all(&out).len(), 4, "two messages, a Pong, a message");
        }
    }
    echo::<Server>();
    echo::<Client>();
}
