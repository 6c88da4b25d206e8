//! permessage-deflate, RFC 7692.

use crate::check::answer::{Opened, agreed};
use crate::check::head::Change::{self, Add};
use crate::check::judgement::Judgement;
use crate::check::probe::Expect::{Echo, Failure};
use crate::check::probe::{Ask, Expect, Needs, Payload, Probe};
use crate::check::send::Send::{self, Frame};

const NEGOTIATION: &str = "RFC 7692 section 7.1";
const MESSAGES: &str = "RFC 7692 section 6";
const DATA: &str = "RFC 7692 section 7.2";

const PLAIN: &str = "permessage-deflate";
const FULL: &str = "permessage-deflate; server_no_context_takeover; server_max_window_bits=10; \
    client_max_window_bits";

const OFFER: &[Change] = &[Add("Sec-WebSocket-Extensions", PLAIN)];

/// "Hello", compressed (RFC 7692 section 7.2.3.1), and again with the window of the first.
const HELLO: &[u8] = b"\xF2\x48\xCD\xC9\xC9\x07\x00";
const HELLO_AGAIN: &[u8] = b"\xF2\x00\x11\x00\x00";

const ECHO: Expect = Echo(Payload::Bytes(b"Hello"));

/// Offers, and compressed messages.
pub(super) const DEFLATE: &[Probe] = &[
    offer("deflate-offer", "an offer is declined, or accepted as offered", valid_plain).head(OFFER),
    offer("deflate-offer-full", "so is an offer of every parameter", valid_full)
        .head(&[Add("Sec-WebSocket-Extensions", FULL)]),
    offer("deflate-unknown", "an offer with an unknown parameter is declined", declined)
        .head(&[Add("Sec-WebSocket-Extensions", "permessage-deflate; x_check=1")]),
    offer("deflate-value", "an offer with an invalid value is declined", declined)
        .head(&[Add("Sec-WebSocket-Extensions", "permessage-deflate; server_max_window_bits=99")]),
    offer("deflate-repeated", "an offer with a repeated parameter is declined", declined).head(&[
        Add(
            "Sec-WebSocket-Extensions",
            "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
        ),
    ]),
    compressed(
        "deflate-echo",
        DATA,
        "a compressed message is inflated",
        Needs::DeflateEcho,
        &[Frame(0xC1, HELLO)],
        ECHO,
    ),
    compressed(
        "deflate-fragments",
        MESSAGES,
        "a compressed message may have fragments",
        Needs::DeflateEcho,
        &[Frame(0x41, b"\xF2\x48\xCD"), Frame(0x80, b"\xC9\xC9\x07\x00")],
        ECHO,
    ),
    compressed(
        "deflate-plain",
        MESSAGES,
        "a message need not be compressed",
        Needs::DeflateEcho,
        &[Frame(0x81, b"Hello")],
        ECHO,
    ),
    compressed(
        "deflate-stored",
        DATA,
        "a message may be a stored block",
        Needs::DeflateEcho,
        &[Frame(0xC1, b"\x00\x05\x00\xFA\xFFHello\x00")],
        ECHO,
    ),
    compressed(
        "deflate-final",
        DATA,
        "a message may have a final block",
        Needs::DeflateEcho,
        &[Frame(0xC1, b"\xF3\x48\xCD\xC9\xC9\x07\x00\x00")],
        ECHO,
    ),
    // Only the second message has the second payload.
    compressed(
        "deflate-takeover",
        DATA,
        "a message may refer to the one before",
        Needs::TakeoverEcho,
        &[Frame(0xC1, HELLO), Frame(0xC2, HELLO_AGAIN)],
        Expect::EchoTwice(Payload::Bytes(b"Hello")),
    ),
    compressed(
        "deflate-corrupt",
        DATA,
        "a message that is not DEFLATE is refused",
        Needs::Deflate,
        &[Frame(0xC2, b"\xFF\xFF\xFF\xFF\xFF")],
        Failure(&[1007, 1002]),
    ),
    compressed(
        "deflate-text",
        MESSAGES,
        "text is UTF-8 once it is inflated",
        Needs::Deflate,
        &[Frame(0xC1, b"\x00\x02\x00\xFD\xFF\xC3\x28\x00")],
        Failure(&[1007]),
    ),
    compressed(
        "deflate-continuation",
        MESSAGES,
        "RSV1 on a continuation is refused",
        Needs::Deflate,
        &[Frame(0x41, b"\xF2\x48\xCD"), Frame(0xC0, b"\xC9\xC9\x07\x00")],
        Failure(&[1002]),
    ),
    compressed(
        "deflate-control",
        MESSAGES,
        "RSV1 on a Ping is refused",
        Needs::Deflate,
        &[Frame(0xC9, b"Hello")],
        Failure(&[1002]),
    ),
];

const fn offer(id: &'static str, claim: &'static str, judge: fn(&Opened) -> Judgement) -> Probe {
    Probe::new(id, NEGOTIATION, claim, Ask::Offer(judge))
}

const fn compressed(
    id: &'static str,
    rule: &'static str,
    claim: &'static str,
    needs: Needs,
    send: &'static [Send],
    expect: Expect,
) -> Probe {
    Probe::new(id, rule, claim, Ask::Frames(send, expect)).head(OFFER).needs(needs)
}

fn valid_plain(opened: &Opened) -> Judgement {
    valid(opened, PLAIN)
}

fn valid_full(opened: &Opened) -> Judgement {
    valid(opened, FULL)
}

fn valid(opened: &Opened, offer: &str) -> Judgement {
    match agreed(&opened.response, Some(offer)) {
        Ok(extensions) => match extensions.deflate() {
            Some(agreed) => Judgement::ok(agreed.to_string()),
            None => Judgement::ok("no extension"),
        },
        Err(error) => Judgement::wrong(error),
    }
}

fn declined(opened: &Opened) -> Judgement {
    match agreed(&opened.response, None) {
        Ok(_) => Judgement::ok("no extension"),
        Err(error) => Judgement::wrong(error),
    }
}
