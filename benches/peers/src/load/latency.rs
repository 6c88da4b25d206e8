//! Messages at a given rate, and the time from when each was due to when its echo was received.
//!
//! A message whose connection still waits for an echo leaves late, but its time has begun: a server that stalls delays
//! all messages that were due meanwhile, and each of them counts (the opposite is known as coordinated omission).

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use benches::workload::{Kind, Workload};
use hdrhistogram::Histogram;
use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::fd::OwnedFd;

use super::client::{Client, reply};
use super::process::Server;

/// The connections and bytes of payload: those of the scenario `ii`.
const CONNECTIONS: usize = 100;
const SIZE: usize = 16;

/// The time before anything is counted.
const WARM_UP: Duration = Duration::from_millis(400);

/// How long to wait for the last echoes.
const PATIENCE: Duration = Duration::from_secs(10);

/// The load looks for echoes without waiting: a thread that sleeps wakes up late.
const AT_ONCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

/// The longest time that is told apart from longer ones.
const LONGEST: Duration = Duration::from_secs(60);

/// Percentiles of the time from when a message was due to when its echo was received.
#[derive(Clone, Copy, Debug)]
pub struct Latency {
    /// Half of the messages took no longer.
    pub p50: Duration,
    /// All but one in a hundred took no longer.
    pub p99: Duration,
    /// All but one in a thousand took no longer.
    pub p999: Duration,
}

/// Sends `rate` messages a second, as evenly as the clock allows.
///
/// # Errors
///
/// If the server does not echo, or ends a connection.
pub fn measure(server: &Server, rate: f64, time: Duration) -> io::Result<Latency> {
    let mut load = Load::new(server)?;
    let begin = Instant::now();
    let (counted, end) = (begin + WARM_UP, begin + WARM_UP + time);
    let mut number = 0_u32;
    let mut due = begin;
    while due < end || load.waiting > 0 {
        let now = Instant::now();
        if now > end + PATIENCE {
            return Err(ErrorKind::TimedOut.into());
        }
        while due <= now && due < end {
            load.ask(number as usize % CONNECTIONS, due)?;
            number += 1;
            due = begin + Duration::from_secs_f64(f64::from(number) / rate);
        }
        load.receive(counted)?;
    }
    let at = |quantile| Duration::from_nanos(load.times.value_at_quantile(quantile));
    Ok(Latency { p50: at(0.5), p99: at(0.99), p999: at(0.999) })
}

struct Load {
    epoll: OwnedFd,
    talkers: Vec<Talker>,
    frame: Vec<u8>,
    reply_len: usize,
    /// How many messages are due and not echoed.
    waiting: usize,
    events: Vec<epoll::Event>,
    /// In nanoseconds.
    times: Histogram<u64>,
}

/// One connection, with at most one message on the way.
struct Talker {
    stream: TcpStream,
    /// When the messages were due that have no echo yet: the first is on the way.
    due: VecDeque<Instant>,
    /// Bytes of a reply that has not arrived whole.
    received: usize,
}

impl Load {
    fn new(server: &Server) -> io::Result<Self> {
        let workload = Workload::repeated(Kind::Binary, SIZE, SIZE, 1);
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let mut talkers = Vec::new();
        for at in 0..CONNECTIONS {
            let mut client = Client::connect(server.address)?;
            client.check(SIZE)?;
            let stream = client.stream;
            stream.set_nonblocking(true)?;
            epoll::add(&epoll, &stream, EventData::new_u64(at as u64), EventFlags::IN)?;
            talkers.push(Talker { stream, due: VecDeque::new(), received: 0 });
        }
        let longest = u64::try_from(LONGEST.as_nanos()).map_err(io::Error::other)?;
        let times = Histogram::new_with_bounds(1, longest, 3).map_err(io::Error::other)?;
        Ok(Self {
            epoll,
            talkers,
            reply_len: reply(&workload.payload).len(),
            frame: workload.wire,
            waiting: 0,
            events: Vec::with_capacity(CONNECTIONS),
            times,
        })
    }

    /// Sends the next message of a connection, or has it wait for the echo of the one before.
    fn ask(&mut self, at: usize, due: Instant) -> io::Result<()> {
        let talker = &mut self.talkers[at];
        talker.due.push_back(due);
        self.waiting += 1;
        match talker.due.len() {
            1 => talker.send(&self.frame),
            _ => Ok(()),
        }
    }

    /// Receives the echoes that have arrived. Those of messages that were due from `counted` on are counted.
    fn receive(&mut self, counted: Instant) -> io::Result<()> {
        epoll::wait(&self.epoll, spare_capacity(&mut self.events), Some(&AT_ONCE))?;
        for event in self.events.drain(..) {
            let talker = &mut self.talkers[event.data.u64() as usize];
            let mut buffer = [0; 1024];
            match talker.stream.read(&mut buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(read) => talker.received += read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error),
            }
            if talker.received < self.reply_len {
                continue;
            }
            talker.received -= self.reply_len;
            let due = talker.due.pop_front().ok_or(ErrorKind::InvalidData)?;
            self.waiting -= 1;
            if due >= counted {
                self.times.saturating_record(due.elapsed().as_nanos() as u64);
            }
            if !talker.due.is_empty() {
                talker.send(&self.frame)?;
            }
        }
        Ok(())
    }
}

impl Talker {
    /// The socket has room: nothing else is on the way.
    fn send(&mut self, frame: &[u8]) -> io::Result<()> {
        match self.stream.write(frame)? {
            len if len == frame.len() => Ok(()),
            _ => Err(ErrorKind::WriteZero.into()),
        }
    }
}
