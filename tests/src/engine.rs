//! The engine, driven like the reference model: bytes in, complete outcome out.

use wsproto::handshake::DeflateOffer;
use wsproto::{
    Client, CloseFrame, Config, Connection, Deflate, Error, Event, Piece, Role, SendError, Server,
};

use crate::model::{self, Limits, Outcome, Seen};

/// A seed for tests. Anything else must use a fresh, secret one.
pub const SEED: [u8; 32] = [7; 32];

/// Returns the configuration with the given limits.
#[must_use]
pub fn config(limits: &Limits) -> Config {
    let mut config = Config::default();
    config.max_message_size = limits.max_message_size;
    config.max_frame_size = limits.max_frame_size;
    config.max_fragments = limits.max_fragments;
    config
}

/// Runs the engine in a role over bytes that arrive in the given parts.
pub fn run<'a>(
    role: model::Role,
    limits: &Limits,
    parts: impl IntoIterator<Item = &'a [u8]>,
) -> Outcome {
    run_in_place(role, limits, 0, parts)
}

/// Runs the engine as [`run`] does, but leaves an incomplete frame in the input until it is whole
/// or `most` bytes of it have arrived.
pub fn run_in_place<'a>(
    role: model::Role,
    limits: &Limits,
    most: usize,
    parts: impl IntoIterator<Item = &'a [u8]>,
) -> Outcome {
    match role {
        model::Role::Server => whole(Connection::server(config(limits)), most, parts),
        model::Role::Client => whole(Connection::client(config(limits), SEED), most, parts),
    }
}

/// Runs the engine as [`run`] does, on a connection with permessage-deflate.
pub fn run_compressing<'a>(
    role: model::Role,
    limits: &Limits,
    parts: impl IntoIterator<Item = &'a [u8]>,
) -> Outcome {
    let wish = Deflate::dense();
    let extensions = DeflateOffer::new(&wish).accept(&wish).into();
    match role {
        model::Role::Server => whole(Connection::new(Server, config(limits), extensions), 0, parts),
        model::Role::Client => {
            let client = Client::from_seed(SEED);
            whole(Connection::new(client, config(limits), extensions), 0, parts)
        }
    }
}

/// Runs the engine as [`run`] does, but takes messages in pieces and joins them again.
///
/// Pieces of a message that never ended are not an event.
pub fn run_pieces<'a>(
    role: model::Role,
    limits: &Limits,
    parts: impl IntoIterator<Item = &'a [u8]>,
) -> Outcome {
    match role {
        model::Role::Server => pieces(Connection::server(config(limits)), parts),
        model::Role::Client => pieces(Connection::client(config(limits), SEED), parts),
    }
}

fn whole<'a, R: Role>(
    mut connection: Connection<R>,
    most: usize,
    parts: impl IntoIterator<Item = &'a [u8]>,
) -> Outcome {
    let mut events = Vec::new();
    let mut out = Vec::new();
    let mut buffer = Vec::new();
    // A final call with `most` 0 consumes the remaining bytes.
    let parts = parts.into_iter().map(|part| (part, most)).chain([(&[][..], 0)]);
    for (part, most) in parts {
        buffer.extend_from_slice(part);
        let mut input = &mut buffer[..];
        loop {
            let event = match most {
                0 => connection.next_event(&mut input, &mut out),
                _ => connection.next_event_in_place(&mut input, most, &mut out),
            };
            match event {
                Ok(Some(event)) => events.push(seen(event)),
                Ok(None) if most == 0 => {
                    break assert!(input.is_empty(), "I1: input was left over");
                }
                Ok(None) => break assert!(input.len() < most, "more bytes wait than allowed"),
                Err(error) => {
                    events.push(seen_error(error));
                    assert_final(connection, error, &mut out);
                    return Outcome { events, out: plain(&out) };
                }
            }
        }
        let left = input.len();
        buffer.drain(..buffer.len() - left);
    }
    Outcome { events, out: plain(&out) }
}

