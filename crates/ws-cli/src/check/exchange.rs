//! The course of a probe: its own connection, its question, the verdict.

use std::io;
use std::time::{Duration, Instant};

use ws_std::wsproto::Extensions;

use super::answer::{self, Answer, Opened};
use super::head::{Change, Head};
use super::incoming::{Incoming, Item};
use super::judge::{self, Seen};
use super::judgement::{Judgement, Verdict};
use super::probe::{Ask, Expect, Needs, Probe};
use super::send::Send;
use super::target::Target;
use super::wire::{Arrived, Record, Wire};

/// The time that a server has for its echo, after it has answered a Ping.
const ECHO_PATIENCE: Duration = Duration::from_millis(500);

const ECHO: &[u8] = b"Is this an echo?";

/// The abilities of a server, as two ordinary connections show them.
#[derive(Clone, Debug)]
pub(super) struct Abilities {
    /// It sends messages back.
    pub(super) echo: bool,
    /// The extensions it agrees to.
    pub(super) extensions: Extensions,
}

/// The result of a probe.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) probe: &'static Probe,
    pub(super) judgement: Judgement,
    pub(super) record: Record,
    pub(super) took: Duration,
}

/// An ordinary opening handshake that was not accepted.
#[derive(Debug)]
pub(super) enum Unopened {
    /// There is no connection.
    Io(io::Error),
    /// The answer was another.
    Answer(Answer),
}

impl From<io::Error> for Unopened {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Opens two ordinary connections and learns the abilities of the server.
///
/// # Errors
///
/// [`Unopened`] if there is none.
pub(super) fn learn(target: &Target) -> Result<Abilities, Unopened> {
    let (mut wire, opened) = open(target, |_| {}, None)?;
    let mut incoming = opened.incoming;
    ask(&mut wire, &[Send::Frame(0x81, ECHO), Send::Frame(0x89, ECHO)], target);
    let echoed = |incoming: &Incoming| incoming.items.contains(&Item::Message(ECHO.to_vec()));
    let pong = |incoming: &Incoming| incoming.items.contains(&Item::Pong(ECHO.to_vec()));
    receive(&mut wire, &mut incoming, target.deadline(), |incoming| {
        echoed(incoming) || pong(incoming)
    });
    let soon = target.deadline().min(Instant::now() + ECHO_PATIENCE);
    receive(&mut wire, &mut incoming, soon, echoed);
    end(wire);

    let offer = "permessage-deflate";
    let add = |head: &mut Head| {
        head.change(Change::Add("Sec-WebSocket-Extensions", offer));
    };
    let extensions = match open(target, add, Some(offer)) {
        Ok((wire, opened)) => {
            end(wire);
            // An invalid answer is what a probe looks for.
            answer::agreed(&opened.response, Some(offer)).unwrap_or_default()
        }
        Err(Unopened::Answer(_)) => Extensions::none(),
        Err(error) => return Err(error),
    };
    Ok(Abilities { echo: echoed(&incoming), extensions })
}

impl Abilities {
    /// Returns why a probe does not apply.
    fn lack(&self, needs: Needs) -> Option<&'static str> {
        let takeover = self.extensions.deflate().is_some_and(|agreed| agreed.client.takeover);
        match needs {
            Needs::Echo | Needs::DeflateEcho | Needs::TakeoverEcho if !self.echo => {
                Some("the server does not echo")
            }
            Needs::Deflate | Needs::DeflateEcho | Needs::TakeoverEcho
                if self.extensions.deflate().is_none() =>
            {
                Some("the server does not compress")
            }
            Needs::TakeoverEcho if !takeover => Some("the server keeps no window"),
            _ => None,
        }
    }
}

/// Asks one question, on a connection of its own.
///
/// # Errors
///
/// [`io::Error`] if the server does not accept a connection.
pub(super) fn examine(
    probe: &'static Probe,
    target: &Target,
    abilities: &Abilities,
) -> io::Result<Finding> {
    let start = Instant::now();
    let (judgement, record) = match abilities.lack(probe.needs) {
        Some(lack) => (Judgement::not_applicable(lack), Record::default()),
        None => question(probe, target)?,
    };
    Ok(Finding { probe, judgement, record, took: start.elapsed() })
}

