//! Judges the answers of a server: without a socket and without a clock.

#[cfg(test)]
mod tests;

use ws_std::wsproto::CloseFrame;
use ws_std::wsproto::handshake::Response;

use super::answer::Answer;
use super::incoming::{Incoming, Item};
use super::judgement::{Judgement, Verdict};
use super::probe::{Ask, Expect, Payload};
use super::wire::Arrived;

/// The answer to the frames of a probe.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) incoming: Incoming,
    /// How receiving ended.
    pub(super) end: Arrived,
}

/// Judges the answer to a head that must not be accepted.
pub(super) fn refusal(ask: Ask, answer: &Answer) -> Judgement {
    let came = heard(answer);
    match (ask, answer) {
        (Ask::Limited, Answer::Response(response, _)) if response.status() == 101 => {
            Judgement::unusual(came)
        }
        (_, Answer::Response(response, _)) if response.status() == 101 => Judgement::wrong(came),
        (Ask::RefusedVersion, Answer::Response(response, _)) => version(response, &came),
        (_, Answer::Response(..)) => Judgement::ok(came),
        // RFC 6455 section 10.7 lets an endpoint drop TCP. One that is silent has at least not accepted.
        (_, Answer::Missing(Arrived::End | Arrived::Reset | Arrived::Nothing)) => {
            Judgement::unusual(came)
        }
        (_, Answer::Missing(_) | Answer::Invalid(_)) => Judgement::wrong(came),
    }
}

fn version(response: &Response, came: &str) -> Judgement {
    let mut versions = response
        .headers()
        .get_all("Sec-WebSocket-Version")
        .flat_map(|value| value.split(','))
        .map(str::trim);
    if !versions.any(|version| version == "13") {
        return Judgement::wrong(format!("{came}, without Sec-WebSocket-Version: 13"));
    }
    match response.status() {
        426 => Judgement::ok(came),
        _ => Judgement::unusual(came),
    }
}

/// Describes an answer to a head.
pub(super) fn heard(answer: &Answer) -> String {
    match answer {
        Answer::Response(response, _) => format!("status {}", response.status()),
        Answer::Invalid(error) => format!("not a response of HTTP/1.1: {error}"),
        Answer::Missing(end) => ended(*end).to_owned(),
    }
}

const fn ended(end: Arrived) -> &'static str {
    match end {
        Arrived::Nothing | Arrived::Bytes(_) => "nothing in time",
        Arrived::End => "the end of TCP",
        Arrived::Reset => "a reset of TCP",
        Arrived::TooMuch => "more than 1 MiB",
    }
}

/// Judges the answer to the frames of a probe.
pub(super) fn frames(expect: Expect, seen: &Seen) -> Judgement {
    let came = describe(seen);
    match expect {
        Expect::Failure(codes) => failure(codes, seen, came),
        Expect::MayFail(codes) => match failure(codes, seen, came) {
            Judgement { verdict: Verdict::Wrong, came } if seen.incoming.error.is_none() => {
                Judgement::unusual(came)
            }
            judgement => judgement,
        },
        Expect::EarlyFailure(code, _) => match failure(&[code], seen, came) {
            Judgement { verdict: Verdict::Wrong, came }
                if seen.incoming.pongs() == 1
                    && (seen.incoming.close().is_some() || gone(seen)) =>
            {
                Judgement::unusual(format!("{came}, only after the rest of the message"))
            }
            judgement => judgement,
        },
        Expect::AnyPong | Expect::Pong(_) | Expect::Echo(_) | Expect::EchoTwice(_) => {
            reply(expect, seen, came)
        }
        Expect::CloseAnswer(code) => close_answer(code, seen, came),
        Expect::CloseFailure(codes) => close_failure(codes, seen, came),
        Expect::NothingLate => nothing_late(seen, came),
        Expect::EndOfTcp => match seen.end {
            Arrived::End => Judgement::ok(came),
            Arrived::Reset => Judgement::unusual(came),
            _ => Judgement::wrong(came),
        },
        Expect::Faultless(has_fault, _) => match seen.incoming.pongs() {
            0 => Judgement::not_applicable(format!("no frame to look at: {came}")),
            _ if has_fault(seen.incoming.faults) => Judgement::wrong("frames with that fault"),
            _ => Judgement::ok(came),
        },
    }
}

/// Returns whether enough has arrived for a verdict.
pub(super) fn is_decided(expect: Expect, incoming: &Incoming) -> bool {
    let count =
        |wanted: &dyn Fn(&Item) -> bool| incoming.items.iter().filter(|at| wanted(at)).count();
    let awaited = match expect {
        Expect::Pong(payload) => {
            count(&|item| matches!(item, Item::Pong(pong) if pong == payload)) > 0
        }
        Expect::Echo(payload) => count(&|item| is_message(item, payload)) > 0,
        Expect::EchoTwice(payload) => count(&|item| is_message(item, payload)) > 1,
        Expect::AnyPong | Expect::Faultless(..) => count(&|item| matches!(item, Item::Pong(_))) > 0,
        Expect::NothingLate | Expect::EndOfTcp => return false,
        _ => false,
    };
    awaited || incoming.close().is_some() || incoming.error.is_some()
}

