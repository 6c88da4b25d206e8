//! A broker for tests without one: it subscribes and publishes as Redis does, and can be told to misbehave.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use redis::{Parser, Value};
use ws_common::{Bus, BusConnection, BusSink};

use super::Redis;
use crate::BusOptions;

/// The time limit after which a test counts as hanging.
pub(super) const LONG: Duration = Duration::from_secs(60);

/// Waits until a condition is true.
pub(super) fn wait_until(what: &str, is_true: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_true() {
        assert!(begun.elapsed() < LONG, "waited for a minute until {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// A broker on a free port of this host.
pub(super) struct Broker {
    port: u16,
    hub: Arc<Hub>,
}

#[derive(Default)]
struct Hub {
    /// The subscribers of each channel.
    channels: Mutex<BTreeMap<String, Vec<Arc<TcpStream>>>>,
    /// The topics and messages that were published.
    published: Mutex<Vec<(String, String)>>,
    /// Whether a connection ends when it publishes on a topic.
    hangs_up: AtomicBool,
    /// Called before the topics of a command are confirmed.
    while_asked: Mutex<Option<Box<dyn Fn() + Send>>>,
    /// Whether the next confirmation is sent twice.
    repeats: AtomicBool,
}

impl Broker {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let hub = Arc::<Hub>::default();
        let served = Arc::clone(&hub);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (hub, stream) = (Arc::clone(&served), Arc::new(stream.expect("accepted")));
                thread::spawn(move || {
                    // An error is its end.
                    let _ = hub.serve(&stream);
                    hub.leave(&stream);
                    let _ = stream.shutdown(std::net::Shutdown::Both);
                });
            }
        });
        Self { port, hub }
    }

    /// Joins a server, with short delays.
    pub(super) fn join(
        &self,
        sink: Arc<dyn BusSink>,
        options: BusOptions,
    ) -> Box<dyn BusConnection> {
        let options = options.delays(Duration::from_millis(1), Duration::from_millis(1));
        Redis::connect(format!("redis://127.0.0.1:{}", self.port), options)
            .expect("a URL")
            .join(sink)
    }

    /// Returns the channels of topics that have subscribers.
    pub(super) fn topics(&self) -> BTreeSet<String> {
        let channels = self.hub.channels.lock();
        channels.keys().filter(|name| !name.contains('!')).cloned().collect()
    }

    /// Returns what was published on topics.
    pub(super) fn published(&self) -> Vec<(String, String)> {
        self.hub.published.lock().clone()
    }

    /// Sets whether a connection ends when it publishes on a topic.
    pub(super) fn hang_up(&self, hangs_up: bool) {
        self.hub.hangs_up.store(hangs_up, Ordering::SeqCst);
    }

    /// Calls this before the topics of a command are confirmed.
    pub(super) fn while_asked(&self, call: impl Fn() + Send + 'static) {
        *self.hub.while_asked.lock() = Some(Box::new(call));
    }

    /// Sends the next confirmation twice.
    pub(super) fn repeat(&self) {
        self.hub.repeats.store(true, Ordering::SeqCst);
    }
}

impl Hub {
    fn serve(&self, stream: &Arc<TcpStream>) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let (mut parser, mut reader) = (Parser::new(), BufReader::new(&**stream));
        loop {
            let command = parser.parse_value(&mut reader).map_err(io::Error::other)?;
            let Value::Array(words) = command else { return Ok(()) };
            let words: Vec<_> = words.into_iter().map(text).collect();
            let words: Vec<_> = words.iter().map(String::as_str).collect();
            match &*words {
                ["SUBSCRIBE", names @ ..] => {
                    if let Some(call) = &*self.while_asked.lock() {
                        call();
                    }
                    names.iter().try_for_each(|name| {
                        self.channels
                            .lock()
                            .entry((*name).into())
                            .or_default()
                            .push(Arc::clone(stream));
                        self.confirm(stream, "subscribe", name)
                    })?;
                }
                ["UNSUBSCRIBE", names @ ..] => names.iter().try_for_each(|name| {
                    self.remove(stream, name);
                    self.confirm(stream, "unsubscribe", name)
                })?,
                ["PUBLISH", name, payload] => {
                    if !name.contains('!') {
                        if self.hangs_up.load(Ordering::SeqCst) {
                            return Ok(());
                        }
                        self.published.lock().push(((*name).into(), (*payload).into()));
                    }
                    self.publish(name, payload);
                    (&**stream).write_all(b":1\r\n")?;
                }
                ["CONFIG", ..] => (&**stream).write_all(b"-ERR unknown command\r\n")?,
                _ => (&**stream).write_all(b"+OK\r\n")?,
            }
        }
    }

    fn confirm(&self, mut stream: &TcpStream, kind: &str, name: &str) -> io::Result<()> {
        let confirmation =
            format!("*3\r\n${}\r\n{kind}\r\n${}\r\n{name}\r\n:1\r\n", kind.len(), name.len());
        let again = self.repeats.swap(false, Ordering::SeqCst);
        stream.write_all(confirmation.repeat(if again { 2 } else { 1 }).as_bytes())
    }

    fn publish(&self, name: &str, payload: &str) {
        let message = format!(
            "*3\r\n$7\r\nmessage\r\n${}\r\n{name}\r\n${}\r\n{payload}\r\n",
            name.len(),
            payload.len()
        );
        for stream in self.channels.lock().get(name).into_iter().flatten() {
            // It may have ended.
            let _ = (&**stream).write_all(message.as_bytes());
        }
    }

    fn remove(&self, stream: &Arc<TcpStream>, name: &str) {
        let mut channels = self.channels.lock();
        if let Some(streams) = channels.get_mut(name) {
            streams.retain(|other| !Arc::ptr_eq(other, stream));
            if streams.is_empty() {
                channels.remove(name);
            }
        }
    }

    fn leave(&self, stream: &Arc<TcpStream>) {
        let names: Vec<_> = self.channels.lock().keys().cloned().collect();
        names.iter().for_each(|name| self.remove(stream, name));
    }
}

/// Returns a word of a command; payloads of these tests are UTF-8.
fn text(word: Value) -> String {
    match word {
        Value::BulkString(bytes) => String::from_utf8(bytes).expect("UTF-8"),
        other => panic!("{other:?} is no word"),
    }
}
