//! The limits of a response's head.

use wsproto::closing::Advice;
use wsproto::handshake::{HeadError, ResponseError};
use wsproto::{Config, SessionError, SessionEvent};

use crate::handshake_support::*;
use crate::support::{failed, good, plain};

/// A54: each limit on the head is enforced at the first byte beyond it.
#[test]
fn an_endless_response_head_is_cut_off() {
    let long = "a".repeat(1 << 20);
    let many = "a: b\r\n".repeat(2000);
    let interim = "HTTP/1.1 100 Continue\r\n\r\n".repeat(10_000);
    let status_line = "HTTP/1.1 101 Switching Protocols\r\n";
    for (error, input) in [
        (Some(HeadError::FirstLineTooLong), format!("HTTP/1.1 101 {long}")),
        (Some(HeadError::TooLong), format!("{status_line}X: {long}")),
        (Some(HeadError::TooManyFields), format!("{status_line}{many}")),
        (None, interim),
    ] {
        let whole = connect(&Config::default(), &plain(), &[input.as_bytes()]);
        let SessionEvent::Error(SessionError::Response(ResponseError::Head(found))) =
            &whole.events[0]
        else {
            panic!("{:?}", whole.events)
        };
        assert_eq!(*found, error.unwrap_or(*found));
        assert_eq!(whole.transport, Advice::Drop);
        let single: Vec<&[u8]> = input.as_bytes().chunks(1).collect();
        assert_eq!(connect(&Config::default(), &plain(), &single), whole);
    }
}

/// A54: limits are inclusive; interim responses count, too.
#[test]
fn the_limits_of_a_response_are_inclusive() {
    let interim = Head::new("HTTP/1.1 100 Continue", &[]).bytes();
    let input = [&interim[..], &good().bytes()].concat();
    let mut config = Config::default();
    config.max_head_size = input.len();
    config.max_headers = 3;
    let run = at_every_cut(&input, |pieces| connect(&config, &plain(), pieces));
    assert_eq!(run.events[0], SessionEvent::Open);

    config.max_head_size = input.len() - 1;
    let run = at_every_cut(&input, |pieces| connect(&config, &plain(), pieces));
    assert_eq!(run.events[0], failed(ResponseError::Head(HeadError::TooLong)));

    config.max_head_size = input.len();
    config.max_headers = 2;
    let run = at_every_cut(&input, |pieces| connect(&config, &plain(), pieces));
    assert_eq!(run.events[0], failed(ResponseError::Head(HeadError::TooManyFields)));
}
