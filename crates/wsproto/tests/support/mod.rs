//! Shared code of the engine's tests.

#![allow(dead_code, reason = "each test binary uses its own part of this")]

use wsproto::{Config, Connection, Error, Event, Role};

/// An opcode that no specification defines: invalid from its first byte on.
pub(crate) const VIOLATION: [u8; 1] = [0x83];

/// Returns the default limits as modified by `change`.
pub(crate) fn config(change: impl FnOnce(&mut Config)) -> Config {
    let mut config = Config::default();
    change(&mut config);
    config
}

/// Passes `bytes` to the connection, and returns the events.
pub(crate) fn feed<R: Role>(
    ws: &mut Connection<R>,
    bytes: &[u8],
    out: &mut Vec<u8>,
) -> Result<Vec<Event<'static>>, Error> {
    let mut bytes = bytes.to_vec();
    let mut input = &mut bytes[..];
    let mut events = Vec::new();
    while let Some(event) = ws.next_event(&mut input, out)? {
        events.push(event.into_owned());
    }
    assert!(input.is_empty(), "I1: input was left over");
    Ok(events)
}
