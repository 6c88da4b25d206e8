//! Any output of a sender, and the engine at the other end.

use arbitrary::{Result, Unstructured};
use wsproto::handshake::DeflateOffer;
use wsproto::{
    Client, CloseFrame, Config, Connection, Event, PreparedMessage, SendError, Sender, Server,
};
use wsproto_testing::{Cuts, End, source};

/// Any calls of a sender: the other end accepts everything that the sender accepts, and reports the
/// same (I11); and the replies of the other end are accepted as well.
pub fn two_engines(data: &[u8]) {
    let mut u = Unstructured::new(data);
    let _ = match u.arbitrary() {
        Ok(true) => run::<Client, Server>(&mut u),
        _ => run::<Server, Client>(&mut u),
    };
}

fn run<A: End, B: End>(u: &mut Unstructured<'_>) -> Result<()> {
    let cuts: Cuts = u.arbitrary()?;
    let (mut a, mut b) = match u.arbitrary::<bool>()? {
        false => (A::connect(), B::connect()),
        true => {
            let wish = crate::deflate::wish(u)?;
            let extensions = DeflateOffer::new(&wish).accept(&wish);
            let config = Config::new().deflate(Some(wish));
            let a = A::connect_extended(config.clone(), extensions.into());
            (a, B::connect_extended(config, extensions.into()))
        }
    };
    let (mut wire, mut expected, mut open) = (Vec::new(), Vec::new(), Vec::new());
    while !u.is_empty() {
        let before = wire.len();
        match send(u, a.sender(), &mut wire, &mut open)? {
            Ok(event) => expected.extend(event),
            Err(_) => assert_eq!(wire.len(), before, "I11: a refused call appended bytes"),
        }
    }
    let mut answers = Vec::new();
    assert_eq!(receive(&mut b, &wire, &cuts, &mut answers), expected);

    let replies = expected.into_iter().filter_map(|event| match event {
        Event::Ping(payload) => Some(Event::Pong(payload)),
        Event::Close(frame) => Some(Event::Close(frame)),
        _ => None,
    });
    let mut nothing = Vec::new();
    assert_eq!(receive(&mut a, &answers, &cuts, &mut nothing), replies.collect::<Vec<_>>());
    assert!(nothing.is_empty(), "a reply was answered");
    Ok(())
}

/// Makes a call. Returns the events that the other end must report; `open` is the payload so far of
/// a message in fragments.
fn send<R: End>(
    u: &mut Unstructured<'_>,
    sender: &mut Sender<R>,
    wire: &mut Vec<u8>,
    open: &mut Vec<u8>,
) -> Result<std::result::Result<Option<Event<'static>>, SendError>> {
    let kind = u.int_in_range(0..=9)?;
    let text = if kind < 3 { sized(u)? } else { source::text(u)? };
    Ok(match kind {
        0 => sender.send_text(&text, wire).map(|()| Some(Event::Text(text.into()))),
        1 => {
            let bytes = text.into_bytes();
            sender.send_binary(&bytes, wire).map(|()| Some(Event::Binary(bytes.into())))
        }
        2 => sender.send_binary_header(text.len() as u64, wire).map(|mask| {
            let mut payload = text.clone().into_bytes();
            mask.into_iter().for_each(|mut mask| mask.apply(&mut payload));
            wire.extend(payload);
            Some(Event::Binary(text.into_bytes().into()))
        }),
        3 => sender.send_text_header(&text, wire).map(|mask| {
            let mut payload = text.clone().into_bytes();
            mask.into_iter().for_each(|mut mask| mask.apply(&mut payload));
            wire.extend(payload);
            Some(Event::Text(text.into()))
        }),
        4 => {
            let prepared = PreparedMessage::text(&text);
            sender.send_prepared(&prepared, wire).map(|()| Some(Event::Text(text.into())))
        }
        5 | 6 => {
            let fin = kind == 6;
            sender.send_text_fragment(&text, fin, wire).map(|()| {
                open.extend(text.as_bytes());
                fin.then(|| {
                    let whole = String::from_utf8(std::mem::take(open)).expect("it was text");
                    Event::Text(whole.into())
                })
            })
        }
        7 => {
            let fin = text.is_empty();
            sender.send_binary_fragment(text.as_bytes(), fin, wire).map(|()| {
                open.extend(text.as_bytes());
                fin.then(|| Event::Binary(std::mem::take(open).into()))
            })
        }
        8 => {
            let payload = text.into_bytes();
            sender.ping(&payload, wire).map(|()| Some(Event::Ping(payload.into())))
        }
        _ => {
            let code = source::close_code(u)?.unwrap_or(1000);
            let frame = CloseFrame::new(code.into(), text).ok();
            let before = wire.len();
            // Only the first Close is sent.
            sender
                .close(frame.as_ref(), wire)
                .map(|()| (wire.len() > before).then_some(Event::Close(frame)))
        }
    })
}

fn receive<R: End>(
    ws: &mut Connection<R>,
    wire: &[u8],
    cuts: &Cuts,
    out: &mut Vec<u8>,
) -> Vec<Event<'static>> {
    let mut events = Vec::new();
    for part in cuts.cut(wire) {
        let mut bytes = part.to_vec();
        let mut input = &mut bytes[..];
        while let Some(event) = ws.next_event(&mut input, out).expect("sent frames are legal") {
            events.push(event.into_owned());
        }
    }
    events
}

/// Returns a text with a length at, or near, a change of the header's form.
fn sized(u: &mut Unstructured<'_>) -> Result<String> {
    let len: usize = *u.choose(&[0, 1, 124, 125, 126, 127, 1460, 4097, 65535, 65536])?;
    let character = *u.choose(&['a', 'é', '€', '\u{10FFFF}'])?;
    let whole = character.to_string().repeat(len / character.len_utf8());
    Ok(whole + &"-".repeat(len % character.len_utf8()))
}
