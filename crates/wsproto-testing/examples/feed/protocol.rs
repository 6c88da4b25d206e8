//! The protocol of a feed: users log in, subscribe to topics, and publish. It does no I/O.
//!
//! Messages are lines of text. A client says `login NAME`, `subscribe TOPIC`, `unsubscribe TOPIC` or
//! `publish TOPIC TEXT`. The server answers `ok`, or `error REASON`, and says `TOPIC NAME TEXT` to the
//! subscribers of a topic. A client that has not logged in within 5 s is closed with code 1008; one whose
//! user logs in elsewhere, with code 4001.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use wsproto::CloseCode;

/// How long a client may take to log in.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// The close code for a client whose user has logged in elsewhere.
pub(crate) const REPLACED: CloseCode = CloseCode::new(4001);

/// Identifies a client.
pub(crate) type Id = usize;

/// Something to do for a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Send this line.
    Send(String),
    /// Close with this code and reason.
    Close(CloseCode, &'static str),
}

/// The server's state.
#[derive(Debug, Default)]
pub(crate) struct Feed {
    clients: BTreeMap<Id, Client>,
    users: BTreeMap<String, Id>,
    topics: BTreeMap<String, BTreeSet<Id>>,
}

#[derive(Debug, Default)]
struct Client {
    name: Option<String>,
    since: Duration,
    orders: Vec<Order>,
    /// Whether it is told to close: nothing it says counts any more.
    leaving: bool,
}

impl Feed {
    /// A client has connected.
    pub(crate) fn opened(&mut self, id: Id, now: Duration) {
        self.clients.insert(id, Client { since: now, ..Client::default() });
    }

    /// A client has said a line.
    pub(crate) fn received(&mut self, id: Id, line: &str) {
        if self.clients.get(&id).is_none_or(|client| client.leaving) {
            return;
        }
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let done = match verb {
            "login" => self.login(id, rest),
            "subscribe" => self.subscribe(id, rest),
            "unsubscribe" => self.unsubscribe(id, rest),
            "publish" => self.publish(id, rest),
            _ => Err("unknown command"),
        };
        let answer = done.map_or_else(|reason| format!("error {reason}"), |()| "ok".into());
        self.order(id, Order::Send(answer));
    }

    /// A client is gone.
    pub(crate) fn closed(&mut self, id: Id) {
        let Some(client) = self.clients.remove(&id) else { return };
        // The user may have logged in elsewhere.
        if let Some(name) = client.name.filter(|name| self.users.get(name) == Some(&id)) {
            self.users.remove(&name);
        }
        for subscribers in self.topics.values_mut() {
            subscribers.remove(&id);
        }
    }

    /// Returns when to call `expire` for a client.
    pub(crate) fn deadline(&self, id: Id) -> Option<Duration> {
        let client = self.clients.get(&id)?;
        (client.name.is_none() && !client.leaving).then(|| client.since + PATIENCE)
    }

    /// Time has passed for a client.
    pub(crate) fn expire(&mut self, id: Id, now: Duration) {
        if self.deadline(id).is_some_and(|at| now >= at) {
            self.order(id, Order::Close(CloseCode::POLICY_VIOLATION, "log in within 5 s"));
        }
    }

    /// Takes what is to be done for a client.
    pub(crate) fn take(&mut self, id: Id) -> Vec<Order> {
        self.clients
            .get_mut(&id)
            .map(|client| std::mem::take(&mut client.orders))
            .unwrap_or_default()
    }

    fn login(&mut self, id: Id, name: &str) -> Result<(), &'static str> {
        check(name)?;
        let client = self.clients.get_mut(&id).ok_or("not connected")?;
        if client.name.is_some() {
            return Err("already logged in");
        }
        client.name = Some(name.into());
        if let Some(old) = self.users.insert(name.into(), id) {
            self.order(old, Order::Close(REPLACED, "logged in elsewhere"));
        }
        Ok(())
    }

    fn subscribe(&mut self, id: Id, topic: &str) -> Result<(), &'static str> {
        self.name(id)?;
        check(topic)?;
        self.topics.entry(topic.into()).or_default().insert(id);
        Ok(())
    }

    fn unsubscribe(&mut self, id: Id, topic: &str) -> Result<(), &'static str> {
        self.name(id)?;
        let subscribers = self.topics.get_mut(topic).ok_or("not subscribed")?;
        if !subscribers.remove(&id) {
            return Err("not subscribed");
        }
        Ok(())
    }

    fn publish(&mut self, id: Id, rest: &str) -> Result<(), &'static str> {
        let name = self.name(id)?.to_owned();
        let (topic, text) = rest.split_once(' ').ok_or("no text")?;
        let subscribers: Vec<Id> = self.topics.get(topic).into_iter().flatten().copied().collect();
        for subscriber in subscribers {
            self.order(subscriber, Order::Send(format!("{topic} {name} {text}")));
        }
        Ok(())
    }

    /// Returns the name of a client that has logged in.
    fn name(&self, id: Id) -> Result<&str, &'static str> {
        self.clients.get(&id).and_then(|client| client.name.as_deref()).ok_or("log in first")
    }

    fn order(&mut self, id: Id, order: Order) {
        if let Some(client) = self.clients.get_mut(&id) {
            client.leaving |= matches!(order, Order::Close(..));
            client.orders.push(order);
        }
    }
}

/// Checks the name of a user or topic.
fn check(name: &str) -> Result<(), &'static str> {
    let valid = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    valid.then_some(()).ok_or("invalid name")
}
