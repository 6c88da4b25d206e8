//! The thread that publishes.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use redis::{Connection, Pipeline, RedisError, pipe};

use super::signal::Signal;
use super::{HEARTBEAT, Worker};
use crate::member::Member;

/// The bytes after which a batch of messages is sent, and the most messages of one.
const BATCH_BYTES: usize = 64 << 10;
const BATCH_MESSAGES: usize = 256;

/// The largest payload of a broker that does not say: Redis's default.
const LARGEST: usize = 512 << 20;

/// Publishes until the connection fails, or until the member is closed and everything has left.
pub(super) fn run(worker: &Worker, mut link: Connection) -> Result<(), RedisError> {
    let member = &worker.member;
    let sign = worker.links.publishes(largest(&mut link)?);
    let mut last = Instant::now();
    // The other thread waits for a sign, and may wait for topics that were wanted before there was a connection.
    let mut rouse = true;
    loop {
        let mut batch = Batch::take(member);
        let done = member.is_done();
        if rouse || done || last.elapsed() >= HEARTBEAT {
            batch.commands.publish(&worker.control, &sign).ignore();
            last = Instant::now();
        }
        if !batch.commands.is_empty() {
            send(&batch.commands, &mut link)?;
        }
        if done {
            return Ok(());
        }
        let most = match batch.cost {
            0 => HEARTBEAT.saturating_sub(last.elapsed()),
            _ => Duration::ZERO,
        };
        drop(batch);
        rouse = member.wake.wait(most).topics;
    }
}

/// The commands of some messages, which count in the queue until they are dropped: sent, or lost.
struct Batch<'a> {
    commands: Pipeline,
    cost: usize,
    member: &'a Member<Signal>,
}

impl<'a> Batch<'a> {
    fn take(member: &'a Member<Signal>) -> Self {
        let mut batch = Self { commands: pipe(), cost: 0, member };
        while batch.cost < BATCH_BYTES && batch.commands.len() < BATCH_MESSAGES {
            let Some(message) = member.pop() else { break };
            batch.commands.publish(&message.name, &message.bytes).ignore();
            batch.cost += message.cost();
        }
        batch
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        self.member.release(self.cost);
    }
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
fn largest(link: &mut Connection) -> Result<usize, RedisError> {
    let mut ask = redis::cmd("CONFIG");
    let answer: Result<BTreeMap<String, usize>, _> =
        ask.arg("GET").arg("proto-max-bulk-len").query(link);
    match answer {
        Ok(answer) => Ok(answer.into_values().next().unwrap_or(LARGEST)),
        Err(error) if error.is_io_error() || error.is_unrecoverable_error() => Err(error),
        // It is not allowed, or it is not known.
        Err(_) => Ok(LARGEST),
    }
}
