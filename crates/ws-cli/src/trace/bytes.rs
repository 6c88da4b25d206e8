//! The bytes of one direction, after the opening handshake.

use std::io::{self, BufRead, Read, Write};
use std::sync::Arc;

use ws_std::wsproto::{Config, Extensions};

use super::decoder::Decoder;
use super::event::TraceEvent;
use super::{End, Outcome};
use crate::terminal::{hex, json};

/// How bytes are decoded.
pub(super) struct How {
    pub(super) to: End,
    pub(super) config: Arc<Config>,
    pub(super) extensions: Extensions,
    /// How many bytes to decode at a time.
    pub(super) chunk: usize,
}

impl How {
    fn decoder(&self) -> Decoder {
        Decoder::new(self.to, Arc::clone(&self.config), self.extensions.clone())
    }
}

/// How many bytes of answers are printed.
const MOST_ANSWERS: usize = 1 << 20;

/// The answers of this end, up to a limit: a file can have any number of Pings.
#[derive(Default)]
struct Answers {
    hex: String,
    more: u64,
}

impl Answers {
    fn add(&mut self, bytes: &[u8]) {
        let room = MOST_ANSWERS.saturating_sub(self.hex.len() / 2).min(bytes.len());
        let (shown, rest) = bytes.split_at(room);
        self.hex.push_str(&hex(shown));
        self.more += rest.len() as u64;
    }

    fn end(self) -> TraceEvent<'static> {
        TraceEvent::End { out: self.hex, more: (self.more > 0).then_some(self.more) }
    }
}

/// Decodes one connection, and prints an event a line. The last one has the answers of this end, to Pings and to a
/// Close.
pub(super) fn trace(
    how: &How,
    mut input: impl BufRead,
    mut print: impl Write,
) -> io::Result<Outcome> {
    let mut decoder = how.decoder();
    let mut answers = Answers::default();
    let mut buffer = vec![0; how.chunk.min(1 << 16)];
    loop {
        let read = input.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        let Some(bytes) = buffer.get_mut(..read) else { break };
        decoder.feed(bytes, |event| writeln!(print, "{}", json(event)?))?;
        print.flush()?;
        answers.add(&decoder.take_out());
    }
    writeln!(print, "{}", json(&answers.end())?)?;
    Ok(outcome(decoder.has_failed()))
}

/// Decodes records, each of which is a connection, and prints a record a line.
pub(super) fn trace_records(
    how: &How,
    mut input: impl BufRead,
    print: impl Write,
) -> io::Result<Outcome> {
    let mut print = io::BufWriter::new(print);
    let mut failed = false;
    while let Some(mut record) = read_record(&mut input)? {
        let mut decoder = how.decoder();
        let mut events = Vec::new();
        for chunk in record.chunks_mut(how.chunk) {
            decoder.feed(chunk, |event| {
                events.push(json(event)?);
                Ok::<_, io::Error>(())
            })?;
        }
        let mut answers = Answers::default();
        answers.add(&decoder.take_out());
        events.push(json(&answers.end())?);
        failed |= decoder.has_failed();
        writeln!(print, "[{}]", events.join(","))?;
    }
    print.flush()?;
    Ok(outcome(failed))
}

const fn outcome(failed: bool) -> Outcome {
    if failed { Outcome::Broken } else { Outcome::Sound }
}

/// Reads a record; `None` at the end of the input.
fn read_record(input: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut len = [0; 4];
    let read = input.by_ref().take(1).read(&mut len)?;
    let Some(rest) = len.get_mut(read..).filter(|_| read > 0) else { return Ok(None) };
    input.read_exact(rest)?;
    let len = u32::from_be_bytes(len);
    let mut record = Vec::new();
    if input.by_ref().take(len.into()).read_to_end(&mut record)? < len as usize {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(record))
}