fn question(probe: &Probe, target: &Target) -> io::Result<(Judgement, Record)> {
    let change = |head: &mut Head| probe.head.iter().for_each(|change| head.change(*change));
    let (mut wire, answer, key) = request(target, change)?;
    let refused: fn(String) -> Judgement = match probe.ask {
        Ask::Refused | Ask::RefusedVersion | Ask::Limited => {
            let judgement = judge::refusal(probe.ask, &answer);
            return Ok((judgement, wire.end()));
        }
        Ask::Accepted(_) => Judgement::wrong,
        Ask::Offer(_) => Judgement::unusual,
        // For example, the server limits the number of connections.
        Ask::Frames(..) => Judgement::not_applicable,
    };
    let judgement = match (Opened::new(answer, &key, probe.offer()), probe.ask) {
        (Err(answer), _) => refused(judge::heard(&answer)),
        (Ok(opened), Ask::Accepted(judge) | Ask::Offer(judge)) => judge(&opened),
        (Ok(opened), Ask::Frames(parts, expect)) => {
            judge::frames(expect, &exchange(&mut wire, opened.incoming, parts, expect, target))
        }
        (Ok(_), _) => unreachable!("judged above"),
    };
    Ok((judgement, end(wire)))
}

/// Sends the frames of a probe, and receives until there is enough for a verdict.
fn exchange(
    wire: &mut Wire,
    mut incoming: Incoming,
    parts: &[Send],
    expect: Expect,
    target: &Target,
) -> Seen {
    ask(wire, parts, target);
    let decided = |incoming: &Incoming| judge::is_decided(expect, incoming);
    let end = match expect {
        Expect::Failure(_) | Expect::MayFail(_) => fails(wire, &mut incoming, 1, target),
        Expect::EarlyFailure(_, rest) => match fails(wire, &mut incoming, 1, target) {
            Arrived::Bytes(_) if incoming.pongs() == 1 => {
                ask(wire, rest, target);
                fails(wire, &mut incoming, 2, target)
            }
            end => end,
        },
        _ => receive(wire, &mut incoming, target.deadline(), decided),
    };
    Seen { incoming, end }
}

/// Waits for the failure of the connection. A server that says nothing is asked whether it goes on: not at once,
/// because a server that ends TCP while something is unread resets it, which can cost its Close.
/// Its answer is the Pong with this number.
fn fails(wire: &mut Wire, incoming: &mut Incoming, number: usize, target: &Target) -> Arrived {
    let decided = |incoming: &Incoming| {
        incoming.close().is_some() || incoming.error.is_some() || incoming.pongs() >= number
    };
    match receive(wire, incoming, Instant::now() + target.patience / 4, decided) {
        Arrived::Nothing => {}
        end => return end,
    }
    ask(wire, &[Send::Frame(0x89, b"still open?")], target);
    receive(wire, incoming, target.deadline(), decided)
}

/// Receives until `done`, or until nothing more comes.
fn receive(
    wire: &mut Wire,
    incoming: &mut Incoming,
    deadline: Instant,
    done: impl Fn(&Incoming) -> bool,
) -> Arrived {
    let mut end = Arrived::Bytes(0);
    while !done(incoming) {
        let mut bytes = Vec::new();
        end = wire.receive(&mut bytes, deadline);
        incoming.receive(&bytes);
        if !matches!(end, Arrived::Bytes(_)) {
            break;
        }
    }
    end
}

fn open(
    target: &Target,
    change: impl Fn(&mut Head),
    offer: Option<&str>,
) -> Result<(Wire, Opened), Unopened> {
    let (wire, answer, key) = request(target, change)?;
    let opened = Opened::new(answer, &key, offer).map_err(Unopened::Answer)?;
    Ok((wire, opened))
}

/// Connects, sends a request, and reads the answer.
fn request(target: &Target, change: impl Fn(&mut Head)) -> io::Result<(Wire, Answer, String)> {
    let mut wire = target.connect()?;
    let (mut head, key) = target.head()?;
    change(&mut head);
    let (bytes, shown) = (head.encode(), head.shown());
    if head.in_pieces {
        let (front, back) = bytes.split_at(bytes.len() / 2);
        wire.send_as(front, &shown, target.patience);
        wire.pause();
        wire.send_as(back, &[], target.patience);
    } else {
        wire.send_as(&bytes, &shown, target.patience);
    }
    let answer = answer::read(&mut wire, target.deadline());
    Ok((wire, answer, key))
}

/// Sends the parts: those between two pauses at once.
fn ask(wire: &mut Wire, parts: &[Send], target: &Target) {
    let mut bytes = Vec::new();
    for part in parts {
        if matches!(part, Send::Pause) {
            wire.send(&bytes, target.patience);
            bytes.clear();
            wire.pause();
        }
        part.encode(&mut bytes);
    }
    wire.send(&bytes, target.patience);
}

/// Ends an open connection: with a Close, though without waiting for its answer.
fn end(mut wire: Wire) -> Record {
    let record = wire.record.clone();
    let mut close = Vec::new();
    Send::Frame(0x88, b"\x03\xE8").encode(&mut close);
    wire.send(&close, Duration::from_millis(100));
    wire.end();
    record
}

impl Finding {
    pub(super) fn is(&self, verdict: Verdict) -> bool {
        self.judgement.verdict == verdict
    }
}
