//! Messages back and forth as fast as the server can, over connections that are all busy.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use benches::workload::{Kind, Workload};
use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::fd::OwnedFd;

use super::client::{Client, reply};
use super::process::{Server, our_processor_time};
use super::sealed::Line;
use super::tls::Tls;
use crate::servers::OWN_LOOP;

/// The time before anything is counted.
const WARM_UP: Duration = Duration::from_millis(400);

/// Longer than any echo takes.
const PATIENCE: Timespec = Timespec { tv_sec: 10, tv_nsec: 0 };

/// The load of one measurement.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// The name in results.
    pub name: &'static str,
    /// How many connections there are that send.
    pub connections: usize,
    /// How many others are open, and silent.
    pub idle: usize,
    /// How many messages each has on the way at any time.
    pub depth: usize,
    /// Bytes of payload.
    pub size: usize,
    /// How many threads the server has.
    pub threads: usize,
}

/// All of them with one thread.
const WITH_ONE_THREAD: [Scenario; 6] = [
    Scenario { name: "i", connections: 1, idle: 0, depth: 1, size: 16, threads: 1 },
    Scenario { name: "ii", connections: 100, idle: 0, depth: 1, size: 16, threads: 1 },
    Scenario { name: "iii", connections: 100, idle: 0, depth: 16, size: 125, threads: 1 },
    Scenario { name: "iv", connections: 10, idle: 0, depth: 1, size: 16 << 10, threads: 1 },
    Scenario { name: "v", connections: 1, idle: 0, depth: 1, size: 1 << 20, threads: 1 },
    Scenario { name: "vi", connections: 1000, idle: 9000, depth: 1, size: 16, threads: 1 },
];

/// The same with two.
const WITH_TWO_THREADS: [Scenario; 6] = {
    let mut scenarios = WITH_ONE_THREAD;
    let names = ["i-2", "ii-2", "iii-2", "iv-2", "v-2", "vi-2"];
    let mut at = 0;
    while at < names.len() {
        scenarios[at].name = names[at];
        scenarios[at].threads = 2;
        at += 1;
    }
    scenarios
};

/// Returns all of them: those with two threads at the end.
pub fn scenarios() -> impl Iterator<Item = Scenario> {
    WITH_ONE_THREAD.into_iter().chain(WITH_TWO_THREADS)
}

/// The results.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// How many messages came back in a second.
    pub messages_per_second: f64,
    /// How long the server computed for each.
    pub server_time_per_message: Duration,
    /// How long the load computed for each.
    pub load_time_per_message: Duration,
    /// How long a message was on the way there and back, if there was one at a time on each connection.
    pub round_trip: Option<RoundTrip>,
}

/// Percentiles of the time from sending a message to having received it.
#[derive(Clone, Copy, Debug)]
pub struct RoundTrip {
    /// Half of the messages took no longer.
    pub p50: Duration,
    /// All but one in a hundred took no longer.
    pub p99: Duration,
}

impl RoundTrip {
    fn of(mut times: Vec<Duration>) -> Option<Self> {
        times.sort_unstable();
        let part = |percent| times.get(times.len() * percent / 100).copied();
        Some(Self { p50: part(50)?, p99: part(99)? })
    }
}

impl Scenario {
    /// Returns whether the server can run it: [`OWN_LOOP`] has one thread, and looks at each of its connections.
    #[must_use]
    pub fn suits(&self, server: &str) -> bool {
        self.threads == 1 && self.idle == 0 || server != OWN_LOOP
    }
}

/// Puts the server under load.
///
/// # Errors
///
/// If the server does not echo, or ends a connection.
pub fn measure(server: &Server, scenario: Scenario, time: Duration) -> io::Result<Measured> {
    measure_over(None, server, scenario, time)
}

/// As [`measure`], over TLS if there is a configuration of it.
///
/// # Errors
///
/// As [`measure`].
pub fn measure_over(
    tls: Option<&Tls>,
    server: &Server,
    scenario: Scenario,
    time: Duration,
) -> io::Result<Measured> {
    let mut load = Load::new(tls, server, scenario)?;
    load.run_until(Instant::now() + WARM_UP)?;
    load.messages = 0;
    load.round_trips.clear();
    let (ours, computed) = (our_processor_time()?, server.processor_time()?);
    let start = Instant::now();
    load.run_until(start + time)?;
    let elapsed = start.elapsed();
    let computed = server.processor_time()? - computed;
    let ours = our_processor_time()? - ours;
    let messages = load.messages.max(1) as f64;
    Ok(Measured {
        messages_per_second: messages / elapsed.as_secs_f64(),
        server_time_per_message: computed.div_f64(messages),
        load_time_per_message: ours.div_f64(messages),
        round_trip: RoundTrip::of(load.round_trips),
    })
}

