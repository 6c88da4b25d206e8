//! The closing handshake.

use crate::check::probe::Expect::{CloseAnswer, CloseFailure, EndOfTcp, NothingLate};
use crate::check::probe::{Ask, Expect, Probe};
use crate::check::send::Send::{self, Frame};

const CLOSE: &str = "RFC 6455 section 5.5.1";
const CODES: &str = "RFC 6455 section 7.4";
const END: &str = "RFC 6455 section 7.1.1";

/// Closes.
pub(super) const CLOSING: &[Probe] = &[
    frames(
        "close-1000",
        CLOSE,
        "a Close is answered with its code",
        &[Frame(0x88, b"\x03\xE8bye")],
        CloseAnswer(Some(1000)),
    ),
    frames(
        "close-empty",
        CLOSE,
        "a Close without a code is answered",
        &[Frame(0x88, b"")],
        CloseAnswer(None),
    ),
    frames(
        "close-4999",
        CODES,
        "a private code is answered",
        &[Frame(0x88, b"\x13\x87")],
        CloseAnswer(Some(4999)),
    ),
    frames(
        "close-within",
        CLOSE,
        "a Close between fragments is answered",
        &[Frame(0x01, b"Hel"), Frame(0x88, b"\x03\xE8")],
        CloseAnswer(Some(1000)),
    ),
    frames(
        "close-half-code",
        CLOSE,
        "half a code is refused",
        &[Frame(0x88, b"\x03")],
        CloseFailure(&[1002]),
    ),
    frames(
        "close-999",
        CODES,
        "the code 999 is refused",
        &[Frame(0x88, b"\x03\xE7")],
        CloseFailure(&[1002]),
    ),
    frames(
        "close-1005",
        CODES,
        "the code 1005 is refused",
        &[Frame(0x88, b"\x03\xED")],
        CloseFailure(&[1002]),
    ),
    frames(
        "close-1006",
        CODES,
        "the code 1006 is refused",
        &[Frame(0x88, b"\x03\xEE")],
        CloseFailure(&[1002]),
    ),
    frames(
        "close-1015",
        CODES,
        "the code 1015 is refused",
        &[Frame(0x88, b"\x03\xF7")],
        CloseFailure(&[1002]),
    ),
    frames(
        "close-5000",
        CODES,
        "the code 5000 is refused",
        &[Frame(0x88, b"\x13\x88")],
        CloseFailure(&[1002]),
    ),
    frames(
        "close-reason",
        CLOSE,
        "a reason that is not UTF-8 is refused",
        &[Frame(0x88, b"\x03\xE8a\xFF")],
        CloseFailure(&[1007, 1002]),
    ),
    frames(
        "close-then-data",
        CLOSE,
        "what follows a Close is ignored",
        &[Frame(0x88, b"\x03\xE8"), Frame(0x81, b"late"), Frame(0x89, b"late")],
        NothingLate,
    ),
    frames(
        "close-tcp",
        END,
        "the server ends TCP after both Closes",
        &[Frame(0x88, b"\x03\xE8")],
        EndOfTcp,
    ),
];

const fn frames(
    id: &'static str,
    rule: &'static str,
    claim: &'static str,
    send: &'static [Send],
    expect: Expect,
) -> Probe {
    Probe::new(id, rule, claim, Ask::Frames(send, expect))
}
