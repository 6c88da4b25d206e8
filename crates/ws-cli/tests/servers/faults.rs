//! `ws check` finds each fault of the toy, and nothing else.

use std::thread;

use crate::support::{check, outcome, ws};
use crate::toy::{Fault, serve};

/// Every fault of the toy: the probes that must call it wrong, and those that must call it unusual. All others
/// must be content.
const FAULTS: &[(Fault, &[&str], &[&str])] = &[
    (Fault::None, &[], &[]),
    (Fault::Mute, &[], &[]),
    (Fault::AnyMethod, &["method-post"], &[]),
    (Fault::AnyHttp, &["http-1.0"], &[]),
    (Fault::NoHost, &["host-missing"], &[]),
    (Fault::NoUpgrade, &["upgrade-missing", "upgrade-other"], &[]),
    (Fault::NoConnection, &["connection-missing", "connection-other"], &[]),
    (Fault::NoKey, &["key-missing"], &[]),
    (Fault::AnyKey, &["key-short", "key-long", "key-not-base64"], &[]),
    (Fault::TwoKeys, &["key-twice"], &[]),
    (Fault::NoVersion, &["version-missing"], &[]),
    (Fault::AnyVersion, &["version-unknown"], &[]),
    (Fault::AnyHead, &[], &["head-long"]),
    (Fault::CaseOfNames, &["names-lower-case"], &[]),
    (Fault::CaseOfValues, &["values-other-case"], &[]),
    (Fault::OneConnection, &["values-other-case", "connection-list"], &[]),
    (Fault::VersionUnnamed, &["version-unknown"], &[]),
    (Fault::WrongAccept, &["response-accept"], &[]),
    (Fault::UpgradeUnanswered, &["response-upgrade"], &[]),
    (Fault::ConnectionUnanswered, &["response-connection"], &[]),
    (Fault::OwnSubprotocol, &["subprotocol-unoffered", "subprotocol-unknown"], &[]),
    (
        Fault::OwnExtension,
        &[
            "extension-unoffered",
            "extension-unknown",
            "deflate-offer",
            "deflate-offer-full",
            "deflate-unknown",
            "deflate-value",
            "deflate-repeated",
        ],
        &[],
    ),
    (Fault::UnknownParameter, &["deflate-unknown"], &[]),
    (Fault::AnyWindow, &["deflate-value"], &[]),
    (Fault::RepeatedParameter, &["deflate-repeated"], &[]),
    (Fault::UnofferedWindow, &["deflate-offer"], &[]),
    (Fault::Unmasked, &["unmasked-text", "unmasked-ping"], &[]),
    (Fault::ReservedBits, &["rsv1", "rsv2", "rsv3"], &[]),
    (Fault::ReservedOpcodes, &["opcode-3", "opcode-b"], &[]),
    (Fault::LongLengths, &[], &["length-16-bit", "length-64-bit"]),
    (Fault::TopBit, &[], &["length-top-bit"]),
    (Fault::HugeLength, &[], &["length-huge"]),
    (Fault::LongControl, &["ping-126", "close-126"], &[]),
    (Fault::ControlFragments, &["ping-fragment"], &[]),
    (
        Fault::LooseContinuations,
        &["continuation-alone", "continuation-open", "continuation-after-end"],
        &[],
    ),
    (Fault::NestedMessages, &["message-in-message"], &[]),
    (Fault::Masks, &["server-masked"], &[]),
    (Fault::Reserves, &["server-reserved"], &[]),
    (Fault::WritesLong, &["server-length"], &[]),
    (Fault::EmptyPong, &["ping", "ping-125"], &[]),
    (Fault::LatePong, &["ping-within"], &[]),
    (Fault::PongRefused, &["pong-unasked"], &[]),
    (Fault::NoEmptyFragments, &["fragments-empty"], &[]),
    (Fault::LosesBytes, &["echo-binary", "echo-65536"], &[]),
    (
        Fault::AnyText,
        &[
            "utf8-invalid",
            "utf8-overlong",
            "utf8-surrogate",
            "utf8-too-large",
            "utf8-cut-off",
            "utf8-joined",
            "utf8-early",
        ],
        &[],
    ),
    (Fault::TextByFragment, &["utf8-cut"], &[]),
    (Fault::LateText, &[], &["utf8-early"]),
    (Fault::NoClose, &["close-1000", "close-empty", "close-4999", "close-within"], &[]),
    (Fault::NoEnd, &["close-tcp"], &[]),
    (Fault::AnyCode, &["close-999", "close-1005", "close-1006", "close-1015"], &["close-5000"]),
    (Fault::HalfCode, &["close-half-code"], &[]),
    (Fault::AnyReason, &["close-reason"], &[]),
    (Fault::PrivateCode, &[], &["close-4999"]),
    (Fault::AfterClose, &["close-then-data", "close-tcp"], &[]),
    (Fault::Inflates, &[], &[]),
    (Fault::ForgetsWindow, &["deflate-takeover"], &[]),
    (Fault::OneBlock, &["deflate-final"], &[]),
    (Fault::AnyDeflate, &["deflate-corrupt"], &[]),
    (Fault::AnyInflatedText, &["deflate-text"], &[]),
    (Fault::ReservedAnywhere, &["deflate-continuation", "deflate-control"], &[]),
    (Fault::InflatesAll, &["deflate-plain"], &[]),
];

