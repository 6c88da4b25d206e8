use ws_std::wsproto::Extensions;
use ws_std::wsproto::handshake::Response;

use super::*;

fn verdict(expect: Expect, received: &[u8], end: Arrived) -> Verdict {
    let mut incoming = Incoming::new(Extensions::none());
    incoming.receive(received);
    frames(expect, &Seen { incoming, end }).verdict
}

const CLOSE_1000: &[u8] = b"\x88\x02\x03\xE8";
const CLOSE_1002: &[u8] = b"\x88\x02\x03\xEA";
const CLOSE_1007: &[u8] = b"\x88\x02\x03\xEF";
const CLOSE_1009: &[u8] = b"\x88\x02\x03\xF1";
const PONG: &[u8] = b"\x8A\x01p";

#[test]
fn what_came_after_the_handshake_is_judged_by_the_rfc() {
    use Arrived::{Bytes, End, Nothing, Reset, TooMuch};
    use Verdict::{NotApplicable, Ok, Unusual, Wrong};

    let failure = Expect::Failure(&[1002]);
    let may_fail = Expect::MayFail(&[1002]);
    let early = Expect::EarlyFailure(1007, &[]);
    let close_failure = Expect::CloseFailure(&[1002]);
    let echo = Expect::Echo(Payload::Bytes(b"Hello"));
    let twice = Expect::EchoTwice(Payload::Bytes(b"a"));
    let faultless = Expect::Faultless(|faults| faults.masked, "");
    let invalid = b"\x83\x00";
    let cases: &[(Expect, &[u8], Arrived, Verdict)] = &[
        (failure, CLOSE_1002, Bytes(0), Ok),
        (failure, CLOSE_1000, Bytes(0), Unusual),
        (failure, b"\x88\x00", Bytes(0), Unusual),
        (failure, b"", End, Unusual),
        (failure, b"", Reset, Unusual),
        (failure, b"", Nothing, Wrong),
        (failure, b"", TooMuch, Wrong),
        (failure, PONG, Bytes(0), Wrong),
        (failure, b"\x8A\x01p\x88\x02\x03\xEA", Bytes(0), Wrong),
        (failure, invalid, Bytes(0), Wrong),
        (may_fail, CLOSE_1002, Bytes(0), Ok),
        (may_fail, PONG, Bytes(0), Unusual),
        (may_fail, b"", Nothing, Unusual),
        (may_fail, invalid, Bytes(0), Wrong),
        (early, CLOSE_1007, Bytes(0), Ok),
        (early, b"\x8A\x01p\x88\x02\x03\xEF", Bytes(0), Unusual),
        (early, PONG, End, Unusual),
        (early, PONG, Nothing, Wrong),
        (early, b"\x8A\x01p\x8A\x01p", Bytes(0), Wrong),
        (Expect::AnyPong, PONG, Bytes(0), Ok),
        (Expect::AnyPong, b"", Nothing, Wrong),
        (Expect::AnyPong, CLOSE_1002, Bytes(0), Wrong),
        (Expect::Pong(b"p"), PONG, Bytes(0), Ok),
        (Expect::Pong(b"q"), PONG, Nothing, Wrong),
        (echo, b"\x81\x05Hello", Bytes(0), Ok),
        (echo, b"\x82\x05Hello", Bytes(0), Ok),
        (echo, b"\x81\x05hello", Nothing, Wrong),
        (echo, CLOSE_1009, Bytes(0), Unusual),
        (echo, CLOSE_1007, Bytes(0), Wrong),
        (twice, b"\x81\x01a\x81\x01a", Bytes(0), Ok),
        (twice, b"\x81\x01a", Nothing, Wrong),
        (Expect::CloseAnswer(Some(1000)), CLOSE_1000, Bytes(0), Ok),
        (Expect::CloseAnswer(Some(4999)), CLOSE_1000, Bytes(0), Unusual),
        (Expect::CloseAnswer(Some(1000)), b"\x88\x00", Bytes(0), Unusual),
        (Expect::CloseAnswer(None), CLOSE_1000, Bytes(0), Ok),
        (Expect::CloseAnswer(None), b"\x88\x02\x03\xED", Bytes(0), Wrong),
        (Expect::CloseAnswer(None), b"", End, Wrong),
        (Expect::CloseAnswer(None), b"", Nothing, Wrong),
        (close_failure, CLOSE_1002, Bytes(0), Ok),
        (close_failure, CLOSE_1000, Bytes(0), Unusual),
        (close_failure, b"\x88\x02\x13\x88", Bytes(0), Unusual),
        (close_failure, b"\x88\x02\x03\xED", Bytes(0), Wrong),
        (close_failure, b"\x88\x01\x03", Bytes(0), Wrong),
        (close_failure, b"\x88\x03\x03\xEA\xFF", Bytes(0), Wrong),
        (close_failure, b"", End, Unusual),
        (close_failure, b"", Nothing, Wrong),
        (Expect::NothingLate, CLOSE_1000, End, Ok),
        (Expect::NothingLate, b"\x88\x00\x81\x04late", End, Wrong),
        (Expect::NothingLate, b"\x81\x04late\x88\x00", End, Wrong),
        (Expect::NothingLate, b"\x88\x00\x8A\x04late", End, Unusual),
        (Expect::EndOfTcp, CLOSE_1000, End, Ok),
        (Expect::EndOfTcp, CLOSE_1000, Reset, Unusual),
        (Expect::EndOfTcp, CLOSE_1000, Nothing, Wrong),
        (faultless, PONG, Bytes(0), Ok),
        (faultless, b"\x8A\x81\0\0\0\0p", Bytes(0), Wrong),
        (faultless, b"", Nothing, NotApplicable),
    ];
    for (number, (expect, received, end, expected)) in cases.iter().enumerate() {
        let verdict = verdict(*expect, received, *end);
        assert_eq!(verdict, *expected, "{number}: {expect:?}, {end:?}");
    }
}

#[test]
fn answers_to_heads_are_judged_by_the_rfc() {
    use Verdict::{Ok, Unusual, Wrong};

    let response = |status, versions: &str| {
        let response = Response::new(status).header("Sec-WebSocket-Version", versions);
        Answer::Response(response.expect("a field"), Vec::new())
    };
    for (ask, answer, expected) in [
        (Ask::Refused, response(400, "13"), Ok),
        (Ask::Refused, response(200, "13"), Ok),
        (Ask::Refused, response(101, "13"), Wrong),
        (Ask::Refused, Answer::Missing(Arrived::End), Unusual),
        (Ask::Refused, Answer::Missing(Arrived::Nothing), Unusual),
        (Ask::Refused, Answer::Missing(Arrived::TooMuch), Wrong),
        (Ask::Refused, Answer::Invalid("SSH".into()), Wrong),
        (Ask::Limited, response(431, "13"), Ok),
        (Ask::Limited, response(101, "13"), Unusual),
        (Ask::RefusedVersion, response(426, "8, 13"), Ok),
        (Ask::RefusedVersion, response(400, "13"), Unusual),
        (Ask::RefusedVersion, response(426, "8"), Wrong),
        (Ask::RefusedVersion, response(101, "13"), Wrong),
    ] {
        assert_eq!(refusal(ask, &answer).verdict, expected, "{ask:?}, {answer:?}");
    }
}
