//! The ends of a session: Closes, violations, aborts, the transport's end, and the advice.

use core::time::Duration;

use wsproto::handshake::Response;
use wsproto::{
    Advice, Client, CloseCode, CloseFrame, CloseInfo, Error, Event, Initiator, KeepAlive,
    ReadyState, SendError, Server, SessionError, SessionEvent,
};
use wsproto_testing::{End, Frame, Life, REQUEST};

use crate::steps::{
    Step, begin, half_a_frame, info, lost, open, peer_breaks_a_rule, peer_closes,
    peer_closes_without_a_code, sent, we_close,
};
use crate::support::{VIOLATION, config};

/// R6455-7.1.4-1, R6455-7.1.5-1, R6455-7.1.6-1, R6455-7.2.1-1, A36: the steps before the transport
/// ended, and the report of the end. The code is never the one that we sent, which is told beside it. T1: the end is clean
/// only if our Close was written; the code and the reason are reported regardless.
#[test]
fn the_end_of_the_transport_after_everything() {
    fn check<R: End>() {
        use Initiator::{Local, Remote};
        let ends: [(&[Step<R>], CloseInfo); 12] = [
            (&[], lost(Remote)),
            (&[half_a_frame], lost(Remote)),
            (&[we_close], sent(4000, lost(Local))),
            (&[we_close, half_a_frame], sent(4000, lost(Local))),
            (&[peer_closes], info(1001, "theirs", true, Remote)),
            (&[peer_closes, we_close], info(1001, "theirs", true, Remote)),
            (&[peer_closes_without_a_code], info(1005, "", true, Remote)),
            (&[we_close, peer_closes], sent(4000, info(1001, "theirs", true, Local))),
            (&[we_close, peer_closes_without_a_code], sent(4000, info(1005, "", true, Local))),
            (&[peer_breaks_a_rule], sent(1002, lost(Local))),
            (&[we_close, peer_breaks_a_rule], sent(4000, lost(Local))),
            (&[peer_breaks_a_rule, peer_closes], sent(1002, lost(Local))),
        ];
        for (number, (steps, expected)) in ends.into_iter().enumerate() {
            let mut life = open::<R>();
            for step in steps {
                step(&mut life);
            }
            assert!(!matches!(life.log.last(), Some(SessionEvent::Closed(_))), "too early");
            life.end_of_input();
            let unclean = CloseInfo { was_clean: false, ..expected.clone() };
            assert_eq!(life.ended(), unclean, "row {number} as {:?}", R::SIDE);

            for each in [false, true] {
                let mut life = open::<R>();
                for step in steps {
                    step(&mut life);
                    if each {
                        life.flush();
                    }
                }
                // L13: there is nothing to wait for, except while waiting for the peer's Close.
                let over = life.session.advice() != Advice::KeepOpen;
                life.flush();
                assert_eq!(matches!(life.log.last(), Some(SessionEvent::Closed(_))), over);
                life.end_of_input();
                assert_eq!(life.ended(), expected, "row {number} as {:?}, written", R::SIDE);
            }
        }
    }
    check::<Server>();
    check::<Client>();
}

/// I10, R6455-7.1.1-2: an abort writes nothing and ends the session in any stage; the end is clean
/// only if both Closes were exchanged and ours was written.
#[test]
fn an_abort_ends_every_stage() {
    fn check<R: End>() {
        let mut life = begin::<R>();
        life.abort();
        assert_eq!(life.log.len(), 1, "only Closed");
        assert_eq!(life.ended(), lost(Initiator::Local));

        let stages: [(&[Step<R>], CloseInfo); 5] = [
            (&[], lost(Initiator::Local)),
            (&[we_close], sent(4000, lost(Initiator::Local))),
            (&[peer_breaks_a_rule], sent(1002, lost(Initiator::Local))),
            (&[peer_closes], info(1001, "theirs", true, Initiator::Remote)),
            (&[we_close, peer_closes], sent(4000, info(1001, "theirs", true, Initiator::Local))),
        ];
        for (steps, expected) in stages {
            for written in [false, true] {
                let mut life = open::<R>();
                for step in steps {
                    step(&mut life);
                }
                if written {
                    life.flush();
                }
                life.abort();
                assert_eq!(life.session.advice(), Advice::Drop);
                let was_clean = expected.was_clean && written;
                assert_eq!(life.ended(), CloseInfo { was_clean, ..expected.clone() });
            }
        }
    }
    check::<Server>();
    check::<Client>();

    // A server that reads a request, waits for a decision, or has refused.
    let mut life = begin::<Server>();
    life.read(&REQUEST[..50]);
    life.abort();
    assert_eq!(life.ended(), lost(Initiator::Local));
    let mut life = begin::<Server>();
    life.read_deciding(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", |_, session, now, out| {
        session.respond(&Response::html("hello"), now, out).unwrap();
    });
    life.abort();
    assert_eq!(life.log.len(), 2);
    assert_eq!(life.ended().code, CloseCode::ABNORMAL);
}

/// Invariant 3: a violation is reported once, followed only by the end; its Close was written.
#[test]
fn a_violation_is_the_only_error() {
    fn check<R: End>() {
        let mut life = open::<R>();
        life.read(&[&R::from_peer(0x81, b"fine")[..], &VIOLATION].concat());
        life.read_frame(0x81, b"ignored");
        peer_breaks_a_rule(&mut life);
        life.end_of_input();
        assert_eq!(life.log[2], SessionEvent::Error(Error::ReservedOpcode.into()));
        assert_eq!(life.log.len(), 4);
        assert_eq!(Frame::read_all(&life.out)[0].close_code(), Some(1002));
        life.ended();
    }
    check::<Server>();
    check::<Client>();
}