#[test]
fn each_fault_is_found_by_its_probes_and_by_no_other() {
    // Most of the time is spent waiting for a server that says nothing.
    thread::scope(|scope| {
        for (fault, wrong, unusual) in FAULTS {
            scope.spawn(move || {
                let found = check(&format!("ws://{}/", serve(*fault)), &["--wait", "8s"]);
                assert_eq!(found.with("wrong"), *wrong, "{fault:?}: {found:?}");
                assert_eq!(found.with("unusual"), *unusual, "{fault:?}: {found:?}");
                assert_eq!(found.status, if wrong.is_empty() { 0 } else { 2 }, "{fault:?}");
                assert_eq!(found.echo, *fault != Fault::Mute);
                let compresses = !found.document["deflate"].is_null();
                assert_eq!(compresses, fault.inflates(), "{fault:?}");
            });
        }
    });
}

/// This fault shows only if the server has read the first piece before the second one arrives, so one run of the probe
/// may miss it.
#[test]
fn a_server_that_reads_a_head_once_is_found() {
    let url = format!("ws://{}/", serve(Fault::OneRead));
    let arguments = ["--wait", "8s", "--only", "head-in-pieces"];
    let found = (0..100).any(|_| check(&url, &arguments).with("wrong") == ["head-in-pieces"]);
    assert!(found, "in none of 100 runs");
    let found = check(&url, &["--wait", "8s"]);
    assert!(found.with("wrong").iter().all(|id| *id == "head-in-pieces"), "{found:?}");
}

/// The RFC lets a server drop TCP without a Close, or send another code: neither is wrong.
#[test]
fn a_failure_may_be_abrupt_or_have_another_code() {
    thread::scope(|scope| {
        for fault in [Fault::Abrupt, Fault::OtherCode] {
            scope.spawn(move || {
                let found = check(&format!("ws://{}/", serve(fault)), &["--wait", "8s"]);
                assert_eq!((found.with("wrong"), found.status), (vec![], 0), "{found:?}");
                assert_eq!(found.with("unusual"), found.failures(), "{found:?}");
            });
        }
    });
}

/// Without Pongs, there is no frame of the server to look at.
#[test]
fn a_server_without_pongs_is_found() {
    let probes = ["ping", "server-masked", "rsv1", "close-1000"];
    let only = probes.map(|probe| ["--only", probe]);
    let mut arguments = vec!["--wait", "8s"];
    arguments.extend(only.as_flattened());
    let found = check(&format!("ws://{}/", serve(Fault::NoPong)), &arguments);
    assert_eq!(found.with("wrong"), ["ping"]);
    assert_eq!(found.with("not applicable"), ["server-masked"]);
    assert_eq!(found.with("ok"), ["rsv1", "close-1000"]);
}

/// The report in the README is that of a real run.
#[test]
fn the_readme_shows_a_wrong_answer() {
    let url = format!("ws://{}/", serve(Fault::NoHost));
    let (status, out, _) = outcome(&ws(&["check", &url, "--wait", "8s"]));
    let recorded = include_str!("../../README.md")
        .split("```text\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next());
    let recorded = recorded.expect("a block");
    assert_eq!(status, 2);
    assert!(out.contains(recorded), "{out}\n{recorded}");
}
