//! Decodes a capture: reads a peer's bytes after the opening handshake from standard input, and
//! prints one JSON object for each event.
//!
//! ```text
//! cargo run --release -p wsproto --example trace -- server|client [OPTIONS] < capture
//! ```

use std::io::{self, BufWriter, Read, StdinLock, Write};
use std::num::NonZero;
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::Arc;
use std::{env, fmt};

use wsproto::{Client, Config, Connection, Error, Event, Extensions, Role, Server};

const USAGE: &str = "\
usage: trace server|client [--chunk N] [--max-message N] [--batch] [--deflate PARAMETERS] < capture

Prints a JSON object for each event in a peer's bytes after the opening handshake.

  server           the bytes were sent to a server, by a client
  client           the bytes were sent to a client, by a server
  --chunk N        pass in N bytes at a time
  --max-message N  accept messages of at most N bytes
  --deflate PARAMETERS  the connection compresses: what the response said behind
                   permessage-deflate, such as client_no_context_takeover, or nothing
                   (feature deflate)
  --batch          read records: a 4-byte big-endian length and that many bytes; each record
                   is a separate connection, printed as one line with all its events
";

/// No output is sent, so the masking keys may be the same in every run.
const SEED: [u8; 32] = [0; 32];

struct Options {
    server: bool,
    batch: bool,
    chunk: usize,
    config: Arc<Config>,
    extensions: Extensions,
}

fn main() -> ExitCode {
    if env::args().skip(1).any(|argument| argument == "--help" || argument == "-h") {
        print!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    let options = match options() {
        Ok(options) => options,
        Err(error) => {
            let short = USAGE.lines().next().unwrap_or_default();
            eprintln!("trace: {error}\n{short}");
            return ExitCode::from(2);
        }
    };
    match trace(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("trace: {error}");
            ExitCode::FAILURE
        }
    }
}

fn trace(options: &Options) -> io::Result<()> {
    let input = io::stdin().lock();
    let print = BufWriter::new(io::stdout().lock());
    if options.server {
        run(options, || Server, input, print)
    } else {
        run(options, || Client::from_seed(SEED), input, print)
    }
}

fn run<R: Role>(
    options: &Options,
    role: impl Fn() -> R,
    mut input: StdinLock<'_>,
    mut print: impl Write,
) -> io::Result<()> {
    if options.batch {
        while let Some(mut record) = read_record(&mut input)? {
            let mut trace = Trace::new(role(), options);
            let mut events = Vec::new();
            trace.feed(&mut record, |event| {
                events.push(event);
                Ok(())
            })?;
            events.push(trace.end());
            writeln!(print, "[{}]", events.join(","))?;
        }
    } else {
        let mut trace = Trace::new(role(), options);
        let mut buffer = vec![0; options.chunk.min(1 << 16)];
        loop {
            let read = input.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            trace.feed(&mut buffer[..read], |event| writeln!(print, "{event}"))?;
            print.flush()?;
        }
        writeln!(print, "{}", trace.end())?;
    }
    print.flush()
}

/// A connection and its output.
struct Trace<R> {
    connection: Connection<R>,
    out: Vec<u8>,
    chunk: usize,
    failed: Option<Error>,
}

impl<R: Role> Trace<R> {
    fn new(role: R, options: &Options) -> Self {
        let config = Arc::clone(&options.config);
        let connection = Connection::new(role, config, options.extensions.clone());
        Self { connection, out: Vec::new(), chunk: options.chunk, failed: None }
    }

    fn feed(
        &mut self,
        bytes: &mut [u8],
        mut emit: impl FnMut(String) -> io::Result<()>,
    ) -> io::Result<()> {
        for mut input in bytes.chunks_mut(self.chunk) {
            while self.failed.is_none() {
                match self.connection.next_event(&mut input, &mut self.out) {
                    Ok(Some(event)) => emit(to_json(&event))?,
                    Ok(None) => break,
                    Err(error) => {
                        self.failed = Some(error);
                        let code = u16::from(error.close_code());
                        emit(format!(
                            r#"{{"event":"error","rule":"{error:?}","close_code":{code}}}"#
                        ))?;
                    }
                }
            }
        }
        Ok(())
    }

