//! `ws trace`: decodes captured bytes, and prints a JSON object for each event.

mod bytes;
mod conversation;
mod conversations;
mod decoder;
mod event;
mod heads;
mod packets;
mod pcap;
mod printer;
mod stream;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, StdoutLock, Write};
use std::num::NonZero;
use std::path::PathBuf;

use ws_std::wsproto::handshake::{DeflateOffer, Extension};
use ws_std::wsproto::{Config, Extensions};

use crate::exit::{Exit, Status};
use crate::values::size;

/// Decode a capture of packets, or the bytes of one direction, and print a line of JSON for each event
#[derive(clap::Args, Debug)]
pub(crate) struct TraceArgs {
    /// A pcap or pcapng file with TCP connections, or the bytes of one direction after the opening handshake (see
    /// --to); "-" is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// The file has bytes that were sent to this end
    #[arg(long, value_name = "END")]
    to: Option<End>,

    /// The connection compresses: what the response said behind permessage-deflate, such as
    /// "client_no_context_takeover", or nothing
    #[arg(long, value_name = "PARAMETERS", value_parser = deflate, requires = "to")]
    deflate: Option<Extensions>,

    /// Decode N bytes at a time
    #[arg(long, value_name = "N", requires = "to")]
    chunk: Option<NonZero<usize>>,

    /// The file has records: a 4-byte big-endian length and that many bytes. Each is a connection of its own, and is
    /// printed as one line with all its events
    #[arg(long, requires = "to")]
    batch: bool,

    /// Which TCP connection of a pcap file to decode: 1 is the first
    #[arg(long, value_name = "N", default_value = "1", conflicts_with = "to")]
    connection: NonZero<usize>,

    /// The longest message to decode, in bytes, or with K, M or G: 64K, 1M
    #[arg(long, value_name = "BYTES", default_value = "64M", value_parser = size)]
    max_message: u64,
}

/// An end of a connection.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Sent by a client
    Server,
    /// Sent by a server
    Client,
}

impl TraceArgs {
    /// Prints the events of a file.
    pub(crate) fn run(self) -> Exit {
        let name = self.file.display().to_string();
        let mut input = match self.open() {
            Ok(input) => input,
            Err(error) => return Exit::usage(format!("cannot read {name}: {error}")),
        };
        let config = Config::new().max_message_size(self.max_message);
        let out = Out(io::stdout().lock());
        let ended = match (pcap::is_pcap(&mut input), self.to) {
            (Err(error), _) => Err(error.into()),
            (Ok(true), None) => pcap::trace(input, config, self.connection.get(), out),
            (Ok(true), Some(_)) => Err(Failure::Input("it is a pcap file: leave out --to".into())),
            (Ok(false), None) => Err(Failure::Input(
                "it is no pcap file; for the bytes of one direction say --to server or --to client"
                    .into(),
            )),
            (Ok(false), Some(to)) => self.trace_bytes(to, config, input, out).map_err(Into::into),
        };
        match ended {
            Ok(Outcome::Sound) => Exit::clean(),
            Ok(Outcome::Broken) => Exit::new(Status::Protocol, ""),
            Ok(Outcome::Incomplete(line)) => Exit::new(Status::Lost, format!("{name}: {line}")),
            Err(Failure::Input(line)) => Exit::usage(format!("{name}: {line}")),
            // The reader of a pipe has seen enough.
            Err(Failure::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => Exit::clean(),
            Err(Failure::Io(error)) => Exit::new(Status::Lost, format!("{name}: {error}")),
        }
    }

    fn open(&self) -> io::Result<Input> {
        let input: Box<dyn Read + Send> = match self.file.as_os_str() == "-" {
            true => Box::new(io::stdin()),
            false => Box::new(File::open(&self.file)?),
        };
        Ok(BufReader::with_capacity(1 << 16, input))
    }

    fn trace_bytes(
        &self,
        to: End,
        config: Config,
        input: impl BufRead,
        out: impl Write,
    ) -> io::Result<Outcome> {
        let how = bytes::How {
            to,
            config: config.into(),
            extensions: self.deflate.clone().unwrap_or_default(),
            chunk: self.chunk.map_or(usize::MAX, NonZero::get),
        };
        match self.batch {
            true => bytes::trace_records(&how, input, out),
            false => bytes::trace(&how, input, out),
        }
    }
}

/// Standard output, whose errors say so.
struct Out(StdoutLock<'static>);

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map_err(of_output)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush().map_err(of_output)
    }
}

fn of_output(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::Interrupted => error,
        kind => io::Error::new(kind, format!("standard output: {error}")),
    }
}

type Input = BufReader<Box<dyn Read + Send>>;

/// What a capture contains.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// Everything follows the rules.
    Sound,
    /// An end broke a rule; the event says which.
    Broken,
    /// Bytes are missing.
    Incomplete(String),
}

/// Why a capture cannot be decoded.
#[derive(Debug)]
enum Failure {
    /// The file is not what it should be.
    Input(String),
    Io(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Reads the parameters of permessage-deflate as they stand in a response.
fn deflate(parameters: &str) -> Result<Extensions, String> {
    let element = match parameters {
        "" => "permessage-deflate".into(),
        parameters => format!("permessage-deflate; {parameters}"),
    };
    let list = Extension::parse_list(&element).map_err(|error| error.to_string())?;
    let offer = DeflateOffer { client_max_window_bits: Some(None), ..DeflateOffer::default() };
    match &list[..] {
        [one] => Ok(offer.verify(one).map_err(|error| error.to_string())?.into()),
        _ => Err("several extensions".into()),
    }
}
