//! The thread of a member: tasks that watch the connection, ask for topics, publish and deliver.

use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use async_nats::connection::State;
use async_nats::{
    Client, ConnectOptions, Event, Request, RequestErrorKind, ServerAddr, Subscriber,
};
use bytes::Bytes;
use futures_core::Stream;
use parking_lot::Mutex;
use tokio::runtime::Builder;
use tokio::task::{self, AbortHandle, JoinHandle};
use tokio::time::timeout;

use super::Bells;
use crate::interest::Change;
use crate::member::Member;
use crate::options::Retry;
use crate::outbox::Outgoing;
use crate::topic;

/// The messages that the client takes before it has written any. They count in the queue until they are written.
const CLIENT_CAPACITY: usize = 256;

/// The messages that wait between the client and the task of a topic. The task takes all before the client reads
/// again, and the client reads at most 8 MiB in a turn: 128 times, 64 KiB each. So none is dropped.
const TOPIC_CAPACITY: usize = 1 << 20;

/// How often the connection is looked at, in case that an event was lost.
const LOOK: Duration = Duration::from_secs(1);

/// How long the broker may take to answer that it has read the subscriptions.
const ANSWER: Duration = Duration::from_secs(5);

/// How long queued messages may take to leave when the server has ended.
const LEAVE: Duration = Duration::from_secs(1);

pub(super) struct Worker {
    pub(super) member: Arc<Member<Bells>>,
    pub(super) urls: Vec<ServerAddr>,
    pub(super) client: ConnectOptions,
    pub(super) retry: Retry,
}

impl Worker {
    /// Runs until the member is closed.
    pub(super) fn run(self) {
        match Builder::new_current_thread().enable_all().build() {
            // The client's remaining tasks end with the runtime.
            Ok(runtime) => runtime.block_on(self.serve()),
            Err(error) => {
                log::error!("the bus has no runtime: {error}");
                self.member.down();
            }
        }
    }

    async fn serve(self) {
        let Self { member, urls, client, retry } = self;
        let client = match listening(client, &member, retry).connect(urls).await {
            Ok(client) => client,
            Err(error) => {
                log::error!("the bus cannot start: {error}");
                return member.down();
            }
        };
        let watching = tokio::spawn(watch(Arc::clone(&member), client.clone()));
        let publishing = tokio::spawn(publish(Arc::clone(&member), client.clone()));
        member.wake.closed.notified().await;
        watching.abort();
        if client.connection_state() == State::Connected {
            // Messages that do not leave in time are lost.
            let _ = timeout(LEAVE, leave(publishing, &client)).await;
        }
    }
}

/// Waits until all messages are written.
async fn leave(publishing: JoinHandle<()>, client: &Client) {
    // Both fail if the client has ended.
    let _ = publishing.await;
    let _ = client.flush().await;
}

/// Adds the options that the bus needs.
fn listening(client: ConnectOptions, member: &Arc<Member<Bells>>, retry: Retry) -> ConnectOptions {
    let told = Arc::clone(member);
    let retry = Mutex::new((retry, Instant::now()));
    client
        .no_echo()
        .retry_on_initial_connect()
        .max_reconnects(None)
        .client_capacity(CLIENT_CAPACITY)
        .subscription_capacity(TOPIC_CAPACITY)
        .event_callback(move |event| {
            hear(&told, &event);
            async {}
        })
        // Called before each attempt; the first in a row is the client's `attempt` 1.
        .reconnect_delay_callback(move |attempt| {
            let (retry, begun) = &mut *retry.lock();
            let open = if attempt <= 1 { begun.elapsed() } else { Duration::ZERO };
            *begun = Instant::now();
            retry.after(open)
        })
}

fn hear(member: &Member<Bells>, event: &Event) {
    match event {
        Event::Connected => log::info!("connected to NATS"),
        Event::Disconnected => {
            log::warn!("disconnected from NATS");
            member.down();
        }
        // The client reports these while it connects.
        Event::ClientError(error) => {
            log::warn!("NATS: {error}");
            member.down();
        }
        event => log::warn!("NATS: {event}"),
    }
    member.wake.topics.notify_one();
}

