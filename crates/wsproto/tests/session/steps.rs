//! Sessions that are driven by steps, and the reports of their ends.

use wsproto::{CloseCode, CloseFrame, CloseInfo, Config, Initiator};
use wsproto_testing::{End, Life};

use crate::support::VIOLATION;

pub(crate) fn info(code: u16, reason: &str, was_clean: bool, initiator: Initiator) -> CloseInfo {
    let code = CloseCode::from(code);
    // Unless the test says otherwise, a peer's Close is answered with its code.
    let sent = was_clean.then_some(code);
    CloseInfo { code, reason: reason.into(), sent, was_clean, initiator }
}

/// Code 1006: no Close was exchanged.
/// The end, with the code that this end has sent.
pub(crate) fn sent(code: u16, end: CloseInfo) -> CloseInfo {
    CloseInfo { sent: Some(CloseCode::from(code)), ..end }
}

pub(crate) fn lost(initiator: Initiator) -> CloseInfo {
    info(1006, "", false, initiator)
}

pub(crate) fn open<R: End>() -> Life<R> {
    Life::open(Config::default())
}

pub(crate) fn begin<R: End>() -> Life<R> {
    Life::begin(Config::default())
}

/// A step of an open session.
pub(crate) type Step<R> = fn(&mut Life<R>);

pub(crate) fn we_close<R: End>(life: &mut Life<R>) {
    let body = CloseFrame::new(CloseCode::from(4000), "ours").expect("a body");
    life.close(Some(&body)).expect("open");
}

pub(crate) fn peer_closes<R: End>(life: &mut Life<R>) {
    life.read_frame(0x88, b"\x03\xE9theirs");
}

pub(crate) fn peer_closes_without_a_code<R: End>(life: &mut Life<R>) {
    life.read_frame(0x88, b"");
}

pub(crate) fn peer_breaks_a_rule<R: End>(life: &mut Life<R>) {
    life.read(&VIOLATION);
}

pub(crate) fn half_a_frame<R: End>(life: &mut Life<R>) {
    let frame = R::from_peer(0x81, b"whole");
    life.read(&frame[..frame.len() - 1]);
}
