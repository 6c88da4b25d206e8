//! The thread that subscribes and delivers.

use redis::{Connection, ErrorKind, RedisError, Value, cmd};

use super::Worker;
use crate::interest::Change;
use crate::topic;

/// The most topics of a command.
const TOPICS: usize = 500;

/// Delivers until the connection fails, or until the member is closed.
pub(super) fn run(worker: &Worker, mut link: Connection) -> Result<(), RedisError> {
    let member = &worker.member;
    let mut changes = member.all_again().into_iter();
    let mut unconfirmed = ask(&mut link, "SUBSCRIBE", std::slice::from_ref(&worker.control))?;
    let mut ready = false;
    while !member.is_closed() {
        match Pushed::from(link.recv_response()?) {
            Pushed::Confirmed => match unconfirmed {
                0 => return Err(unexpected()),
                _ => unconfirmed -= 1,
            },
            Pushed::Message { channel, payload } => {
                // The member's own channel has the name of no topic. Whatever arrives there wakes.
                if channel == worker.control.as_bytes() {
                    worker.links.heard(&payload, member);
                } else if let Some(topic) = topic::from_name(&member.prefix, &channel) {
                    member.deliver(&topic, &payload);
                }
            }
            Pushed::Refused(error) => return Err(error),
        }
        // One command at a time: its answers are read before the next one is written.
        if unconfirmed == 0 {
            if changes.len() == 0 {
                // Later subscriptions do not delay this report.
                if !ready {
                    ready = true;
                    worker.links.subscribed(member);
                }
                changes = member.changes().into_iter();
            }
            unconfirmed = ask_for(changes.by_ref().take(TOPICS), worker, &mut link)?;
        }
    }
    Ok(())
}

/// Asks for these changes, which concern different topics; returns the number of answers.
fn ask_for(
    changes: impl Iterator<Item = Change>,
    worker: &Worker,
    link: &mut Connection,
) -> Result<usize, RedisError> {
    let (mut new, mut old) = (Vec::new(), Vec::new());
    let name = |topic: &str| topic::to_name(&worker.member.prefix, topic);
    for change in changes {
        match change {
            Change::Subscribe(topic) => new.push(name(&topic)),
            Change::Unsubscribe(topic) => old.push(name(&topic)),
        }
    }
    Ok(ask(link, "SUBSCRIBE", &new)? + ask(link, "UNSUBSCRIBE", &old)?)
}

/// Sends a command; returns the number of answers.
fn ask(link: &mut Connection, command: &str, channels: &[String]) -> Result<usize, RedisError> {
    if !channels.is_empty() {
        link.send_packed_command(&cmd(command).arg(channels).get_packed_command())?;
    }
    Ok(channels.len())
}

/// A reply or message of the broker on a connection that has subscribed.
enum Pushed {
    Message {
        channel: Vec<u8>,
        payload: Vec<u8>,
    },
    /// A channel is subscribed, or no longer.
    Confirmed,
    Refused(RedisError),
}

impl From<Value> for Pushed {
    fn from(value: Value) -> Self {
        let parts = match value {
            Value::Array(parts) => <[Value; 3]>::try_from(parts),
            // For example, the user may not subscribe this channel.
            Value::ServerError(error) => return Self::Refused(error.into()),
            other => Err(vec![other]),
        };
        let Ok([kind, channel, last]) = parts else { return Self::Refused(unexpected()) };
        match (kind, channel, last) {
            (Value::BulkString(kind), Value::BulkString(channel), Value::BulkString(payload))
                if kind == b"message" =>
            {
                Self::Message { channel, payload }
            }
            (Value::BulkString(kind), ..) if kind == b"subscribe" || kind == b"unsubscribe" => {
                Self::Confirmed
            }
            _ => Self::Refused(unexpected()),
        }
    }
}

fn unexpected() -> RedisError {
    (ErrorKind::UnexpectedReturnType, "no answer of a subscription").into()
}
