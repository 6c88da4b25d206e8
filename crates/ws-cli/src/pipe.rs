//! Sending and receiving in a pipe: standard input to messages, messages to standard output.

mod format;
mod outlet;
mod printing;
mod sending;
mod source;

use std::io::{BufReader, Stdin};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use ws_std::Reconnect;

use self::format::Encoding;
pub(crate) use self::format::{Format, Frame};
pub(crate) use self::outlet::Outlet;
pub(crate) use self::printing::Printer;
use self::sending::Sending;
pub(crate) use self::source::Parts;
use self::source::Source;
use crate::connection::Prepared;
use crate::exit::Exit;
use crate::session::{Current, converse};
use crate::values::duration;

/// The arguments of a pipe.
#[derive(clap::Args, Clone)]
#[command(next_help_heading = "Messages")]
pub(crate) struct PipeArgs {
    /// Send this message instead of standard input; repeatable. It is text, unless --binary, --hex or --base64 is there
    #[arg(short = 'x', long = "execute", value_name = "TEXT", allow_hyphen_values = true)]
    texts: Vec<String>,

    /// Close after COUNT received messages
    #[arg(short = 'n', long = "count", value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,

    /// Once all is sent, receive for this time before closing, or "forever"; with -n, at most this time
    #[arg(short, long, value_name = "TIME", value_parser = wait)]
    wait: Option<Wait>,

    /// What separates messages, on standard input and output
    #[arg(long, value_enum, default_value_t = Frame::Lines)]
    frame: Frame,

    /// Send binary messages: the bytes of standard input, whatever they are
    #[arg(short, long, group = "encoding")]
    binary: bool,

    /// Send and print binary messages as hexadecimal digits
    #[arg(long, group = "encoding")]
    hex: bool,

    /// Send and print binary messages as Base64
    #[arg(long, group = "encoding")]
    base64: bool,

    /// Print each event as a line of JSON: open, message, ping, pong, close, error
    #[arg(long)]
    jsonl: bool,
}

/// How long to receive after everything was sent.
#[derive(Clone, Copy)]
struct Wait(Duration);

/// Parses a time, or `forever`. For clap.
fn wait(text: &str) -> Result<Wait, String> {
    match text {
        "forever" => Ok(Wait(Duration::MAX)),
        text => duration(text).map(Wait),
    }
}

impl PipeArgs {
    /// Returns whether one of the arguments is meant for scripts, also in a terminal.
    pub(crate) const fn is_asked_for(&self) -> bool {
        let encoded = self.binary || self.hex || self.base64;
        !self.texts.is_empty()
            || self.count.is_some()
            || self.wait.is_some()
            || self.jsonl
            || encoded
    }

    fn format(&self) -> Format {
        let encoding = match self {
            Self { hex: true, .. } => Encoding::Hex,
            Self { base64: true, .. } => Encoding::Base64,
            Self { binary: true, .. } => Encoding::Binary,
            _ => Encoding::Text,
        };
        Format { frame: self.frame, encoding }
    }

    fn source(&self, most: u64) -> Result<Source, Exit> {
        if self.texts.is_empty() {
            return Ok(Source::stdin(self.format(), most));
        }
        let messages = self.texts.iter().map(|text| self.format().decode(text.clone().into()));
        let messages: Result<_, _> = messages.collect();
        messages.map(Source::Arguments).map_err(|error| Exit::usage(format!("-x: {error}")))
    }
}

/// Returns the lines of standard input as texts of at most `most` bytes.
pub(crate) fn lines_of_stdin(most: u64) -> Parts<BufReader<Stdin>> {
    Parts::stdin(Format::LINES, most)
}

/// Sends and receives until the connection is over.
pub(crate) fn run(
    args: &PipeArgs,
    prepared: &Prepared,
    verbose: bool,
    reconnect: Option<Reconnect>,
) -> Exit {
    let source = match args.source(prepared.options.config.max_message_size) {
        Ok(source) => source,
        Err(exit) => return exit,
    };
    let current = Arc::new(Current::default());
    if let Err(exit) = current.end_on_signals() {
        return exit;
    }
    let (outlet, writing) = {
        let closing = Arc::clone(&current);
        // The reader of standard output has gone.
        Outlet::stdout(move || closing.end())
    };
    let printer = Printer::new(args.format(), args.jsonl, args.count, Arc::clone(&outlet));
    let printer = Arc::new(printer);
    let sending = Sending {
        current: Arc::clone(&current),
        printer: Arc::clone(&printer),
        count: args.count,
        wait: args.wait.map(|wait| wait.0),
    };
    // It may wait for standard input until the process ends.
    thread::spawn(move || sending.run(source));
    let exit = converse(prepared, verbose, reconnect, &current, &printer);
    outlet.finish(writing, exit)
}