fn is_message(item: &Item, payload: Payload) -> bool {
    matches!(item, Item::Message(bytes) if payload.is(bytes))
}

/// A server may drop TCP without a Close: RFC 6455 section 7.1.7 has only a SHOULD.
fn failure(codes: &[u16], seen: &Seen, came: String) -> Judgement {
    // Nothing but the question has asked for a Pong.
    if seen.incoming.pongs() > 0 || seen.incoming.error.is_some() {
        return Judgement::wrong(came);
    }
    match (seen.incoming.close(), gone(seen)) {
        (Some(body), _) if code(body).is_some_and(|code| codes.contains(&code)) => {
            Judgement::ok(came)
        }
        (Some(_), _) | (None, true) => Judgement::unusual(came),
        (None, false) => Judgement::wrong(came),
    }
}

/// An endpoint that receives a Close must send one, and "typically" with the same code: RFC 6455 section 5.5.1.
fn close_answer(expected: Option<u16>, seen: &Seen, came: String) -> Judgement {
    match seen.incoming.close() {
        None => Judgement::wrong(came),
        Some(body) if CloseFrame::parse(body).is_err() => Judgement::wrong(came),
        Some(body) => match (code(body), expected) {
            (code, expected) if code == expected || expected.is_none() => Judgement::ok(came),
            _ => Judgement::unusual(came),
        },
    }
}

/// A server may take an invalid Close for the end it asks for, but must not send the same.
fn close_failure(codes: &[u16], seen: &Seen, came: String) -> Judgement {
    match (seen.incoming.close(), gone(seen)) {
        (Some(body), _) if !may_send(body) => Judgement::wrong(came),
        (Some(body), _) if code(body).is_some_and(|code| codes.contains(&code)) => {
            Judgement::ok(came)
        }
        (Some(_), _) | (None, true) => Judgement::unusual(came),
        (None, false) => Judgement::wrong(came),
    }
}

/// Whether a Close may have this body. RFC 6455 section 7.4.2 says nothing about codes from 5000.
fn may_send(body: &[u8]) -> bool {
    let [a, b, reason @ ..] = body else { return body.is_empty() };
    let code = u16::from_be_bytes([*a, *b]);
    let forbidden = matches!(code, 0..=999 | 1004..=1006 | 1015);
    !forbidden && std::str::from_utf8(reason).is_ok()
}

fn nothing_late(seen: &Seen, came: String) -> Judgement {
    let message = |item: &Item| matches!(item, Item::Message(_));
    let incoming = &seen.incoming;
    if incoming.items.iter().any(message) || incoming.after_close.iter().any(|opcode| *opcode < 8) {
        Judgement::wrong(came)
    } else if seen.incoming.pongs() > 0 || !incoming.after_close.is_empty() {
        // Section 5.5.2 leaves it open.
        Judgement::unusual(came)
    } else {
        Judgement::ok(came)
    }
}

fn reply(expect: Expect, seen: &Seen, came: String) -> Judgement {
    match seen.incoming.close().and_then(code) {
        // A limit of the server, section 10.4.
        Some(1009) => Judgement::unusual(came),
        None if is_decided(expect, &seen.incoming) && seen.incoming.error.is_none() => {
            Judgement::ok(came)
        }
        _ => Judgement::wrong(came),
    }
}

fn gone(seen: &Seen) -> bool {
    matches!(seen.end, Arrived::End | Arrived::Reset)
}

fn code(body: &[u8]) -> Option<u16> {
    let code = body.first_chunk()?;
    Some(u16::from_be_bytes(*code))
}

/// Describes an answer, in its order.
fn describe(seen: &Seen) -> String {
    let mut parts: Vec<String> = seen.incoming.items.iter().map(name).collect();
    parts.truncate(4);
    if let Some(error) = seen.incoming.error {
        parts.push(format!("a frame that breaks a rule ({error})"));
    }
    match seen.incoming.after_close.len() {
        0 => {}
        several => parts.push(format!("{several} frames behind it")),
    }
    match seen.end {
        Arrived::Nothing if !parts.is_empty() => parts.push("nothing more in time".into()),
        Arrived::Bytes(_) => {}
        end => parts.push(ended(end).into()),
    }
    parts.join(", ")
}

fn name(item: &Item) -> String {
    match item {
        Item::Message(bytes) => format!("a message of {} bytes", bytes.len()),
        Item::Ping => "a Ping".into(),
        Item::Pong(payload) => format!("a Pong of {} bytes", payload.len()),
        Item::Close(body) => match (code(body), body.len()) {
            (Some(code), _) => format!("Close {code}"),
            (None, 0) => "a Close without a code".into(),
            (None, _) => "a Close with half a code".into(),
        },
    }
}