/// The number of the connection, counted from 1, and 0 if there is none. Statistics and state are the client's;
/// its events are only a reason to look.
fn connection(client: &Client) -> u64 {
    match client.connection_state() {
        State::Connected => client.statistics().connects.load(Ordering::Relaxed),
        _ => 0,
    }
}

/// Keeps the broker's subscriptions those that the server wants, and tells the server whether there is a connection.
async fn watch(member: Arc<Member<Bells>>, client: Client) {
    let mut topics = HashMap::new();
    let mut last = 0;
    loop {
        let now = connection(&client);
        if now != last && last != 0 {
            member.down();
        }
        last = now;
        if now != 0 {
            // The client has subscribed the topics of an earlier connection already.
            for change in member.changes() {
                if apply(&member, &client, &mut topics, change).await.is_err() {
                    return member.down();
                }
            }
            if !member.is_up() {
                match has_read(&member, &client).await {
                    true if connection(&client) == now => member.up(client.max_payload()),
                    true => {}
                    // It was never up: this is reported, too.
                    false => member.down(),
                }
            }
        }
        // Either is a reason to look again.
        let _ = timeout(LOOK, member.wake.topics.notified()).await;
    }
}

/// Returns whether the broker has answered, and so has read all that was written before.
async fn has_read(member: &Member<Bells>, client: &Client) -> bool {
    let nobody = format!("{}.!", member.prefix);
    let inbox = format!("{nobody}.{}", client.new_inbox());
    let request = Request::new().inbox(inbox).timeout(Some(ANSWER));
    match client.send_request(nobody, request).await {
        Ok(_) => true,
        Err(error) if error.kind() == RequestErrorKind::NoResponders => true,
        Err(error) => {
            log::warn!("NATS does not answer a request at {}.!: {error}", member.prefix);
            false
        }
    }
}

/// The client has ended.
struct Ended;

async fn apply(
    member: &Arc<Member<Bells>>,
    client: &Client,
    topics: &mut HashMap<Arc<str>, AbortHandle>,
    change: Change,
) -> Result<(), Ended> {
    match change {
        Change::Subscribe(topic) => {
            let name = topic::to_name(&member.prefix, &topic);
            let subscriber = client.subscribe(name).await.map_err(|_| Ended)?;
            let receiving = receive(Arc::clone(member), Arc::clone(&topic), subscriber);
            // It takes all there is before the client reads again: see `TOPIC_CAPACITY`.
            let receiving = tokio::spawn(task::unconstrained(receiving));
            topics.insert(topic, receiving.abort_handle());
        }
        // The subscriber unsubscribes when it is dropped.
        Change::Unsubscribe(topic) => {
            if let Some(receiving) = topics.remove(&topic) {
                receiving.abort();
            }
        }
    }
    Ok(())
}

async fn receive(member: Arc<Member<Bells>>, topic: Arc<str>, subscriber: Subscriber) {
    let mut subscriber = pin!(subscriber);
    while let Some(message) = poll_fn(|context| subscriber.as_mut().poll_next(context)).await {
        member.deliver(&topic, &message.payload);
    }
}

/// Hands messages to the client, until the member is closed and there are no more.
async fn publish(member: Arc<Member<Bells>>, client: Client) {
    loop {
        if let Some(message) = member.pop() {
            let (name, held) = Held::new(&member, message);
            // Fails if the client has ended, or if the broker of a new connection accepts less.
            if let Err(error) = client.publish(name, Bytes::from_owner(held)).await {
                log::warn!("NATS: a message is lost: {error}");
            }
        } else if member.is_done() {
            return;
        } else {
            member.wake.messages.notified().await;
        }
    }
}

/// The bytes of a message in the client's hands; they count in the queue until the client drops them.
struct Held {
    bytes: Vec<u8>,
    cost: usize,
    member: Arc<Member<Bells>>,
}

impl Held {
    /// Returns the subject and the payload.
    fn new(member: &Arc<Member<Bells>>, message: Outgoing) -> (String, Self) {
        let cost = message.cost();
        (message.name, Self { bytes: message.bytes, cost, member: Arc::clone(member) })
    }
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.member.release(self.cost);
    }
}
