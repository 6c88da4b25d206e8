//! Text is UTF-8.

use crate::check::probe::Expect::{EarlyFailure, Echo, Failure};
use crate::check::probe::{Ask, Expect, Needs, Payload, Probe};
use crate::check::send::Send::{self, Frame};

/// Text messages.
pub(super) const TEXT: &[Probe] = &[
    frames(
        "utf8-invalid",
        "bytes that no character begins with are refused",
        &[Frame(0x81, b"He\xFFllo")],
        Failure(&[1007]),
    ),
    frames(
        "utf8-overlong",
        "an overlong form is refused",
        &[Frame(0x81, b"\xC0\xAF")],
        Failure(&[1007]),
    ),
    frames(
        "utf8-surrogate",
        "a surrogate is refused",
        &[Frame(0x81, b"\xED\xA0\x80")],
        Failure(&[1007]),
    ),
    frames(
        "utf8-too-large",
        "a code point above U+10FFFF is refused",
        &[Frame(0x81, b"\xF4\x90\x80\x80")],
        Failure(&[1007]),
    ),
    frames(
        "utf8-cut-off",
        "a message that ends within a character is refused",
        &[Frame(0x81, b"a\xE2\x82")],
        Failure(&[1007]),
    ),
    frames(
        "utf8-joined",
        "fragments that join to invalid text are refused",
        &[Frame(0x01, b"a\xC3"), Frame(0x80, b"\x28")],
        Failure(&[1007]),
    ),
    frames(
        "utf8-early",
        "invalid text is refused before the message ends",
        &[Frame(0x01, b"a\xFF\xFF")],
        EarlyFailure(1007, &[Frame(0x80, b"b")]),
    ),
    frames(
        "utf8-cut",
        "a character may be cut by fragments",
        &[Frame(0x01, b"a\xF0\x9F"), Frame(0x00, b"\x8E"), Frame(0x80, b"\xBB")],
        Echo(Payload::Bytes("a🎻".as_bytes())),
    )
    .needs(Needs::Echo),
    frames(
        "utf8-all",
        "NUL, noncharacters and U+10FFFF are text",
        &[Frame(0x81, b"\0\xEF\xBF\xBE\xF4\x8F\xBF\xBF")],
        Echo(Payload::Bytes(b"\0\xEF\xBF\xBE\xF4\x8F\xBF\xBF")),
    )
    .needs(Needs::Echo),
];

const fn frames(
    id: &'static str,
    claim: &'static str,
    send: &'static [Send],
    expect: Expect,
) -> Probe {
    Probe::new(id, "RFC 6455 section 8.1", claim, Ask::Frames(send, expect))
}