struct Load {
    epoll: OwnedFd,
    talkers: Vec<Talker>,
    /// Connections that are open, and silent.
    _idle: Vec<Client>,
    /// As many frames as a connection has on the way.
    frames: Vec<u8>,
    frame_len: usize,
    reply_len: usize,
    messages: usize,
    /// Whether each connection has one message on the way, so that a reply belongs to the last one sent.
    one_at_a_time: bool,
    round_trips: Vec<Duration>,
}

/// One connection. All frames are alike, so a count of bytes says where in them it is.
struct Talker {
    line: Line,
    /// Bytes of frames that are to be sent.
    owed: usize,
    /// Bytes of a reply that has not arrived whole.
    received: usize,
    waits_to_write: bool,
    /// When the last message was sent.
    sent: Instant,
}

impl Load {
    fn new(tls: Option<&Tls>, server: &Server, scenario: Scenario) -> io::Result<Self> {
        let Scenario { connections, idle, depth, size, .. } = scenario;
        let connect = |_| Client::connect(server.address);
        let idle = (0..idle).map(connect).collect::<io::Result<_>>()?;
        let workload = Workload::repeated(Kind::Binary, size, size, 1);
        let frame_len = workload.wire.len();
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let mut talkers = Vec::new();
        for at in 0..connections {
            let line = match tls {
                Some(tls) => {
                    let mut client = tls.connect(server.address)?;
                    client.check(size)?;
                    tls.take_over(client)?
                }
                None => {
                    let mut client = Client::connect(server.address)?;
                    client.check(size)?;
                    Line::Plain(client.stream)
                }
            };
            line.tcp().set_nonblocking(true)?;
            epoll::add(&epoll, line.tcp(), EventData::new_u64(at as u64), EventFlags::IN)?;
            let owed = depth * frame_len;
            let sent = Instant::now();
            talkers.push(Talker { line, owed, received: 0, waits_to_write: false, sent });
        }
        let frames = workload.wire.repeat(depth);
        let reply_len = reply(&workload.payload).len();
        let mut load = Self {
            epoll,
            talkers,
            _idle: idle,
            frames,
            frame_len,
            reply_len,
            messages: 0,
            one_at_a_time: depth == 1,
            round_trips: Vec::new(),
        };
        for at in 0..connections {
            load.send(at)?;
        }
        Ok(load)
    }

    fn run_until(&mut self, end: Instant) -> io::Result<()> {
        let mut buffer = vec![0; 1 << 20];
        let mut events = Vec::with_capacity(256);
        while Instant::now() < end {
            epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&PATIENCE))?;
            if events.is_empty() {
                return Err(ErrorKind::TimedOut.into());
            }
            for event in events.drain(..) {
                let at = event.data.u64() as usize;
                self.receive(at, &mut buffer)?;
                self.send(at)?;
            }
        }
        Ok(())
    }

    fn receive(&mut self, at: usize, buffer: &mut [u8]) -> io::Result<()> {
        let talker = &mut self.talkers[at];
        match talker.line.read(buffer) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(read) => talker.received += read,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        let replies = talker.received / self.reply_len;
        talker.received %= self.reply_len;
        talker.owed += replies * self.frame_len;
        self.messages += replies;
        if self.one_at_a_time && replies > 0 {
            let now = Instant::now();
            self.round_trips.push(now - talker.sent);
            talker.sent = now;
        }
        Ok(())
    }

    fn send(&mut self, at: usize) -> io::Result<()> {
        let talker = &mut self.talkers[at];
        while talker.owed > 0 {
            // Part of the first frame may be sent already.
            let sent = (self.frame_len - talker.owed % self.frame_len) % self.frame_len;
            let rest = &self.frames[sent..];
            match talker.line.write(&rest[..rest.len().min(talker.owed)]) {
                Ok(written) => talker.owed -= written,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        let waits_to_write = talker.owed > 0;
        if waits_to_write != talker.waits_to_write {
            talker.waits_to_write = waits_to_write;
            let also = if waits_to_write { EventFlags::OUT } else { EventFlags::empty() };
            let data = EventData::new_u64(at as u64);
            epoll::modify(&self.epoll, talker.line.tcp(), data, EventFlags::IN | also)?;
        }
        Ok(())
    }
}