fn pieces<'a, R: Role>(
    mut connection: Connection<R>,
    parts: impl IntoIterator<Item = &'a [u8]>,
) -> Outcome {
    let mut events = Vec::new();
    let mut out = Vec::new();
    let mut message = Vec::new();
    for part in parts {
        let mut bytes = part.to_vec();
        let mut input = &mut bytes[..];
        loop {
            match connection.next_piece(&mut input, &mut out) {
                Ok(Some(Piece::Text { text, fin })) => {
                    message.extend_from_slice(text.as_bytes());
                    if fin {
                        let text = String::from_utf8(std::mem::take(&mut message));
                        events.push(Seen::Text(text.expect("pieces of text are text")));
                    }
                }
                Ok(Some(Piece::Binary { bytes, fin })) => {
                    message.extend_from_slice(&bytes);
                    if fin {
                        events.push(Seen::Binary(std::mem::take(&mut message)));
                    }
                }
                Ok(Some(Piece::Ping(payload))) => events.push(seen(Event::Ping(payload))),
                Ok(Some(Piece::Pong(payload))) => events.push(seen(Event::Pong(payload))),
                Ok(Some(Piece::Close(frame))) => events.push(seen(Event::Close(frame))),
                Ok(None) => break assert!(input.is_empty(), "I1: input was left over"),
                Err(error) => {
                    events.push(seen_error(error));
                    assert_final(connection, error, &mut out);
                    return Outcome { events, out: plain(&out) };
                }
            }
        }
    }
    Outcome { events, out: plain(&out) }
}

/// Promise I6: after an error nothing is parsed or sent, and the error stays the same.
fn assert_final<R: Role>(mut connection: Connection<R>, error: Error, out: &mut Vec<u8>) {
    let before = out.len();
    let mut bytes = *b"\x81\x02ok\x89\x80\0\0\0\0";
    let mut input = &mut bytes[..];
    assert_eq!(connection.next_event(&mut input, out), Err(error));
    assert_eq!(connection.next_piece(&mut input, out), Err(error));
    assert_eq!(connection.send_text("late", out), Err(SendError::Closed));
    assert_eq!(connection.ping(b"", out), Err(SendError::Closed));
    assert_eq!(connection.close(None, out), Ok(()));
    assert_eq!(out.len(), before, "something was sent after the Close");
}

fn seen(event: Event<'_>) -> Seen {
    match event {
        Event::Text(text) => Seen::Text(text.into_owned()),
        Event::Binary(bytes) => Seen::Binary(bytes.into_owned()),
        Event::Ping(payload) => Seen::Ping(payload.into_owned()),
        Event::Pong(payload) => Seen::Pong(payload.into_owned()),
        Event::Close(frame) => Seen::Close(frame.as_ref().map(close_body)),
    }
}

fn close_body(frame: &CloseFrame<'_>) -> (u16, String) {
    (frame.code().into(), frame.reason().to_owned())
}

fn seen_error(error: Error) -> Seen {
    let rule = model::RULES.iter().find(|(rule, _)| *rule == format!("{error:?}"));
    let (rule, _) = rule.expect("the model knows every rule");
    Seen::Error { rule, close_code: error.close_code().into() }
}

/// Rewrites frames without masking, as the model writes them, and checks that either all or none of
/// them are masked.
#[must_use]
pub fn plain(mut frames: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    let masked = frames.get(1).is_some_and(|byte| byte & 0x80 != 0);
    while let [first, second, rest @ ..] = frames {
        assert_eq!(masked, second & 0x80 != 0, "masked and plain frames mixed");
        let (len, head) = match second & 0x7F {
            126 => (usize::from(rest[0]) << 8 | usize::from(rest[1]), 2),
            127 => (rest[..8].iter().fold(0, |len, byte| len << 8 | usize::from(*byte)), 8),
            short => (usize::from(short), 0),
        };
        plain.extend([*first, second & 0x7F]);
        plain.extend(&rest[..head]);
        let rest = &rest[head..];
        let (key, rest) = if masked { rest.split_at(4) } else { (&[0; 4][..], rest) };
        plain.extend(rest[..len].iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
        frames = &rest[len..];
    }
    assert!(frames.is_empty(), "incomplete frame");
    plain
}