/// R6455-8.1-1: a session fails as its connection does, in whatever part the invalid bytes are.
#[test]
fn a_wrong_text_ends_a_session_however_it_is_cut() {
    fn check<R: End>() {
        let good = R::from_peer(0x81, b"good");
        let wire = [&good[..], &R::from_peer(0x81, b"\xC3("), &good].concat();
        for len in 1..=wire.len() {
            let mut life = open::<R>();
            wire.chunks(len).for_each(|part| life.read(part));
            let error = SessionEvent::Error(Error::InvalidUtf8.into());
            let good = SessionEvent::Received(Event::Text("good".into()));
            assert_eq!(life.log, [SessionEvent::Open, good, error], "parts of {len}");
            let sent = life.take_sent();
            assert_eq!(sent.iter().map(Frame::close_code).collect::<Vec<_>>(), [Some(1007)]);
            assert!(life.session.deadline().is_some(), "the peer may not read the Close");
            life.end_of_input();
            assert_eq!(life.ended().initiator, Initiator::Local);
        }
    }
    check::<Server>();
    check::<Client>();
}

/// The advice on the transport, from the first byte to the last.
#[test]
fn advice_for_the_transport_at_each_stage() {
    fn check<R: End>(exchanged: Advice) {
        let mut life = begin::<R>();
        assert_eq!(life.session.advice(), Advice::KeepOpen);
        life.abort();
        assert_eq!(life.session.advice(), Advice::Drop);

        let stages: [(&[Step<R>], Advice); 5] = [
            (&[], Advice::KeepOpen),
            (&[we_close], Advice::KeepOpen),
            (&[peer_closes], exchanged),
            (&[we_close, peer_closes], exchanged),
            (&[peer_breaks_a_rule], Advice::Shutdown),
        ];
        for (steps, advice) in stages {
            let mut life = open::<R>();
            for step in steps {
                step(&mut life);
            }
            assert_eq!(life.session.advice(), advice);
            // fault-E2: a peer that has closed its writing side may still read.
            life.end_of_input();
            assert_eq!(life.session.advice(), Advice::Flush);
            life.flush();
            assert_eq!(life.session.advice(), Advice::Drop);
        }
    }
    check::<Server>(Advice::Shutdown);
    check::<Client>(Advice::AwaitEnd);

    let mut life = begin::<Server>();
    life.read(b"POST / HTTP/1.1\r\n\r\n");
    assert_eq!(life.session.advice(), Advice::Shutdown, "the answer has to arrive");
    life.flush();
    assert_eq!(life.session.advice(), Advice::Shutdown, "the answer has to arrive");
    life.end_of_input();
    assert_eq!(life.session.advice(), Advice::Drop);
}

/// R6455-7.4.1-4: as on a connection, and the session continues.
#[test]
fn a_refused_close_changes_nothing() {
    let body = CloseFrame::new(CloseCode::MANDATORY_EXTENSION, "").expect("a body");
    let mut life = open::<Server>();
    assert_eq!(life.close(Some(&body)), Err(SendError::ClientOnlyCode));
    assert_eq!(life.session.ready_state(), ReadyState::Open);
    assert_eq!(life.session.deadline(), None);
    assert!(life.out.is_empty());
    life.end_of_input();
    assert_eq!(life.ended(), lost(Initiator::Remote));
}

/// R6455-7.1.2-1: a Close sent through the sending half counts as ours, like any other.
#[test]
fn a_close_through_the_sender_is_ours() {
    fn check<R: End>() {
        let mut life = open::<R>();
        let sender = life.session.sender().expect("open");
        sender.close(None, &mut life.out).expect("open");
        peer_closes(&mut life);
        life.flush();
        life.end_of_input();
        assert_eq!(life.ended(), sent(1005, info(1001, "theirs", true, Initiator::Local)));

        let mut life = open::<R>();
        let sender = life.session.sender().expect("open");
        sender.close(None, &mut life.out).expect("open");
        life.end_of_input();
        assert_eq!(life.ended(), sent(1005, lost(Initiator::Local)));
    }
    check::<Server>();
    check::<Client>();
}

/// I10: a pending report is not lost if the transport ends before it is taken.
#[test]
fn an_error_is_not_lost_when_the_end_comes_first() {
    let mut life = begin::<Server>();
    life.read(&REQUEST[..20]);
    life.session.close(None, life.now, &mut life.out).expect("always allowed");
    life.session.end_of_input(&mut life.out);
    life.read(&[]);
    assert_eq!(life.log[0], SessionEvent::Error(SessionError::Abandoned));
    assert_eq!(life.ended(), lost(Initiator::Local));

    let (interval, patience) = (Duration::from_secs(30), Duration::from_secs(5));
    let keep_alive = Some(KeepAlive { interval, patience });
    let mut life = Life::<Server>::open(config(|config| config.keep_alive = keep_alive));
    life.session.handle_timeout(interval, &mut life.out);
    life.session.handle_timeout(interval + patience, &mut life.out);
    life.session.end_of_input(&mut life.out);
    life.read(&[]);
    assert_eq!(life.log[1], SessionEvent::Error(SessionError::KeepAliveTimeout));
    assert_eq!(life.ended(), sent(1011, lost(Initiator::Local)));
}
