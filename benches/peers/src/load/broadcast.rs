//! One connection publishes, and all of them receive each message; a tenth may read slowly.
//!
//! Every byte that arrives is compared, and every subscriber that is not slow has to receive every message, in order.

mod frames;

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::fd::OwnedFd;
use rustix::net::sockopt::set_socket_recv_buffer_size;

use super::client::Client;
use super::process::Server;

use self::frames::{Publication, Receiver};

/// The messages of a measurement.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Bytes of payload.
    pub size: usize,
    /// How many messages are published together; the next ones follow when all have received them.
    pub in_flight: usize,
}

/// All of them.
pub const LOADS: [Load; 5] = [
    Load { size: 125, in_flight: 1 },
    Load { size: 125, in_flight: 16 },
    Load { size: 4 << 10, in_flight: 1 },
    Load { size: 16 << 10, in_flight: 1 },
    Load { size: 60 << 10, in_flight: 1 },
];

/// How many times messages are published before anything is counted.
const WARM_UP: usize = 2;

/// How many times they are published at least while it is counted.
const AT_LEAST: usize = 3;

/// One subscriber of so many reads slowly.
const SLOW_PART: usize = 10;

/// How many bytes a slow subscriber reads, and how often; its socket holds few.
const SLOW_READ: usize = 4 << 10;
const SLOW_PAUSE: Duration = Duration::from_millis(50);
const SLOW_SOCKET: usize = 16 << 10;

/// How often the slow ones are looked after while the others wait.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 5_000_000 };

/// Longer than any delivery takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// The time in which a message reaches all that are subscribed already.
const SETTLE: Duration = Duration::from_millis(500);

/// The results; deliveries to slow subscribers are not counted.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// How many messages were received in a second.
    pub deliveries_per_second: f64,
    /// How long the server computed for each.
    pub server_time: Duration,
    /// Half of the deliveries took no longer, from publishing the message to having received all of it.
    pub p50: Duration,
    /// All but one in a hundred took no longer.
    pub p99: Duration,
}

/// The subscribers of a server. The first one publishes.
#[derive(Debug)]
pub struct Subscribers {
    epoll: OwnedFd,
    all: Vec<Subscriber>,
    buffer: Vec<u8>,
    /// The number of the last message.
    number: u64,
    /// How many messages the subscribers that are not slow have not received yet.
    missing: usize,
    published: Instant,
    /// The times of deliveries in nanoseconds.
    times: Histogram<u64>,
    /// How many are slow.
    slow: usize,
    slow_read: Instant,
}

#[derive(Debug)]
struct Subscriber {
    stream: TcpStream,
    receiver: Receiver,
    is_slow: bool,
}

