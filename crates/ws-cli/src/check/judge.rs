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
    let got = heard(answer);
    match (ask, answer) {
        (Ask::Limited, Answer::Response(response, _)) if response.status() == 101 => {
            Judgement::unusual(got)
        }
        (_, Answer::Response(response, _)) if response.status() == 101 => Judgement::wrong(got),
        (Ask::RefusedVersion, Answer::Response(response, _)) => version(response, &got),
        (_, Answer::Response(..)) => Judgement::ok(got),
        // RFC 6455 section 10.7 lets an endpoint drop TCP. One that is silent has at least not accepted.
        (_, Answer::Missing(Arrived::End | Arrived::Reset | Arrived::Nothing)) => {
            Judgement::unusual(got)
        }
        (_, Answer::Missing(_) | Answer::Invalid(_)) => Judgement::wrong(got),
    }
}

fn version(response: &Response, got: &str) -> Judgement {
    let mut versions = response
        .headers()
        .get_all("Sec-WebSocket-Version")
        .flat_map(|value| value.split(','))
        .map(str::trim);
    if !versions.any(|version| version == "13") {
        return Judgement::wrong(format!("{got}, without Sec-WebSocket-Version: 13"));
    }
    match response.status() {
        426 => Judgement::ok(got),
        _ => Judgement::unusual(got),
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
    let got = describe(seen);
    match expect {
        Expect::Failure(codes) => failure(codes, seen, got),
        Expect::MayFail(codes) => match failure(codes, seen, got) {
            Judgement { verdict: Verdict::Wrong, got } if seen.incoming.error.is_none() => {
                Judgement::unusual(got)
            }
            judgement => judgement,
        },
        Expect::EarlyFailure(code, _) => match failure(&[code], seen, got) {
            Judgement { verdict: Verdict::Wrong, got }
                if seen.incoming.pongs() == 1
                    && (seen.incoming.close().is_some() || gone(seen)) =>
            {
                Judgement::unusual(format!("{got}, only after the rest of the message"))
            }
            judgement => judgement,
        },
        Expect::AnyPong | Expect::Pong(_) | Expect::Echo(_) | Expect::EchoTwice(_) => {
            reply(expect, seen, got)
        }
        Expect::CloseAnswer(code) => close_answer(code, seen, got),
        Expect::CloseFailure(codes) => close_failure(codes, seen, got),
        Expect::NothingLate => nothing_late(seen, got),
        Expect::EndOfTcp => match seen.end {
            Arrived::End => Judgement::ok(got),
            Arrived::Reset => Judgement::unusual(got),
            _ => Judgement::wrong(got),
        },
        Expect::Faultless(has_fault, _) => match seen.incoming.pongs() {
            0 => Judgement::not_applicable(format!("no frame to look at: {got}")),
            _ if has_fault(seen.incoming.faults) => Judgement::wrong("frames with that fault"),
            _ => Judgement::ok(got),
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
fn failure(codes: &[u16], seen: &Seen, got: String) -> Judgement {
    // Nothing but the question has asked for a Pong.
    if seen.incoming.pongs() > 0 || seen.incoming.error.is_some() {
        return Judgement::wrong(got);
    }
    match (seen.incoming.close(), gone(seen)) {
        (Some(body), _) if code(body).is_some_and(|code| codes.contains(&code)) => {
            Judgement::ok(got)
        }
        (Some(_), _) | (None, true) => Judgement::unusual(got),
        (None, false) => Judgement::wrong(got),
    }
}

/// An endpoint that receives a Close must send one, and "typically" with the same code: RFC 6455 section 5.5.1.
fn close_answer(expected: Option<u16>, seen: &Seen, got: String) -> Judgement {
    match seen.incoming.close() {
        None => Judgement::wrong(got),
        Some(body) if CloseFrame::parse(body).is_err() => Judgement::wrong(got),
        Some(body) => match (code(body), expected) {
            (code, expected) if code == expected || expected.is_none() => Judgement::ok(got),
            _ => Judgement::unusual(got),
        },
    }
}

/// A server may take an invalid Close for the end it asks for, but must not send the same.
fn close_failure(codes: &[u16], seen: &Seen, got: String) -> Judgement {
    match (seen.incoming.close(), gone(seen)) {
        (Some(body), _) if !may_send(body) => Judgement::wrong(got),
        (Some(body), _) if code(body).is_some_and(|code| codes.contains(&code)) => {
            Judgement::ok(got)
        }
        (Some(_), _) | (None, true) => Judgement::unusual(got),
        (None, false) => Judgement::wrong(got),
    }
}

/// Whether a Close may have this body. RFC 6455 section 7.4.2 says nothing about codes from 5000.
fn may_send(body: &[u8]) -> bool {
    let [a, b, reason @ ..] = body else { return body.is_empty() };
    let code = u16::from_be_bytes([*a, *b]);
    let forbidden = matches!(code, 0..=999 | 1004..=1006 | 1015);
    !forbidden && std::str::from_utf8(reason).is_ok()
}

fn nothing_late(seen: &Seen, got: String) -> Judgement {
    let message = |item: &Item| matches!(item, Item::Message(_));
    let incoming = &seen.incoming;
    if incoming.items.iter().any(message) || incoming.after_close.iter().any(|opcode| *opcode < 8) {
        Judgement::wrong(got)
    } else if seen.incoming.pongs() > 0 || !incoming.after_close.is_empty() {
        // Section 5.5.2 leaves it open.
        Judgement::unusual(got)
    } else {
        Judgement::ok(got)
    }
}

fn reply(expect: Expect, seen: &Seen, got: String) -> Judgement {
    match seen.incoming.close().and_then(code) {
        // A limit of the server, section 10.4.
        Some(1009) => Judgement::unusual(got),
        None if is_decided(expect, &seen.incoming) && seen.incoming.error.is_none() => {
            Judgement::ok(got)
        }
        _ => Judgement::wrong(got),
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
        several => parts.push(format!("{several} frames after it")),
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
