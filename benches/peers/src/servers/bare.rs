//! A bound, not a product: the least that an echo has to do on epoll. One buffer for everybody,
//! whole messages, unmasked, texts validated, all replies to a read written at once; no check of
//! anything else.

use std::io::{self, ErrorKind, Read, Write};
use std::mem;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::fd::OwnedFd;
use rustix::net::sockopt::set_socket_reuseport;
use rustix::net::{AddressFamily, SocketType, bind, listen as listen_on, socket};
use wsproto::handshake::accept_key;
use wsproto::mask::Mask;

use super::{Start, announce};

/// The most bytes of a read.
const BUFFER: usize = 512 << 10;

/// How many connections may wait to be accepted.
const BACKLOG: i32 = 1024;

/// Beyond any connection's.
const LISTENER: u64 = u64::MAX;

/// Each thread has a loop and a listener, between which the system distributes connections.
pub(super) fn serve(start: Start) -> io::Result<()> {
    let first = listen(start.address)?;
    let address = first.local_addr()?;
    for _ in 1..start.threads {
        let listener = listen(address)?;
        thread::Builder::new().spawn(|| run(listener))?;
    }
    announce(address)?;
    run(first)
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None)?;
    set_socket_reuseport(&socket, true)?;
    bind(&socket, &address)?;
    listen_on(&socket, BACKLOG)?;
    let listener = TcpListener::from(socket);
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn run(listener: TcpListener) -> io::Result<()> {
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    epoll::add(&epoll, &listener, EventData::new_u64(LISTENER), EventFlags::IN)?;
    let mut connections: Vec<Option<Box<Connection>>> = Vec::new();
    let mut events = Vec::with_capacity(1024);
    let (mut buffer, mut out) = (vec![0; BUFFER], Vec::new());
    loop {
        epoll::wait(&epoll, spare_capacity(&mut events), None)?;
        for event in events.drain(..) {
            if event.data.u64() == LISTENER {
                accept(&listener, &epoll, &mut connections)?;
                continue;
            }
            let at = event.data.u64() as usize;
            let Some(slot) = connections.get_mut(at) else { continue };
            let Some(connection) = slot else { continue };
            out.clear();
            match connection.serve(&mut buffer, &mut out) {
                Ok(true) => connection.register(&epoll, at)?,
                Ok(false) | Err(_) => *slot = None,
            }
        }
    }
}

fn accept(
    listener: &TcpListener,
    epoll: &OwnedFd,
    connections: &mut Vec<Option<Box<Connection>>>,
) -> io::Result<()> {
    loop {
        let stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        let at = connections.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
        epoll::add(epoll, &stream, EventData::new_u64(at as u64), EventFlags::IN)?;
        connections.truncate(at);
        connections.push(Some(Box::new(Connection::new(stream))));
    }
}

struct Connection {
    stream: TcpStream,
    open: bool,
    waits_to_write: bool,
    /// The beginning of a frame.
    partial: Vec<u8>,
    /// The end of the bytes that could not be written.
    unsent: Vec<u8>,
}

impl Connection {
    fn new(stream: TcpStream) -> Self {
        let (partial, unsent) = (Vec::new(), Vec::new());
        Self { stream, open: false, waits_to_write: false, partial, unsent }
    }

    /// Reads once and replies; returns whether the connection goes on.
    fn serve(&mut self, buffer: &mut [u8], out: &mut Vec<u8>) -> io::Result<bool> {
        if !self.unsent.is_empty() {
            let unsent = mem::take(&mut self.unsent);
            self.write(&unsent)?;
            return Ok(true);
        }
        if self.partial.is_empty() {
            let read = self.stream.read(buffer)?;
            let input = &mut buffer[..read];
            if read == 0 {
                return Ok(false);
            }
            let used = if self.open { echo(input, out)? } else { self.handshake(input, out) };
            let rest = &input[used..];
            if !rest.is_empty() {
                self.partial.reserve_exact(frame_size(rest).unwrap_or(0).max(rest.len()));
                self.partial.extend_from_slice(rest);
            }
        } else {
            // Large messages are read to where they are needed.
            let whole = frame_size(&self.partial).unwrap_or(0);
            self.partial.reserve(whole.saturating_sub(self.partial.len()).max(64));
            if rustix::io::read(&self.stream, spare_capacity(&mut self.partial))? == 0 {
                return Ok(false);
            }
            if self.partial.len() >= whole {
                let used = echo(&mut self.partial, out)?;
                self.partial.drain(..used);
                if self.partial.is_empty() {
                    self.partial = Vec::new();
                }
            }
        }
        self.write(out)?;
        Ok(true)
    }

