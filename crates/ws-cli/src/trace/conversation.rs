//! The opening handshake and the frames of one TCP connection, in both directions.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;

use ws_std::wsproto::Config;
use ws_std::wsproto::handshake::{HeadFinder, Request, Response};

use super::decoder::{Decoder, Receiver};
use super::event::TraceEvent;
use super::heads::{HeadFailure, described_request, described_response, extensions, undecodable};
use super::outcome::Failure;
use super::packets::Segment;
use super::printer::Printer;
use super::stream::Stream;

/// The most bytes of one side that wait for the head of the other.
const MOST_HELD: usize = 16 << 20;

/// A TCP connection with a WebSocket.
#[derive(Debug)]
pub(super) struct Conversation {
    config: Arc<Config>,
    /// The end that sent the first captured segment, and the other one.
    sides: [Side; 2],
    /// The index of the client among the sides, once it is known.
    client: Option<usize>,
    request: Option<Request>,
    /// The response that accepts, if it was captured before its request.
    response: Option<Response>,
    broken: bool,
}

/// One end, and what it sends.
#[derive(Debug)]
struct Side {
    address: SocketAddr,
    stream: Stream,
    stage: Stage,
    has_ended: bool,
}

#[derive(Debug)]
enum Stage {
    /// In the head of its request or response; how much of it was examined.
    Head(HeadFinder, Vec<u8>),
    /// After its head, while that of the other side is not known; the bytes after it.
    Waiting(Vec<u8>),
    Frames(Box<Decoder>),
    /// The rest cannot be decoded.
    Over,
}

impl Conversation {
    pub(super) fn new(config: Arc<Config>, first: &Segment<'_>) -> Self {
        let side = |address| Side {
            address,
            stream: Stream::default(),
            stage: Stage::Over,
            has_ended: false,
        };
        let sides = [side(first.from), side(first.to)];
        Self { config, sides, client: None, request: None, response: None, broken: false }
    }

    /// Adds a segment of this connection, and prints what it completes.
    pub(super) fn segment(
        &mut self,
        segment: &Segment<'_>,
        out: &mut Printer<impl Write>,
    ) -> Result<(), Failure> {
        let [first, _] = &self.sides;
        let from = usize::from(segment.from != first.address);
        let mut data = segment.data;
        if segment.syn {
            self.set_client(if segment.ack { 1 - from } else { from });
            self.sides[from].stream.synchronize(segment.data.seq);
            // A SYN has a sequence number of its own, before that of data beside it (TCP Fast Open, RFC 7413).
            data.seq = data.seq.wrapping_add(1);
        }
        let bytes = self.sides[from].stream.push(data);
        if !bytes.is_empty() {
            self.bytes(from, bytes, out)?;
        }
        let ended = match segment.rst {
            true => Some("rst"),
            false => self.sides[from].stream.has_ended().then_some("fin"),
        };
        match ended {
            Some(how) if !self.sides[from].has_ended => {
                self.sides[from].has_ended = true;
                out.emit(self.client == Some(from), &TraceEvent::TcpEnd { how })
            }
            _ => Ok(()),
        }
    }

    fn set_client(&mut self, client: usize) {
        if self.client.is_none() {
            self.client = Some(client);
            let config = (HeadFinder::request(), HeadFinder::response());
            self.sides[client].stage = Stage::Head(config.0, Vec::new());
            self.sides[1 - client].stage = Stage::Head(config.1, Vec::new());
        }
    }

    /// Decodes bytes of one side, in their order.
    fn bytes(
        &mut self,
        from: usize,
        mut bytes: Vec<u8>,
        out: &mut Printer<impl Write>,
    ) -> Result<(), Failure> {
        if self.client.is_none() {
            // The capture began after the SYN: the first bytes tell the ends apart.
            match &bytes[..] {
                [b'H', b'T', b'T', b'P', b'/', ..] => self.set_client(1 - from),
                [first, ..] if first.is_ascii_uppercase() => self.set_client(from),
                _ => return Err(undecodable(&bytes)),
            }
        }
        let is_client = self.client == Some(from);
        match &mut self.sides[from].stage {
            Stage::Head(_, head)
                if is_client
                    && head.is_empty()
                    && !bytes[0].is_ascii_uppercase()
                    && self.response.is_some() =>
            {
                // Its request is not in the capture.
                self.sides[from].stage = Stage::Waiting(bytes);
                self.open(out)
            }
            Stage::Head(finder, head) => {
                if head.is_empty() && !bytes[0].is_ascii_uppercase() {
                    return Err(undecodable(&bytes));
                }
                let before = head.len();
                let found = finder.find(&bytes, &self.config);
                head.append(&mut bytes);
                match found {
                    Ok(Some(len)) => {
                        let rest = head.split_off(before + len);
                        let head = std::mem::take(head);
                        self.head(from, &head, rest, out)
                    }
                    Ok(None) => Ok(()),
                    Err(error) => self.fail(is_client, &HeadFailure::from(error), out),
                }
            }
            Stage::Waiting(held) if held.len() + bytes.len() <= MOST_HELD => {
                held.append(&mut bytes);
                Ok(())
            }
            Stage::Frames(decoder) => {
                decoder.feed(&mut bytes, |event| out.emit(is_client, event))?;
                // Its answers are in the capture already.
                decoder.take_out();
                self.broken |= decoder.has_failed();
                Ok(())
            }
            Stage::Waiting(_) => {
                let line = "the head of the other end is missing in the capture";
                Err(Failure::Input(line.into()))
            }
            Stage::Over => Ok(()),
        }
    }

