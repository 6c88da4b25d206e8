//! The permitted order of a session's reports.

use crate::Seen;
use wsproto::{Event, SessionEvent};

/// Checks the order of a session's reports so far: the request first, `Open` once and before
/// anything received, at most one `Error`, at most one `Closed`, which is last; and nothing but
/// `Closed` after an error or the peer's Close (promise I10).
///
/// # Panics
///
/// If the order differs.
pub fn assert_order(log: &[Seen]) {
    let place = |is: fn(&Seen) -> bool| log.iter().position(is);
    let count = |is: fn(&Seen) -> bool| log.iter().filter(|event| is(event)).count();
    let open = |event: &Seen| matches!(event, SessionEvent::Open);
    let error = |event: &Seen| matches!(event, SessionEvent::Error(_));
    let closed = |event: &Seen| matches!(event, SessionEvent::Closed(_));
    let received = |event: &Seen| matches!(event, SessionEvent::Received(_));
    let close = |event: &Seen| matches!(event, SessionEvent::Received(Event::Close(_)));
    let asked = |event: &Seen| matches!(event, SessionEvent::Upgrade | SessionEvent::Http);

    assert!(count(open) <= 1 && count(error) <= 1 && count(closed) <= 1, "{log:?}");
    assert!(count(asked) <= 1 && place(asked).is_none_or(|at| at == 0), "{log:?}");
    let first_received = place(received).unwrap_or(log.len());
    assert!(first_received == log.len() || place(open) == Some(first_received - 1), "{log:?}");
    if let Some(at) = place(closed) {
        assert_eq!(at, log.len() - 1, "Closed is last: {log:?}");
    }
    if let Some(at) = place(error) {
        assert!(log[at + 1..].iter().all(closed), "after an error only Closed: {log:?}");
    }
    if let Some(at) = place(close) {
        assert!(log[at + 1..].iter().all(closed), "after a Close only Closed: {log:?}");
    }
}
