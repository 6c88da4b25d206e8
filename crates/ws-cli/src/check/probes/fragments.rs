//! Messages in several frames.

use crate::check::probe::Expect::{AnyPong, Echo, Failure};
use crate::check::probe::{Ask, Expect, Needs, Payload, Probe};
use crate::check::send::Send::{self, Frame};

const FRAGMENTATION: &str = "RFC 6455 section 5.4";

/// Fragments.
pub(super) const FRAGMENTS: &[Probe] = &[
    frames(
        "continuation-alone",
        "a continuation without a message is refused",
        &[Frame(0x80, b"Hello")],
        Failure(&[1002]),
    ),
    frames(
        "continuation-open",
        "so is one that is not the last",
        &[Frame(0x00, b"Hello")],
        Failure(&[1002]),
    ),
    frames(
        "message-in-message",
        "a message within a message is refused",
        &[Frame(0x01, b"Hel"), Frame(0x81, b"lo")],
        Failure(&[1002]),
    ),
    frames(
        "continuation-after-end",
        "a continuation of a complete message is refused",
        &[Frame(0x81, b"Hello"), Frame(0x80, b"!")],
        Failure(&[1002]),
    ),
    frames(
        "ping-within",
        "a Ping between fragments is answered at once",
        &[Frame(0x01, b"Hel"), Frame(0x89, b"within")],
        AnyPong,
    ),
    frames(
        "fragments",
        "fragments are joined",
        &[Frame(0x01, b"He"), Frame(0x00, b"ll"), Frame(0x80, b"o")],
        Echo(Payload::Bytes(b"Hello")),
    )
    .needs(Needs::Echo),
    frames(
        "fragments-with-ping",
        "a Ping does not separate fragments",
        &[Frame(0x01, b"Hel"), Frame(0x89, b"within"), Frame(0x80, b"lo")],
        Echo(Payload::Bytes(b"Hello")),
    )
    .needs(Needs::Echo),
    frames(
        "fragments-empty",
        "fragments may be empty",
        &[Frame(0x02, b""), Frame(0x00, b""), Frame(0x00, b"Hello"), Frame(0x80, b"")],
        Echo(Payload::Bytes(b"Hello")),
    )
    .needs(Needs::Echo),
];

const fn frames(
    id: &'static str,
    claim: &'static str,
    send: &'static [Send],
    expect: Expect,
) -> Probe {
    Probe::new(id, FRAGMENTATION, claim, Ask::Frames(send, expect))
}