    /// Takes a complete head, and what follows it.
    fn head(
        &mut self,
        from: usize,
        head: &[u8],
        rest: Vec<u8>,
        out: &mut Printer<impl Write>,
    ) -> Result<(), Failure> {
        let is_client = self.client == Some(from);
        if is_client {
            let request = match Request::parse(head) {
                Ok(request) => request,
                Err(error) => return self.fail(true, &error.into(), out),
            };
            out.emit(true, &described_request(&request))?;
            if let Err(error) = request.check_upgrade() {
                self.fail(true, &error.into(), out)?;
            }
            self.request = Some(request);
            self.sides[from].stage = Stage::Waiting(rest);
            return if self.response.is_some() { self.open(out) } else { Ok(()) };
        }
        let response = match Response::parse(head) {
            Ok(response) => response,
            Err(error) => return self.fail(false, &error.into(), out),
        };
        out.emit(false, &described_response(&response))?;
        match response.status() {
            101 => {
                self.response = Some(response);
                self.sides[from].stage = Stage::Waiting(rest);
                if self.request.is_some() { self.open(out) } else { Ok(()) }
            }
            100..=199 => {
                self.sides[from].stage = Stage::Head(HeadFinder::response(), Vec::new());
                self.bytes_if_any(from, rest, out)
            }
            _ => {
                self.stop();
                Ok(())
            }
        }
    }

    /// Decodes the frames of both sides, once both heads are known, or that the request never will be.
    fn open(&mut self, out: &mut Printer<impl Write>) -> Result<(), Failure> {
        let Some(response) = self.response.take() else { return Ok(()) };
        let extensions = match extensions(self.request.as_ref(), &response) {
            Ok(extensions) => extensions,
            Err(failure) => return self.fail(false, &failure, out),
        };
        let client = self.client.unwrap_or_default();
        for (from, to) in [(client, Receiver::Server), (1 - client, Receiver::Client)] {
            let decoder = Decoder::new(to, Arc::clone(&self.config), extensions.clone());
            let frames = Stage::Frames(Box::new(decoder));
            if let Stage::Waiting(held) = std::mem::replace(&mut self.sides[from].stage, frames) {
                self.bytes_if_any(from, held, out)?;
            }
        }
        Ok(())
    }

    fn bytes_if_any(
        &mut self,
        from: usize,
        bytes: Vec<u8>,
        out: &mut Printer<impl Write>,
    ) -> Result<(), Failure> {
        if bytes.is_empty() { Ok(()) } else { self.bytes(from, bytes, out) }
    }

    /// Prints why an opening handshake fails. Nothing more is decoded.
    fn fail(
        &mut self,
        is_client: bool,
        failure: &HeadFailure,
        out: &mut Printer<impl Write>,
    ) -> Result<(), Failure> {
        self.broken = true;
        self.stop();
        let HeadFailure { rule, text } = failure;
        let (rule, text) = (rule.clone(), text.clone());
        out.emit(is_client, &TraceEvent::Error { rule, close_code: None, text })
    }

    fn stop(&mut self) {
        for side in &mut self.sides {
            side.stage = Stage::Over;
        }
    }

    /// Prints how the capture ends for both sides. Returns what is missing, in words.
    pub(super) fn end(&mut self, out: &mut Printer<impl Write>) -> Result<Option<String>, Failure> {
        let mut incomplete = None;
        for (index, side) in self.sides.iter().enumerate() {
            let is_client = self.client == Some(index);
            let name = if is_client { "client" } else { "server" };
            if let Some((position, bytes)) = side.stream.missing() {
                out.emit(is_client, &TraceEvent::Missing { position, bytes })?;
                incomplete = Some(format!(
                    "{bytes} bytes of the {name} are missing after its first {position}: the capture has lost \
                     packets, or cut them (capture whole packets, with tcpdump -s 0)"
                ));
            } else if matches!(side.stage, Stage::Head(..)) {
                incomplete =
                    incomplete.or(Some(format!("the capture has no complete head of the {name}")));
            }
            if !side.has_ended {
                out.emit(is_client, &TraceEvent::TcpEnd { how: "open" })?;
            }
        }
        Ok(incomplete)
    }

    pub(super) const fn is_broken(&self) -> bool {
        self.broken
    }
}
