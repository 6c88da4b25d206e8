//! The thread that publishes.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use redis::{Connection, Pipeline, RedisError, pipe};

use super::signal::Signal;
use super::{HEARTBEAT, Worker};
use crate::member::Member;

/// The bytes after which a batch of messages is sent.
const BATCH_BYTES: usize = 64 << 10;
/// The maximum number of messages in a batch.
const BATCH_MESSAGES: usize = 256;

/// The largest payload, in bytes, if the broker does not tell its own: Redis's default.
const DEFAULT_MAX_PAYLOAD: usize = 512 << 20;

/// Publishes until the connection fails, or until the member is closed and everything has left.
pub(super) fn run(worker: &Worker, mut link: Connection) -> Result<(), RedisError> {
    let member = &worker.member;
    let heartbeat = worker.links.publishes(max_payload(&mut link)?);
    let mut last = Instant::now();
    // The other thread waits for a heartbeat, and for topics that were wanted before there was a connection.
    let mut is_due = true;
    loop {
        let (mut batch, cost) = batch(member);
        let closed = member.is_closed();
        if is_due || closed || last.elapsed() >= HEARTBEAT {
            batch.publish(&worker.control, &heartbeat).ignore();
            last = Instant::now();
        }
        if !batch.is_empty() {
            send(&batch, &mut link)?;
        }
        member.release(cost);
        if cost == 0 && closed {
            return Ok(());
        }
        let timeout =
            if cost == 0 { HEARTBEAT.saturating_sub(last.elapsed()) } else { Duration::ZERO };
        is_due = member.wake.wait(timeout).topics;
    }
}

/// Takes messages; returns their commands, and the bytes to release.
fn batch(member: &Member<Signal>) -> (Pipeline, usize) {
    let (mut batch, mut cost) = (pipe(), 0);
    while cost < BATCH_BYTES && batch.len() < BATCH_MESSAGES {
        let Some(message) = member.pop() else { break };
        batch.publish(&message.name, &message.bytes).ignore();
        cost += message.cost();
    }
    (batch, cost)
}

/// Sends commands, and waits until the broker has carried them out.
fn send(batch: &Pipeline, link: &mut Connection) -> Result<(), RedisError> {
    match batch.exec(link) {
        // For example, the user may not publish on this channel.
        Err(error) if error.is_unrecoverable_error() || error.is_io_error() => Err(error),
        Err(error) => {
            log::warn!("Redis: messages are lost: {error}");
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

/// Asks for the largest payload.
fn max_payload(link: &mut Connection) -> Result<usize, RedisError> {
    let mut ask = redis::cmd("CONFIG");
    let answer: Result<BTreeMap<String, usize>, _> =
        ask.arg("GET").arg("proto-max-bulk-len").query(link);
    match answer {
        Ok(answer) => Ok(answer.into_values().next().unwrap_or(DEFAULT_MAX_PAYLOAD)),
        Err(error) if error.is_io_error() || error.is_unrecoverable_error() => Err(error),
        // It is not allowed, or it is not known.
        Err(_) => Ok(DEFAULT_MAX_PAYLOAD),
    }
}
