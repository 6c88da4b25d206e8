//! Compressed messages that are handed out in pieces, in constant memory.

use wsproto::frame::Opcode;
use wsproto::{Config, Connection, Error, Event, Piece, Role, Server};

use crate::support::*;

/// Receives pieces; joins those of a message.
fn pieces<R: Role>(
    ws: &mut Connection<R>,
    wire: &[u8],
    step: usize,
) -> Result<Vec<Vec<u8>>, Error> {
    let (mut messages, mut open, mut out) = (Vec::new(), Vec::new(), Vec::new());
    for part in wire.chunks(step) {
        let mut part = part.to_vec();
        let mut input = &mut part[..];
        while let Some(piece) = ws.next_piece(&mut input, &mut out)? {
            let (bytes, fin) = match &piece {
                Piece::Text { text, fin } => (text.as_bytes(), *fin),
                Piece::Binary { bytes, fin } => (&bytes[..], *fin),
                _ => continue,
            };
            assert!(bytes.len() <= 16 << 10 || !fin, "a piece of {} bytes", bytes.len());
            assert!(!bytes.is_empty() || fin, "only the last piece is empty");
            open.extend_from_slice(bytes);
            if fin {
                messages.push(std::mem::take(&mut open));
            }
        }
        assert!(input.is_empty(), "I1");
    }
    Ok(messages)
}

#[test]
fn the_pieces_of_a_message_are_the_message() {
    let text = json(200_000);
    let accents: String = "gr\u{FC}\u{DF}e \u{20AC} \u{1F600} ".repeat(9000);
    for takeover in [true, false] {
        let mut wire = Vec::new();
        let mut zlib = Zlib::new(6, 12);
        for payload in [&text, &accents, &String::new(), &text] {
            if !takeover {
                zlib = Zlib::new(6, 12);
            }
            let compressed = match payload.len() {
                0 => vec![0],
                _ => zlib.message(payload.as_bytes()),
            };
            // Fragments, with a Ping between them.
            let half = compressed.len() / 2;
            frame(0x41, &compressed[..half], &mut wire);
            frame(0x89, b"ping", &mut wire);
            frame(0x80, &compressed[half..], &mut wire);
            frame(0x81, b"plain", &mut wire);
        }
        let plain = b"plain".to_vec();
        let (text, accents) = (text.clone().into_bytes(), accents.clone().into_bytes());
        let expected = [
            text.clone(),
            plain.clone(),
            accents,
            plain.clone(),
            vec![],
            plain.clone(),
            text,
            plain,
        ];
        for step in [1, 100, 5000, wire.len()] {
            let messages = pieces(&mut server(agreed(12, takeover)), &wire, step);
            assert!(messages.as_deref() == Ok(&expected), "{takeover} {step}");
        }
    }
}

/// The two ways to receive may be mixed, also within a message.
#[test]
fn pieces_and_events_may_be_mixed() {
    let text = json(100_000);
    let mut zlib = Zlib::new(6, 15);
    let first = message(Opcode::Text, &zlib.message(text.as_bytes()));
    let second = message(Opcode::Text, &zlib.message(text.as_bytes()));
    for cut in [10, 3000, first.len() - 1] {
        // Assembled up to the cut, pieces behind it.
        let mut ws = server(agreed(15, true));
        assert_eq!(receive(&mut ws, &first[..cut], 500), Ok(vec![]));
        let messages = pieces(&mut ws, &first[cut..], 500).expect("valid");
        assert!(messages == [text.as_bytes()]);
        // Pieces up to the cut; the rest is checked and skipped, and the window is complete.
        let mut ws = server(agreed(15, true));
        assert_eq!(pieces(&mut ws, &first[..cut], 500), Ok(vec![]));
        assert_eq!(receive(&mut ws, &first[cut..], 500), Ok(vec![]));
        let events = receive(&mut ws, &second, 500);
        assert_eq!(events, Ok(vec![Event::Text(text.clone().into())]));
    }
}

/// A bomb is handed out in constant memory, up to the limit.
#[test]
fn pieces_need_constant_memory_and_have_the_limit() {
    for (size, fits) in [(8_usize << 20, true), ((8 << 20) + 1, false), (64 << 20, false)] {
        let mut wire = message(Opcode::Binary, &Zlib::new(9, 15).message(&vec![0; size]));
        let config = Config::clone(&config()).max_message_size(8 << 20);
        let mut ws = Connection::<Server>::new(Server, config, agreed(15, true).into());
        let (mut out, mut len) = (Vec::new(), 0);
        let mut end = Ok(());
        let memory = allocation_counter::measure(|| {
            let mut input = &mut wire[..];
            loop {
                match ws.next_piece(&mut input, &mut out) {
                    Ok(Some(Piece::Binary { bytes, .. })) => len += bytes.len(),
                    Ok(_) => break,
                    Err(error) => {
                        end = Err(error);
                        break;
                    }
                }
            }
        });
        assert_eq!(end, if fits { Ok(()) } else { Err(Error::MessageTooBig) }, "{size}");
        assert!(len <= 8 << 20 && (len == size || !fits));
        assert!(memory.bytes_max < 320 << 10, "{}", memory.bytes_max);
    }
}

#[test]
fn pieces_of_what_is_not_deflate_end_with_the_error() {
    let mut bad = Zlib::new(6, 15).flush(json(50_000).as_bytes(), flate2::FlushCompress::Sync);
    bad.extend([0x07, 0x00]);
    let wire = message(Opcode::Text, &bad);
    for step in [1, 1000, wire.len()] {
        assert_eq!(pieces(&mut server(agreed(15, true)), &wire, step), Err(Error::InvalidDeflate));
    }
    for (bytes, error) in [(&b"gr\xC3"[..], Error::InvalidUtf8), (b"\xFF", Error::InvalidUtf8)] {
        let wire = message(Opcode::Text, &Zlib::new(6, 15).message(bytes));
        assert_eq!(pieces(&mut server(agreed(15, true)), &wire, 2), Err(error));
    }
}

/// Logs show no byte of a message.
#[test]
fn a_message_in_pieces_is_not_printed() {
    let text = "j".repeat(60_000);
    let mut wire = message(Opcode::Text, &Zlib::new(0, 15).message(text.as_bytes()));
    wire.truncate(50_000);
    let (mut ws, mut out) = (server(agreed(15, true)), Vec::new());
    let mut input = &mut wire[..];
    assert_eq!(ws.next_event(&mut input, &mut out), Ok(None));
    assert!(ws.next_piece(&mut input, &mut out).expect("valid").is_some());
    let shown = format!("{ws:?}");
    assert!(!shown.contains("106") && shown.len() < 2000, "{shown}");
}
