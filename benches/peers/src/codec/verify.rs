//! Whether an implementation does its work, before anybody times it.

use benches::workload::Workload;
use wsproto::{Client, Config, Connection, Event, Extensions, Role, Server};

use super::{End, Flush, Inbox, Outcome, Peer, Ring};

/// Decodes a workload once and compares every message.
///
/// # Errors
///
/// The error of the implementation, or a difference that the check has found.
pub fn decode(peer: &dyn Peer, workload: &Workload, segment: usize) -> Outcome {
    let mut inbox = Inbox::expecting(workload);
    peer.decode(workload, segment, &mut inbox)?;
    match (inbox.messages, inbox.wrong) {
        (messages, 0) if messages == workload.messages => Ok(()),
        (messages, wrong) => Err(format!("{messages} messages, {wrong} of them wrong").into()),
    }
}

/// Encodes a workload once and reads it all back with the strictest decoder at hand.
///
/// # Errors
///
/// The error of the implementation, or a difference that the check has found.
pub fn encode(peer: &dyn Peer, workload: &Workload, end: End, flush: Flush) -> Outcome {
    let mut ring = Ring::keeping();
    peer.encode(workload, end, flush, &mut ring)?;
    match end {
        End::Server => read_back(Client::from_seed([7; 32]), ring.kept(), workload),
        End::Client => read_back(Server, ring.kept(), workload),
    }
}

fn read_back(role: impl Role, written: &[u8], workload: &Workload) -> Outcome {
    let mut config = Config::default();
    config.max_fragments = 0;
    let mut reader = Connection::new(role, config, Extensions::none());
    let mut written = written.to_vec();
    let mut input = &mut written[..];
    let mut messages = 0;
    while let Some(event) = reader.next_event(&mut input, &mut Vec::new())? {
        match event {
            Event::Binary(bytes) if bytes == workload.payload.as_slice() => messages += 1,
            other => return Err(format!("{other:?} was written").into()),
        }
    }
    if messages != workload.messages {
        return Err(format!("{messages} messages were written").into());
    }
    Ok(())
}
