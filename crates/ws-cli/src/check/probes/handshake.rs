//! The opening handshake.

use ws_std::wsproto::handshake::accept_key;

use crate::check::answer::{Opened, agreed};
use crate::check::head::Change::{Add, Fill, InPieces, LowerCase, Method, Set, Version, Without};
use crate::check::judgement::Judgement;
use crate::check::probe::{Ask, Probe};

const REQUEST: &str = "RFC 6455 section 4.2.1";
const RESPONSE: &str = "RFC 6455 section 4.2.2";
const FIELDS: &str = "RFC 6455 section 11.3";

const KEY: &str = "Sec-WebSocket-Key";
const PROTOCOL: &str = "Sec-WebSocket-Protocol";
const EXTENSIONS: &str = "Sec-WebSocket-Extensions";

/// Requests that are no opening handshake.
pub(super) const REFUSED: &[Probe] = &[
    refused("method-post", REQUEST, "a POST is not accepted").head(&[Method("POST")]),
    refused("http-1.0", REQUEST, "HTTP/1.0 is not accepted").head(&[Version("HTTP/1.0")]),
    refused("host-missing", REQUEST, "a request without Host is refused").head(&[Without("Host")]),
    refused("upgrade-missing", REQUEST, "a request without Upgrade is not accepted")
        .head(&[Without("Upgrade")]),
    refused("upgrade-other", REQUEST, "an upgrade to another protocol is not accepted")
        .head(&[Set("Upgrade", "x-check")]),
    refused("connection-missing", REQUEST, "a request without Connection is not accepted")
        .head(&[Without("Connection")]),
    refused("connection-other", REQUEST, "Connection: keep-alive alone is not accepted")
        .head(&[Set("Connection", "keep-alive")]),
    refused("key-missing", REQUEST, "a request without Sec-WebSocket-Key is refused")
        .head(&[Without(KEY)]),
    refused("key-short", REQUEST, "a key of 8 bytes is refused").head(&[Set(KEY, "AQIDBAUGBwg=")]),
    refused("key-long", REQUEST, "a key of 17 bytes is refused")
        .head(&[Set(KEY, "AQIDBAUGBwgJCgsMDQ4PEBE=")]),
    refused("key-not-base64", REQUEST, "a key that is not base64 is refused")
        .head(&[Set(KEY, "????????????????????????")]),
    refused("key-twice", FIELDS, "a request with two keys is refused")
        .head(&[Add(KEY, "AQIDBAUGBwgJCgsMDQ4PEA==")]),
    refused("version-missing", REQUEST, "a request without Sec-WebSocket-Version is refused")
        .head(&[Without("Sec-WebSocket-Version")]),
    Probe::new(
        "version-unknown",
        "RFC 6455 section 4.4",
        "the refusal of version 99 names the version 13",
        Ask::RefusedVersion,
    )
    .head(&[Set("Sec-WebSocket-Version", "99")]),
    Probe::new("head-long", "RFC 6585 section 5", "a head of 512 KiB is refused", Ask::Limited)
        .head(&[Fill(512 << 10)]),
];

/// Requests that are accepted, and the responses to them.
pub(super) const ACCEPTED: &[Probe] = &[
    accepted("response-upgrade", RESPONSE, "the response has Upgrade: websocket", upgrade),
    accepted("response-connection", RESPONSE, "the response has Connection: Upgrade", connection),
    accepted("response-accept", RESPONSE, "Sec-WebSocket-Accept proves the key", proof),
    accepted("names-lower-case", REQUEST, "the case of field names does not matter", opened)
        .head(&[LowerCase]),
    accepted(
        "values-other-case",
        REQUEST,
        "the case of WebSocket and upgrade does not matter",
        opened,
    )
    .head(&[Set("Upgrade", "WebSocket"), Set("Connection", "upgrade")]),
    accepted("connection-list", REQUEST, "Connection may list keep-alive, too", opened)
        .head(&[Set("Connection", "keep-alive, Upgrade")]),
    accepted("head-in-pieces", "RFC 6455 section 2", "a head may arrive in pieces", opened)
        .head(&[InPieces]),
    offer("subprotocol-unoffered", RESPONSE, "no subprotocol without an offer", no_subprotocol)
        .head(&[Without(PROTOCOL)]),
    offer("subprotocol-unknown", RESPONSE, "no subprotocol but one of those offered", offered)
        .head(&[Without(PROTOCOL), Add(PROTOCOL, "x-check-one, x-check-two")]),
    offer("extension-unoffered", RESPONSE, "no extension without an offer", no_extension),
    offer(
        "extension-unknown",
        "RFC 6455 section 9.1",
        "an unknown extension is not selected",
        no_extension,
    )
    .head(&[Add(EXTENSIONS, "x-check-unknown; level=9")]),
];

const fn refused(id: &'static str, rule: &'static str, claim: &'static str) -> Probe {
    Probe::new(id, rule, claim, Ask::Refused)
}

const fn accepted(
    id: &'static str,
    rule: &'static str,
    claim: &'static str,
    judge: fn(&Opened) -> Judgement,
) -> Probe {
    Probe::new(id, rule, claim, Ask::Accepted(judge))
}

const fn offer(
    id: &'static str,
    rule: &'static str,
    claim: &'static str,
    judge: fn(&Opened) -> Judgement,
) -> Probe {
    Probe::new(id, rule, claim, Ask::Offer(judge))
}

fn opened(_: &Opened) -> Judgement {
    Judgement::ok("status 101")
}

fn upgrade(opened: &Opened) -> Judgement {
    let values = values(opened, "Upgrade");
    match values.as_slice() {
        [value] if value.eq_ignore_ascii_case("websocket") => field("Upgrade", &values),
        _ => not(field("Upgrade", &values)),
    }
}

fn connection(opened: &Opened) -> Judgement {
    let values = values(opened, "Connection");
    let mut tokens = values.iter().flat_map(|value| value.split(',')).map(str::trim);
    match tokens.any(|token| token.eq_ignore_ascii_case("upgrade")) {
        true => field("Connection", &values),
        false => not(field("Connection", &values)),
    }
}

fn proof(opened: &Opened) -> Judgement {
    let values = values(opened, "Sec-WebSocket-Accept");
    match values.as_slice() {
        [value] if *value == accept_key(&opened.key) => field("Sec-WebSocket-Accept", &values),
        _ => not(field("Sec-WebSocket-Accept", &values)),
    }
}

fn no_subprotocol(opened: &Opened) -> Judgement {
    let values = values(opened, PROTOCOL);
    match values.is_empty() {
        true => field(PROTOCOL, &values),
        false => not(field(PROTOCOL, &values)),
    }
}

fn offered(opened: &Opened) -> Judgement {
    let values = values(opened, PROTOCOL);
    match values.as_slice() {
        [] | ["x-check-one" | "x-check-two"] => field(PROTOCOL, &values),
        _ => not(field(PROTOCOL, &values)),
    }
}

fn no_extension(opened: &Opened) -> Judgement {
    let values = values(opened, EXTENSIONS);
    match agreed(&opened.response, None).is_ok() {
        true => field(EXTENSIONS, &values),
        false => not(field(EXTENSIONS, &values)),
    }
}

fn values<'a>(opened: &'a Opened, name: &'a str) -> Vec<&'a str> {
    opened.response.headers().get_all(name).collect()
}

fn field(name: &str, values: &[&str]) -> Judgement {
    Judgement::ok(match values {
        [] => format!("no field {name}"),
        values => format!("{name}: {}", values.join(", ")),
    })
}

fn not(judgement: Judgement) -> Judgement {
    Judgement::wrong(judgement.got)
}