    fn handshake(&mut self, input: &[u8], out: &mut Vec<u8>) -> usize {
        let head = String::from_utf8_lossy(input);
        let key = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("sec-websocket-key").then(|| value.trim())
        });
        let accept = accept_key(key.unwrap_or_default());
        out.extend_from_slice(
            format!(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                 Sec-WebSocket-Accept: {accept}\r\n\r\n"
            )
            .as_bytes(),
        );
        self.open = true;
        input.len()
    }

    fn write(&mut self, out: &[u8]) -> io::Result<()> {
        if out.is_empty() {
            return Ok(());
        }
        let written = match self.stream.write(out) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            result => result?,
        };
        self.unsent.extend_from_slice(&out[written..]);
        Ok(())
    }

    /// Waits to write while something is unsent, and to read otherwise.
    fn register(&mut self, epoll: &OwnedFd, at: usize) -> io::Result<()> {
        let waits_to_write = !self.unsent.is_empty();
        if waits_to_write != self.waits_to_write {
            self.waits_to_write = waits_to_write;
            let interest = if waits_to_write { EventFlags::OUT } else { EventFlags::IN };
            epoll::modify(epoll, &self.stream, EventData::new_u64(at as u64), interest)?;
        }
        Ok(())
    }
}

/// Echoes all frames that are whole; returns how many bytes they were.
fn echo(input: &mut [u8], out: &mut Vec<u8>) -> io::Result<usize> {
    let mut used = 0;
    while let Some(size) = frame_size(&input[used..]).filter(|size| used + size <= input.len()) {
        let frame = &mut input[used..used + size];
        let (header, len) = parse(frame).unwrap_or_default();
        let (header, payload) = frame.split_at_mut(header);
        let [.., a, b, c, d] = *header else { break };
        Mask::new([a, b, c, d]).apply(payload);
        match header[0] & 0x0F {
            0x1 if simdutf8::basic::from_utf8(payload).is_err() => return Err(ended()),
            0x8 => return Err(ended()),
            _ => {}
        }
        out.push(header[0]);
        match len {
            0..126 => out.push(len as u8),
            126..0x1_0000 => {
                out.push(126);
                out.extend_from_slice(&(len as u16).to_be_bytes());
            }
            _ => {
                out.push(127);
                out.extend_from_slice(&(len as u64).to_be_bytes());
            }
        }
        out.extend_from_slice(payload);
        used += size;
    }
    Ok(used)
}

fn ended() -> io::Error {
    ErrorKind::ConnectionAborted.into()
}

/// The size of the frame that begins here, once that is known.
fn frame_size(bytes: &[u8]) -> Option<usize> {
    parse(bytes).map(|(header, payload)| header + payload)
}

/// The sizes of a masked frame's header and payload.
fn parse(bytes: &[u8]) -> Option<(usize, usize)> {
    match *bytes {
        [_, 0xFE, a, b, ..] => Some((8, u16::from_be_bytes([a, b]).into())),
        [_, 0xFF, a, b, c, d, e, f, g, h, ..] => {
            Some((14, u64::from_be_bytes([a, b, c, d, e, f, g, h]) as usize))
        }
        [_, 0xFE | 0xFF, ..] => None,
        [_, len, ..] => Some((6, usize::from(len & 0x7F))),
        _ => None,
    }
}
