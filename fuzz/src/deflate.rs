//! permessage-deflate: compressed data of a peer, and its negotiation.

use arbitrary::{Result, Unstructured};
use flate2::{Decompress, FlushDecompress, Status};
use wsproto::handshake::{DeflateAgreed, DeflateOffer, Direction, Extension};
use wsproto::{
    Client, Config, Connection, Deflate, DeflateTools, Error, Event, Piece, Role, Server,
    WindowBits,
};
use wsproto_testing::{Cuts, source};

/// The longest message, in bytes.
const LIMITS: [u64; 4] = [64 << 10, 100, 1, 1 << 20];

/// Arbitrary bytes from a peer that compresses, in both roles, with any parameters: no panic (I7), the same
/// events and error for every cut (I2), whole, in place and in pieces, with and without lent states; no
/// message beyond the limit; and what is inflated is what zlib inflates.
pub fn deflate(data: &[u8]) {
    let [choice, parameters, seed, wire @ ..] = data else { return };
    let limit = LIMITS[usize::from(choice >> 1 & 3)];
    let bits = WindowBits::new(8 + (parameters & 7)).expect("8 to 15");
    let direction = Direction { window: bits, takeover: parameters & 8 != 0 };
    let agreed = DeflateAgreed { server: direction, client: direction };
    let wish = Deflate::new().own_states(choice & 8 != 0);
    let config = Config::new().max_message_size(limit).deflate(Some(wish));
    let cuts = Cuts::from_seed(*seed);
    if choice & 16 != 0 {
        // The bytes as the payload of one message.
        inflate(wire, &config);
    } else if choice & 1 == 0 {
        compare(|| Connection::new(Server, config.clone(), agreed.into()), wire, &cuts, limit);
    } else {
        let client = || Client::from_seed([0; 32]);
        compare(|| Connection::new(client(), config.clone(), agreed.into()), wire, &cuts, limit);
    }
}

fn compare<R: Role>(new: impl Fn() -> Connection<R>, wire: &[u8], cuts: &Cuts, limit: u64) {
    let whole = run(new(), [wire], 0, false);
    for event in &whole.0 {
        if let Event::Text(_) | Event::Binary(_) = event {
            assert!(payload(event).len() as u64 <= limit, "beyond the limit");
        }
    }
    for other in [
        run(new(), wire.chunks(1), 0, true),
        run(new(), cuts.cut(wire), 0, false),
        run(new(), cuts.cut(wire), 0, true),
    ] {
        assert_eq!(whole, other, "I2");
    }
    let (messages, error) = pieces(new(), cuts.cut(wire));
    let expected: Vec<_> = whole.0.iter().filter(|event| is_message(event)).map(payload).collect();
    assert_eq!(messages, expected);
    // A piece may be refused before its message is complete.
    assert!(error.is_some() || whole.1.is_none());
}

fn is_message(event: &Event<'_>) -> bool {
    matches!(event, Event::Text(_) | Event::Binary(_))
}

fn payload<'e>(event: &'e Event<'_>) -> &'e [u8] {
    match event {
        Event::Text(text) => text.as_bytes(),
        Event::Binary(bytes) => bytes,
        _ => &[],
    }
}

type Events = (Vec<Event<'static>>, Option<Error>);

fn run<'w, R: Role>(
    mut ws: Connection<R>,
    parts: impl IntoIterator<Item = &'w [u8]>,
    most: usize,
    lends: bool,
) -> Events {
    let (mut events, mut out, mut tools) = (Vec::new(), Vec::new(), DeflateTools::new());
    for part in parts {
        let mut bytes = part.to_vec();
        let mut input = &mut bytes[..];
        if lends {
            ws.lend_tools(&mut tools);
        }
        loop {
            match ws.next_event_in_place(&mut input, most, &mut out) {
                Ok(Some(event)) => events.push(event.into_owned()),
                Ok(None) => break,
                Err(error) => return (events, Some(error)),
            }
        }
        ws.reclaim_tools(&mut tools);
    }
    (events, None)
}

