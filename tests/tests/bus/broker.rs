//! Brokers: processes on free ports of this host.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use serde_json::Value;
use ws_bus::async_nats::ConnectOptions;
use ws_bus::redis::{Client, cmd};
use ws_bus::{BusOptions, Nats, Redis};
use ws_common::Bus;

use crate::wait_until;

/// The beginning of the names of topics.
const PREFIX: &str = "ws.";

/// A kind of broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Nats,
    Redis,
}

/// A broker, which ends with the value.
#[derive(Debug)]
pub(crate) struct Broker {
    pub(crate) kind: Kind,
    port: u16,
    /// Where a NATS server tells what it counts.
    monitor: u16,
    arguments: Vec<String>,
    child: Child,
}

impl Broker {
    pub(crate) fn start(kind: Kind) -> Self {
        Self::start_with(kind, &[])
    }

    /// Starts a broker with more arguments.
    pub(crate) fn start_with(kind: Kind, arguments: &[&str]) -> Self {
        let (port, monitor) = (free_port(), free_port());
        let arguments: Vec<_> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let child = spawn(kind, port, monitor, &arguments);
        let broker = Self { kind, port, monitor, arguments, child };
        broker.wait();
        broker
    }

    /// Ends the broker at once.
    pub(crate) fn kill(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts it again on the same port.
    pub(crate) fn restart(&mut self) {
        self.child = spawn(self.kind, self.port, self.monitor, &self.arguments);
        self.wait();
    }

    /// Sends a signal, such as `STOP`, after which the broker reads nothing until `CONT`.
    pub(crate) fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &id]).status();
        assert!(sent.expect("kill runs").success(), "kill -s {signal} {id}");
    }

    /// Waits until it accepts connections.
    fn wait(&self) {
        wait_until("the broker listens", || TcpStream::connect(self.address()).is_ok());
    }

    fn address(&self) -> (Ipv4Addr, u16) {
        (Ipv4Addr::LOCALHOST, self.port)
    }

    /// Returns a URL with these credentials, such as `user:password@`.
    pub(crate) fn url(&self, credentials: &str) -> String {
        let scheme = match self.kind {
            Kind::Nats => "nats",
            Kind::Redis => "redis",
        };
        format!("{scheme}://{credentials}127.0.0.1:{}", self.port)
    }

    /// Returns a bus over the broker, with the name of its one server.
    pub(crate) fn bus(&self, server: &str, options: BusOptions) -> Arc<dyn Bus> {
        match self.kind {
            Kind::Nats => {
                let client = ConnectOptions::new().name(server);
                Arc::new(Nats::connect_with(self.url(""), options, client).expect("a URL"))
            }
            Kind::Redis => Arc::new(Redis::connect(self.url(""), options).expect("a URL")),
        }
    }

    /// Returns the number of servers that have subscribed each name of a topic, as the broker counts them.
    pub(crate) fn census(&self) -> BTreeMap<String, usize> {
        match self.kind {
            Kind::Nats => self.connections().into_values().flat_map(|of| of.topics).fold(
                BTreeMap::new(),
                |mut count, name| {
                    *count.entry(name).or_default() += 1;
                    count
                },
            ),
            Kind::Redis => {
                let mut link = self.redis();
                let names: Vec<String> =
                    cmd("PUBSUB").arg("CHANNELS").arg("ws.[^!]*").query(&mut link).expect("names");
                if names.is_empty() {
                    return BTreeMap::new();
                }
                cmd("PUBSUB").arg("NUMSUB").arg(names).query(&mut link).expect("numbers")
            }
        }
    }

    /// Returns a connection to a Redis server.
    pub(crate) fn redis(&self) -> ws_bus::redis::Connection {
        let client = Client::open(self.url("")).expect("a URL");
        client.get_connection().expect("it listens")
    }

    /// Returns the connections of a NATS server, by their names.
    pub(crate) fn connections(&self) -> BTreeMap<String, Counts> {
        let answer = http(self.monitor, "/connz?subs=1&limit=10000").expect("an answer");
        let answer: Value = serde_json::from_str(&answer).expect("JSON");
        let connections = answer["connections"].as_array().expect("an array");
        let named = connections.iter().map(|connection| {
            let name = connection["name"].as_str().unwrap_or_default().to_owned();
            let names = connection["subscriptions_list"].as_array().into_iter().flatten();
            let names = names.filter_map(|name| name.as_str().map(str::to_owned));
            let topics = names.filter(|name| name.starts_with(PREFIX) && !name.contains('!'));
            let sent = connection["out_msgs"].as_u64().expect("a number");
            (name, Counts { topics: topics.collect(), sent })
        });
        named.collect()
    }
}

/// The counts of a NATS server for a connection.
#[derive(Debug)]
pub(crate) struct Counts {
    /// The subjects of topics.
    pub(crate) topics: Vec<String>,
    /// The number of messages that the broker has sent on it.
    pub(crate) sent: u64,
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(kind: Kind, port: u16, monitor: u16, arguments: &[String]) -> Child {
    let mut command = match kind {
        Kind::Nats => {
            let mut command = Command::new("nats-server");
            command.args(["-a", "127.0.0.1", "-m", &monitor.to_string(), "-p"]);
            command.arg(port.to_string());
            command
        }
        Kind::Redis => {
            let mut command = Command::new("redis-server");
            command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port"]);
            command.arg(port.to_string());
            command
        }
    };
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

/// Returns the body of a page.
fn http(port: u16, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
    body.ok_or_else(|| io::ErrorKind::InvalidData.into())
}
