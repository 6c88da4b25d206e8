//! Compressed messages back and forth as fast as the server can.
//!
//! The client has compressed its messages beforehand and does not inflate the replies: it has one processor, as
//! the server has, and must not be the slower of both. Each connection repeats a series of messages, the first of
//! which refers to none, so that the series may follow itself whatever was agreed. All replies to the first
//! series are inflated and compared.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::fd::OwnedFd;
use wsproto::DeflateTools;

use super::compressing::Compressing;
use super::process::Server;
use crate::json::json;

/// The time before anything is counted.
const WARM_UP: Duration = Duration::from_millis(300);

/// Longer than any echo takes.
const PATIENCE: Timespec = Timespec { tv_sec: 10, tv_nsec: 0 };

/// How many connections there are, each with one message on the way.
const CONNECTIONS: usize = 10;

/// Bytes of payload of all messages of a series together: more than any window.
const SERIES: usize = 256 << 10;

/// Bytes of payload.
pub const SIZES: [usize; 3] = [125, 1 << 10, 16 << 10];

/// The results.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// How long a message took, with all connections together.
    pub time_per_message: Duration,
    /// Bytes of the server's frames, without their headers, for each byte of payload.
    pub ratio: f64,
}

/// Puts the server under load.
///
/// # Errors
///
/// If the server does not agree to compress like that, does not echo, or ends a connection.
pub fn measure(
    server: &Server,
    takeover: bool,
    size: usize,
    time: Duration,
) -> io::Result<Measured> {
    let mut load = Load::new(server, takeover, size)?;
    load.run_until(Instant::now() + WARM_UP)?;
    (load.messages, load.bytes) = (0, 0);
    let start = Instant::now();
    load.run_until(start + time)?;
    let messages = load.messages.max(1) as f64;
    Ok(Measured {
        time_per_message: start.elapsed().div_f64(messages),
        ratio: load.bytes as f64 / (messages * size as f64),
    })
}

struct Load {
    epoll: OwnedFd,
    talkers: Vec<Talker>,
    messages: usize,
    bytes: usize,
}

/// One connection.
struct Talker {
    stream: TcpStream,
    /// The frames of a series.
    frames: Vec<Vec<u8>>,
    next: usize,
    /// The part of a reply that has arrived.
    reply: Vec<u8>,
}

impl Load {
    fn new(server: &Server, takeover: bool, size: usize) -> io::Result<Self> {
        let messages: Vec<String> = (0..SERIES / size).map(|seed| json(seed, size)).collect();
        let (epoll, mut tools) = (epoll::create(CreateFlags::CLOEXEC)?, DeflateTools::new());
        let mut talkers = Vec::new();
        for at in 0..CONNECTIONS {
            let mut client = Compressing::connect(server.address, takeover)?;
            let frames = messages.iter().map(|message| client.check(&mut tools, message));
            let frames = frames.collect::<io::Result<_>>()?;
            let stream = client.stream;
            epoll::add(&epoll, &stream, EventData::new_u64(at as u64), EventFlags::IN)?;
            talkers.push(Talker { stream, frames, next: 0, reply: Vec::new() });
        }
        for talker in &mut talkers {
            talker.send()?;
        }
        Ok(Self { epoll, talkers, messages: 0, bytes: 0 })
    }

    fn run_until(&mut self, end: Instant) -> io::Result<()> {
        let mut buffer = vec![0; 64 << 10];
        let mut events = Vec::with_capacity(CONNECTIONS);
        while Instant::now() < end {
            epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&PATIENCE))?;
            if events.is_empty() {
                return Err(ErrorKind::TimedOut.into());
            }
            for event in events.drain(..) {
                let talker = &mut self.talkers[event.data.u64() as usize];
                if let Some(bytes) = talker.receive(&mut buffer)? {
                    self.messages += 1;
                    self.bytes += bytes;
                    talker.send()?;
                }
            }
        }
        Ok(())
    }
}

impl Talker {
    /// Reads once; returns the length of the payload when the reply is complete.
    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        let read = self.stream.read(buffer)?;
        if read == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        self.reply.extend_from_slice(&buffer[..read]);
        let (header, payload) = match self.reply[..] {
            [_, len @ ..=125, ..] => (2, len.into()),
            [_, 126, high, low, ..] => (4, u16::from_be_bytes([high, low]).into()),
            [_] | [_, 126, ..] => return Ok(None),
            _ => return Err(io::Error::other("a reply is too long")),
        };
        if self.reply.len() > header + payload {
            return Err(io::Error::other("there are more replies than messages"));
        }
        let complete = self.reply.len() == header + payload;
        if complete {
            self.reply.clear();
        }
        Ok(complete.then_some(payload))
    }

    fn send(&mut self) -> io::Result<()> {
        self.stream.write_all(&self.frames[self.next])?;
        self.next = (self.next + 1) % self.frames.len();
        Ok(())
    }
}