impl Subscribers {
    /// Connects so many, and waits until each has received a message.
    ///
    /// # Errors
    ///
    /// If the server does not take them, or does not send them what one of them publishes.
    pub fn connect(server: &Server, count: usize) -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let mut all = Vec::new();
        for at in 0..count {
            let stream = Client::connect(server.address)?.stream;
            stream.set_nonblocking(true)?;
            epoll::add(&epoll, &stream, EventData::new_u64(at as u64), EventFlags::IN)?;
            all.push(Subscriber { stream, receiver: Receiver::default(), is_slow: false });
        }
        let mut subscribers = Self {
            epoll,
            all,
            buffer: vec![0; 256 << 10],
            number: 0,
            missing: 0,
            published: Instant::now(),
            times: Histogram::new(3).map_err(io::Error::other)?,
            slow: 0,
            slow_read: Instant::now(),
        };
        subscribers.settle()?;
        Ok(subscribers)
    }

    /// Publishes until all receive the same message: some servers answer before they subscribe.
    fn settle(&mut self) -> io::Result<()> {
        let mut publication = Publication::new(LOADS[0].size);
        for _ in 0..10 {
            self.publish(&mut publication, 1)?;
            let patience = Instant::now() + SETTLE;
            while self.missing > 0 && Instant::now() < patience {
                self.receive()?;
            }
            let last = self.number;
            if self.all.iter().all(|subscriber| subscriber.receiver.last == last) {
                self.all.iter_mut().for_each(|subscriber| subscriber.receiver.misses_none = true);
                return Ok(());
            }
        }
        Err(io::Error::other("not all subscribers receive what is published"))
    }

    /// Lets a tenth of the subscribers read slowly from now on.
    ///
    /// # Errors
    ///
    /// If the system does not let a socket be changed.
    pub fn slow_down(&mut self) -> io::Result<()> {
        // The first one publishes.
        for subscriber in self.all.iter_mut().skip(1).step_by(SLOW_PART) {
            epoll::delete(&self.epoll, &subscriber.stream)?;
            set_socket_recv_buffer_size(&subscriber.stream, SLOW_SOCKET)?;
            subscriber.receiver.misses_none = false;
            subscriber.is_slow = true;
            self.slow += 1;
        }
        Ok(())
    }

    /// Publishes for so long, at least a few times.
    ///
    /// # Errors
    ///
    /// If a message is not delivered, or anything else is.
    pub fn measure(&mut self, server: &Server, load: Load, time: Duration) -> io::Result<Measured> {
        let mut publication = Publication::new(load.size);
        for _ in 0..WARM_UP {
            self.deliver(&mut publication, load)?;
        }
        self.times.reset();
        let computed = server.time_of_threads()?;
        let start = Instant::now();
        let mut times = 0;
        while times < AT_LEAST || start.elapsed() < time {
            self.deliver(&mut publication, load)?;
            times += 1;
        }
        let elapsed = start.elapsed();
        let computed = server.time_of_threads()? - computed;
        let deliveries = self.times.len() as f64;
        let at = |quantile| Duration::from_nanos(self.times.value_at_quantile(quantile));
        Ok(Measured {
            deliveries_per_second: deliveries / elapsed.as_secs_f64(),
            server_time: computed.div_f64(deliveries),
            p50: at(0.5),
            p99: at(0.99),
        })
    }

    /// Publishes messages, and waits until all have received them that are not slow.
    fn deliver(&mut self, publication: &mut Publication, load: Load) -> io::Result<()> {
        self.publish(publication, load.in_flight)?;
        while self.missing > 0 {
            if self.published.elapsed() > PATIENCE {
                return Err(io::Error::other(format!("{} deliveries are missing", self.missing)));
            }
            self.receive()?;
        }
        Ok(())
    }

    fn publish(&mut self, publication: &mut Publication, count: usize) -> io::Result<()> {
        let frames = publication.frames(self.number + 1, count);
        self.number += count as u64;
        self.missing = (self.all.len() - self.slow) * count;
        self.published = Instant::now();
        // The socket has room: nothing else is on the way.
        let [publisher, ..] = &mut self.all[..] else { return Err(ErrorKind::NotConnected.into()) };
        match publisher.stream.write(frames)? {
            len if len == frames.len() => Ok(()),
            _ => Err(ErrorKind::WriteZero.into()),
        }
    }

    fn receive(&mut self) -> io::Result<()> {
        let mut events = Vec::with_capacity(256);
        epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&LOOK))?;
        for event in events {
            let subscriber = &mut self.all[event.data.u64() as usize];
            let completed = subscriber.receive(&mut self.buffer)?;
            if completed > 0 {
                let time = self.published.elapsed().as_nanos() as u64;
                self.times.record_n(time, completed as u64).map_err(io::Error::other)?;
                // While they settle, one may receive an older message late.
                self.missing = self.missing.saturating_sub(completed);
            }
        }
        if self.slow > 0 && self.slow_read.elapsed() > SLOW_PAUSE {
            self.slow_read = Instant::now();
            for subscriber in self.all.iter_mut().filter(|subscriber| subscriber.is_slow) {
                subscriber.receive(&mut self.buffer[..SLOW_READ])?;
            }
        }
        Ok(())
    }
}

impl Subscriber {
    /// Reads once. Returns how many messages it has received whole.
    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.stream.read(buffer) {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Ok(read) => self.receiver.take(&buffer[..read]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
            Err(error) => Err(error),
        }
    }
}