fn pieces<'w, R: Role>(
    mut ws: Connection<R>,
    parts: impl IntoIterator<Item = &'w [u8]>,
) -> (Vec<Vec<u8>>, Option<Error>) {
    let (mut messages, mut open, mut out) = (Vec::new(), Vec::new(), Vec::new());
    for part in parts {
        let mut bytes = part.to_vec();
        let mut input = &mut bytes[..];
        loop {
            let (bytes, fin) = match ws.next_piece(&mut input, &mut out) {
                Ok(Some(Piece::Text { text, fin })) => (text.as_bytes().to_vec(), fin),
                Ok(Some(Piece::Binary { bytes, fin })) => (bytes.to_vec(), fin),
                Ok(Some(_)) => continue,
                Ok(None) => break,
                Err(error) => return (messages, Some(error)),
            };
            open.extend(bytes);
            if fin {
                messages.push(std::mem::take(&mut open));
            }
        }
    }
    (messages, None)
}

/// Compares the payload of one message with what zlib makes of it.
fn inflate(compressed: &[u8], config: &Config) {
    let agreed = DeflateOffer::default().accept(&Deflate::dense());
    let mut ws = Connection::<Server>::new(Server, config.clone(), agreed.into());
    let mut wire = Vec::new();
    wsproto::frame::Header {
        fin: true,
        rsv: 0x40,
        opcode: wsproto::frame::Opcode::Binary,
        mask: Some([0; 4]),
        len: compressed.len() as u64,
    }
    .encode(&mut wire);
    wire.extend(compressed);
    let (mut input, mut out) = (&mut wire[..], Vec::new());
    let Ok(Some(Event::Binary(ours))) = ws.next_event(&mut input, &mut out) else { return };
    let mut theirs = Vec::with_capacity(ours.len() + 64);
    let whole = [compressed, &[0, 0, 0xFF, 0xFF]].concat();
    match Decompress::new(false).decompress_vec(&whole, &mut theirs, FlushDecompress::Sync) {
        // zlib stops behind a final block, where RFC 7692 goes on.
        Ok(Status::StreamEnd) => assert!(ours.starts_with(&theirs)),
        Ok(_) => assert!(ours[..] == theirs),
        Err(error) => panic!("zlib refuses it: {error}"),
    }
}

/// Arbitrary offers and answers: no panic (I7), and both ends agree.
pub fn negotiate(data: &[u8]) {
    let mut u = Unstructured::new(data);
    let _ = agree(&mut u);
}

fn agree(u: &mut Unstructured<'_>) -> Result<()> {
    let (server, client) = (wish(u)?, wish(u)?);
    let offer = DeflateOffer::new(&client);
    let agreed = offer.accept(&server);
    assert_eq!(offer.verify(&offer.answer(&agreed)), Ok(agreed));

    let text = source::text(u)?;
    for value in [text.clone(), format!("permessage-deflate;{text}")] {
        for element in Extension::parse_list(&value).unwrap_or_default() {
            if let Ok(answered) = offer.verify(&element) {
                assert!(
                    offer
                        .client_max_window_bits
                        .flatten()
                        .is_none_or(|most| answered.client.window <= most)
                );
                assert!(
                    offer.server_max_window_bits.is_none_or(|most| answered.server.window <= most)
                );
                assert!(!offer.server_no_context_takeover || !answered.server.takeover);
            }
            if let Ok(offer) = DeflateOffer::parse(&element) {
                let agreed = offer.accept(&server);
                assert!(agreed.server.window <= server.window);
                assert_eq!(offer.verify(&offer.answer(&agreed)), Ok(agreed));
            }
        }
    }
    Ok(())
}

pub(crate) fn wish(u: &mut Unstructured<'_>) -> Result<Deflate> {
    let bits = |bits: u8| WindowBits::new(8 + (bits & 7)).expect("8 to 15");
    let flags: u8 = u.arbitrary()?;
    Ok(Deflate::new()
        .level(u.int_in_range(1..=9)?)
        .threshold(u.int_in_range(0..=100)?)
        .window(bits(u.arbitrary()?))
        .peer_window(bits(u.arbitrary()?))
        .takeover(flags & 1 != 0)
        .peer_takeover((flags & 2 != 0).then_some(flags & 4 != 0))
        .own_states(flags & 8 != 0))
}
