//! Connections that come and go: each shakes hands, has one message echoed, and closes.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use benches::workload::{Kind, Workload};
use hdrhistogram::Histogram;
use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::fd::OwnedFd;
use wsproto::frame::{Header, Opcode};

use super::client::{dial, is_accepted, reply, request};
use super::process::Server;

/// How many connections there are at any time.
const CONNECTIONS: usize = 64;

/// Bytes of payload.
const SIZE: usize = 16;

/// The time before anything is counted.
const WARM_UP: Duration = Duration::from_millis(200);

/// Longer than any connection lives.
const PATIENCE: Timespec = Timespec { tv_sec: 10, tv_nsec: 0 };

const KEY: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

/// A Close with 1000, as the server sends it.
const CLOSE: [u8; 4] = [0x88, 2, 3, 0xE8];

/// The results.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// How many connections were closed in a second.
    pub connections_per_second: f64,
    /// How long the server computed for each.
    pub server_time: Duration,
    /// Half of the connections took no longer, from connecting to the end of the stream.
    pub p50: Duration,
    /// All but one in a hundred took no longer.
    pub p99: Duration,
}

/// Opens and closes connections, some at a time.
///
/// # Errors
///
/// If the server does not take one, does not echo, or does not close.
pub fn measure(server: &Server, time: Duration) -> io::Result<Measured> {
    let mut storm = Storm::new(server)?;
    storm.run_until(Instant::now() + WARM_UP)?;
    storm.times.reset();
    let computed = server.processor_time()?;
    let start = Instant::now();
    storm.run_until(start + time)?;
    let elapsed = start.elapsed();
    let computed = server.processor_time()? - computed;
    let connections = storm.times.len().max(1) as f64;
    let at = |quantile| Duration::from_nanos(storm.times.value_at_quantile(quantile));
    Ok(Measured {
        connections_per_second: connections / elapsed.as_secs_f64(),
        server_time: computed.div_f64(connections),
        p50: at(0.5),
        p99: at(0.99),
    })
}

struct Storm<'s> {
    server: &'s Server,
    epoll: OwnedFd,
    visitors: Vec<Visitor>,
    /// The bytes that a connection sends: its request, its message, its Close.
    sends: [Vec<u8>; 3],
    echo: Vec<u8>,
    /// In nanoseconds.
    times: Histogram<u64>,
}

/// One connection.
struct Visitor {
    stream: TcpStream,
    begun: Instant,
    /// How many of the three were sent.
    sent: usize,
    /// The bytes that have arrived since then.
    received: Vec<u8>,
}

impl<'s> Storm<'s> {
    fn new(server: &'s Server) -> io::Result<Self> {
        let message = Workload::repeated(Kind::Binary, SIZE, SIZE, 1);
        let mut close = Vec::new();
        Header { fin: true, rsv: 0, opcode: Opcode::Close, mask: Some(KEY), len: 2 }
            .encode(&mut close);
        close.extend([CLOSE[2] ^ KEY[0], CLOSE[3] ^ KEY[1]]);
        let mut storm = Self {
            server,
            epoll: epoll::create(CreateFlags::CLOEXEC)?,
            visitors: Vec::new(),
            sends: [request(server.address).into_bytes(), message.wire, close],
            echo: reply(&message.payload),
            times: Histogram::new(3).map_err(io::Error::other)?,
        };
        for at in 0..CONNECTIONS {
            let visitor = storm.begin(at)?;
            storm.visitors.push(visitor);
        }
        Ok(storm)
    }

    fn begin(&self, at: usize) -> io::Result<Visitor> {
        let begun = Instant::now();
        let stream = dial(self.server.address)?;
        stream.set_nonblocking(true)?;
        epoll::add(&self.epoll, &stream, EventData::new_u64(at as u64), EventFlags::IN)?;
        let mut visitor = Visitor { stream, begun, sent: 0, received: Vec::new() };
        visitor.send(&self.sends)?;
        Ok(visitor)
    }

    fn run_until(&mut self, end: Instant) -> io::Result<()> {
        let mut events = Vec::with_capacity(CONNECTIONS);
        while Instant::now() < end {
            epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&PATIENCE))?;
            if events.is_empty() {
                return Err(ErrorKind::TimedOut.into());
            }
            for event in events.drain(..) {
                let at = event.data.u64() as usize;
                if self.visitors[at].goes_on(&self.sends, &self.echo)? {
                    continue;
                }
                let time = self.visitors[at].begun.elapsed();
                self.times.record(time.as_nanos() as u64).map_err(io::Error::other)?;
                // The stream that it replaces is closed, and leaves the epoll.
                self.visitors[at] = self.begin(at)?;
            }
        }
        Ok(())
    }
}

impl Visitor {
    fn send(&mut self, sends: &[Vec<u8>; 3]) -> io::Result<()> {
        // The socket has room: nothing else is on the way.
        self.stream.write_all(&sends[self.sent])?;
        self.sent += 1;
        self.received.clear();
        Ok(())
    }

    /// Receives, and answers what is complete. Returns whether the connection goes on.
    fn goes_on(&mut self, sends: &[Vec<u8>; 3], echo: &[u8]) -> io::Result<bool> {
        let mut buffer = [0; 1024];
        let read = match self.stream.read(&mut buffer) {
            Ok(0) if self.sent == sends.len() && self.received == CLOSE => return Ok(false),
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
            Err(error) => return Err(error),
        };
        self.received.extend_from_slice(&buffer[..read]);
        let complete = match self.sent {
            1 => self.received.ends_with(b"\r\n\r\n"),
            2 => self.received.len() >= echo.len(),
            // The end of the stream follows.
            _ => return Ok(true),
        };
        if !complete {
            return Ok(true);
        }
        let right =
            if self.sent == 1 { is_accepted(&self.received) } else { self.received == echo };
        if !right {
            let received = String::from_utf8_lossy(&self.received);
            return Err(io::Error::other(format!("the server answers {received}")));
        }
        self.send(sends)?;
        Ok(true)
    }
}
