//! Single frames: masks, reserved bits, opcodes, lengths; control frames.

use crate::check::probe::Expect::{AnyPong, Echo, Failure, Faultless, MayFail, Pong};
use crate::check::probe::{Ask, Expect, Needs, Payload, Probe};
use crate::check::send::Send::{self, Frame, Long, Pause, Raw, Repeated, Unmasked};
use crate::check::send::Width;

const MASKING: &str = "RFC 6455 section 5.1";
const FRAMING: &str = "RFC 6455 section 5.2";
const CONTROL_FRAMES: &str = "RFC 6455 section 5.5";
const PINGS: &str = "RFC 6455 section 5.5.2";
const LIMITS: &str = "RFC 6455 section 10.4";

const ALL_BYTES: [u8; 256] = {
    let mut bytes = [0; 256];
    let mut index = 0;
    while index < 256 {
        bytes[index] = index as u8;
        index += 1;
    }
    bytes
};

/// The longest payload of a control frame.
const LONGEST: &[u8] = &[0xA5; 125];

/// Data frames, and the rules of all frames.
pub(super) const FRAMES: &[Probe] = &[
    frames(
        "unmasked-text",
        MASKING,
        "a frame without a mask is refused",
        &[Unmasked(0x81, b"Hello")],
        Failure(&[1002]),
    ),
    frames(
        "unmasked-ping",
        MASKING,
        "a Ping without a mask is refused",
        &[Unmasked(0x89, b"Hello")],
        Failure(&[1002]),
    ),
    frames(
        "server-masked",
        MASKING,
        "the server's frames have no mask",
        &[Frame(0x89, b"Hello")],
        Faultless(|faults| faults.masked, "without a mask"),
    ),
    frames(
        "server-reserved",
        FRAMING,
        "the server's frames have no reserved bits",
        &[Frame(0x89, b"Hello")],
        Faultless(|faults| faults.reserved, "without reserved bits"),
    ),
    frames(
        "server-length",
        FRAMING,
        "the server's lengths have their shortest form",
        &[Frame(0x89, b"Hello")],
        Faultless(|faults| faults.long_length, "with the shortest form of length"),
    ),
    frames(
        "rsv1",
        FRAMING,
        "RSV1 is refused without an extension",
        &[Frame(0xC1, b"Hello")],
        Failure(&[1002]),
    ),
    frames("rsv2", FRAMING, "RSV2 is refused", &[Frame(0xA1, b"Hello")], Failure(&[1002])),
    frames("rsv3", FRAMING, "RSV3 is refused", &[Frame(0x91, b"Hello")], Failure(&[1002])),
    frames(
        "opcode-3",
        FRAMING,
        "a reserved opcode of data is refused",
        &[Frame(0x83, b"Hello")],
        Failure(&[1002]),
    ),
    frames(
        "opcode-b",
        FRAMING,
        "a reserved opcode of control is refused",
        &[Frame(0x8B, b"Hello")],
        Failure(&[1002]),
    ),
    frames(
        "length-16-bit",
        FRAMING,
        "5 bytes with a 16-bit length are refused",
        &[Long(0x81, Width::Two, b"Hello")],
        MayFail(&[1002]),
    ),
    frames(
        "length-64-bit",
        FRAMING,
        "5 bytes with a 64-bit length are refused",
        &[Long(0x81, Width::Eight, b"Hello")],
        MayFail(&[1002]),
    ),
    frames(
        "length-top-bit",
        FRAMING,
        "a length with its highest bit set is refused",
        &[Raw(b"\x82\xFF\x80\0\0\0\0\0\0\x05\x37\xFA\x21\x3D\x7F\x9F\x4D\x51\x58")],
        MayFail(&[1002, 1009]),
    ),
    frames(
        "length-huge",
        LIMITS,
        "a length of 2^62 bytes is refused",
        &[Raw(b"\x82\xFF\x40\0\0\0\0\0\0\0\x37\xFA\x21\x3D")],
        MayFail(&[1009, 1002]),
    ),
    frames(
        "frame-in-pieces",
        "RFC 6455 section 2",
        "a frame may arrive in pieces",
        &[Raw(b"\x89"), Pause, Raw(b"\x85\x37\xFA"), Pause, Raw(b"\x21\x3D\x7F\x9F\x4D\x51\x58")],
        AnyPong,
    ),
    echo(
        "echo-empty",
        "RFC 6455 section 5.6",
        "a message may be empty",
        &[Frame(0x81, b"")],
        Payload::Bytes(b""),
    ),
    echo(
        "echo-binary",
        "RFC 6455 section 5.6",
        "a binary message may have any bytes",
        &[Frame(0x82, &ALL_BYTES)],
        Payload::Bytes(&ALL_BYTES),
    ),
    echo(
        "echo-65536",
        FRAMING,
        "a message may have a 64-bit length",
        &[Repeated(0x82, b'x', 1 << 16)],
        Payload::Repeated(b'x', 1 << 16),
    ),
];

/// Ping, Pong and Close as frames.
pub(super) const CONTROL: &[Probe] = &[
    frames(
        "ping",
        PINGS,
        "a Ping is answered with its payload",
        &[Frame(0x89, b"\0\xFFping")],
        Pong(b"\0\xFFping"),
    ),
    frames("ping-empty", PINGS, "a Ping may be empty", &[Frame(0x89, b"")], Pong(b"")),
    frames("ping-125", PINGS, "a Ping may have 125 bytes", &[Frame(0x89, LONGEST)], Pong(LONGEST)),
    frames(
        "ping-126",
        CONTROL_FRAMES,
        "a Ping of 126 bytes is refused",
        &[Repeated(0x89, b'x', 126)],
        Failure(&[1002]),
    ),
    frames(
        "ping-fragment",
        CONTROL_FRAMES,
        "a Ping without FIN is refused",
        &[Frame(0x09, b"Hello")],
        Failure(&[1002]),
    ),
    frames(
        "close-126",
        CONTROL_FRAMES,
        "a Close of 126 bytes is refused",
        &[Repeated(0x88, 0x0F, 126)],
        Failure(&[1002]),
    ),
    frames(
        "pong-unasked",
        "RFC 6455 section 5.5.3",
        "a Pong that was not asked for is ignored",
        &[Frame(0x8A, b"unasked"), Frame(0x89, b"asked")],
        AnyPong,
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

const fn echo(
    id: &'static str,
    rule: &'static str,
    claim: &'static str,
    send: &'static [Send],
    payload: Payload,
) -> Probe {
    frames(id, rule, claim, send, Echo(payload)).needs(Needs::Echo)
}
