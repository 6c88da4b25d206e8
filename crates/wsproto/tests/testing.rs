//! Tests of the test tools: other tests show that they accept valid behaviour, these show that they
//! detect invalid behaviour.

use std::panic;

use proptest::prelude::*;
use wsproto::{CloseCode, CloseInfo, Event, Initiator, SessionError, SessionEvent};
use wsproto_testing::{
    Cuts, Frame, KEY, Part, Seen, assert_order, close_frame, closes, cuts, header, part,
};

fn panics(body: impl FnOnce() + panic::UnwindSafe) -> bool {
    panic::catch_unwind(body).is_err()
}

/// R6455-5.5.1-5: a second Close, or any other frame after the first.
#[test]
fn frames_after_a_close_are_detected() {
    let (close, text) = (Frame::new(0x88, None, b""), Frame::new(0x81, None, b"late"));
    assert_eq!(closes(&[text.encode(), close.encode()].concat()), 1);
    assert_eq!(closes(&[close.encode(), close.encode()].concat()), 2);
    let wrong = [close.encode(), text.encode()].concat();
    assert!(panics(move || assert_eq!(closes(&wrong), 1)));
}

#[test]
fn half_a_frame_is_detected() {
    let frame = Frame::new(0x82, Some(KEY), &[7; 126]).encode();
    for len in 1..frame.len() {
        let part = frame[..len].to_vec();
        assert!(panics(move || drop(Frame::read_all(&part))), "{len} bytes");
    }
}

#[test]
fn every_wrong_order_is_detected() {
    let open = || SessionEvent::Open;
    let text = || SessionEvent::Received(Event::Text("".into()));
    let close = || SessionEvent::Received(Event::Close(None));
    let error = || SessionEvent::Error(SessionError::CloseTimeout);
    let closed = || {
        let (code, reason) = (CloseCode::ABNORMAL, String::new());
        let initiator = Initiator::Remote;
        SessionEvent::Closed(CloseInfo { code, reason, sent: None, was_clean: false, initiator })
    };
    let right: [Vec<Seen>; 4] = [
        vec![SessionEvent::Upgrade, open(), text(), text(), close(), closed()],
        vec![open(), text(), error(), closed()],
        vec![error(), closed()],
        vec![closed()],
    ];
    let wrong: [Vec<Seen>; 9] = [
        vec![text()],
        vec![text(), open()],
        vec![open(), open()],
        vec![open(), SessionEvent::Upgrade],
        vec![open(), close(), text()],
        vec![open(), error(), text()],
        vec![open(), error(), error()],
        vec![open(), closed(), closed()],
        vec![open(), closed(), text()],
    ];
    right.iter().for_each(|log| assert_order(log));
    for log in wrong {
        let shown = format!("{log:?}");
        assert!(panics(move || assert_order(&log)), "{shown}");
    }
}

/// A length of zero would cut forever.
#[test]
fn no_part_is_empty() {
    assert_eq!(Cuts::new([0]).cut(b"ab").collect::<Vec<_>>(), [b"a", b"b"]);
    assert_eq!(Cuts::new([]).cut(b"ab").collect::<Vec<_>>(), [b"ab"]);
    assert_eq!(Cuts::new([2, 1]).cut(b"abcd").collect::<Vec<_>>(), [&b"ab"[..], b"c", b"d"]);
}

proptest! {
    #[test]
    fn cuts_lose_nothing(bytes in proptest::collection::vec(any::<u8>(), 0..200), cuts in cuts()) {
        let parts: Vec<_> = cuts.cut(&bytes).collect();
        prop_assert!(parts.iter().all(|part| !part.is_empty()));
        prop_assert_eq!(parts.concat(), bytes);
    }

    #[test]
    fn frames_are_read_as_they_were_written(first: u8, key: Option<[u8; 4]>, len in 0..70_000_usize) {
        let frame = Frame::new(first, key, &vec![0x5A; len]);
        let bytes = frame.encode();
        prop_assert!(bytes.starts_with(&header(first, key, len as u64)));
        prop_assert_eq!(Frame::read_all(&bytes), [frame]);
    }

    /// Apart from noise and random frames, a part consists of whole frames.
    #[test]
    fn parts_are_frames(part in part()) {
        let frames = match &part {
            Part::Fragments(parts) => 2 * parts.len(),
            Part::Noise(_) => return Ok(()),
            _ => 1,
        };
        prop_assert_eq!(Frame::read_all(&part.encode(Some(KEY))).len(), frames);
        prop_assert_eq!(Frame::read_all(&part.encode(None)).len(), frames);
    }

    #[test]
    fn close_frames_may_be_sent(frame in close_frame()) {
        prop_assert!(frame.is_none_or(|frame| frame.code().is_sendable()));
    }
}