    fn end(&self) -> String {
        format!(r#"{{"event":"end","out":"{}"}}"#, hex(&self.out))
    }
}

fn to_json(event: &Event<'_>) -> String {
    match event {
        Event::Text(text) => format!(r#"{{"event":"text","data":{}}}"#, quote(text)),
        Event::Binary(bytes) => format!(r#"{{"event":"binary","hex":"{}"}}"#, hex(bytes)),
        Event::Ping(payload) => format!(r#"{{"event":"ping","hex":"{}"}}"#, hex(payload)),
        Event::Pong(payload) => format!(r#"{{"event":"pong","hex":"{}"}}"#, hex(payload)),
        Event::Close(None) => r#"{"event":"close","code":null,"reason":""}"#.into(),
        Event::Close(Some(frame)) => {
            let (code, reason) = (u16::from(frame.code()), quote(frame.reason()));
            format!(r#"{{"event":"close","code":{code},"reason":{reason}}}"#)
        }
    }
}

fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads a record; `None` at the end of the input.
fn read_record(input: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut len = [0; 4];
    let read = input.by_ref().take(4).read(&mut len)?;
    if read == 0 {
        return Ok(None);
    }
    input.read_exact(&mut len[read..])?;
    let len = u32::from_be_bytes(len);
    let mut record = Vec::new();
    if input.by_ref().take(len.into()).read_to_end(&mut record)? < len as usize {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(record))
}

fn options() -> Result<Options, String> {
    let mut arguments = env::args().skip(1);
    let server = match arguments.next().as_deref() {
        Some("server") => true,
        Some("client") => false,
        Some(other) => return Err(format!("{other:?} is neither server nor client")),
        None => return Err("server or client is missing".into()),
    };
    let (mut batch, mut chunk, mut config) = (false, usize::MAX, Config::default());
    #[cfg_attr(not(feature = "deflate"), expect(unused_mut))]
    let mut extensions = Extensions::none();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--batch" => batch = true,
            "--chunk" => chunk = number::<NonZero<usize>>(&argument, arguments.next())?.get(),
            "--max-message" => config.max_message_size = number(&argument, arguments.next())?,
            #[cfg(feature = "deflate")]
            "--deflate" => extensions = deflate(arguments.next())?,
            _ => return Err(format!("unexpected argument {argument:?}")),
        }
    }
    Ok(Options { server, batch, chunk, config: config.into(), extensions })
}

/// Reads the parameters of permessage-deflate as they stand in a response.
#[cfg(feature = "deflate")]
fn deflate(parameters: Option<String>) -> Result<Extensions, String> {
    use wsproto::handshake::{DeflateOffer, Extension};

    let parameters = parameters.ok_or("--deflate needs a value")?;
    let element = match parameters.as_str() {
        "" => "permessage-deflate".into(),
        parameters => format!("permessage-deflate; {parameters}"),
    };
    let wrong = |error: &dyn fmt::Display| format!("--deflate {parameters:?}: {error}");
    let list = Extension::parse_list(&element).map_err(|error| wrong(&error))?;
    let offer = DeflateOffer { client_max_window_bits: Some(None), ..DeflateOffer::default() };
    match &list[..] {
        [one] => Ok(offer.verify(one).map_err(|error| wrong(&error))?.into()),
        _ => Err(wrong(&"several extensions")),
    }
}

fn number<T: FromStr<Err: fmt::Display>>(name: &str, value: Option<String>) -> Result<T, String> {
    let value = value.ok_or_else(|| format!("{name} needs a value"))?;
    value.parse().map_err(|error| format!("{name} cannot be {value:?}: {error}"))
}
