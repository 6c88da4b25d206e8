//! Sending and receiving in a pipe: standard input to messages, messages to standard output.

mod sending;

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use ws_std::Reconnect;

use self::sending::{Sending, Source};
use crate::connection::Prepared;
use crate::exit::Exit;
use crate::format::{Encoding, Format, Frame};
use crate::outlet::Outlet;
use crate::parts::Parts;
use crate::printer::Printer;
use crate::session::{Current, converse};
use crate::values::duration;

/// The arguments of a pipe.
#[derive(clap::Args, Clone)]
#[command(next_help_heading = "Messages")]
pub(crate) struct PipeArgs {
    /// Send this message instead of standard input; repeatable. It is text, unless --binary, --hex or --base64 is there
    #[arg(short = 'x', long = "execute", value_name = "TEXT", allow_hyphen_values = true)]
    texts: Vec<String>,

    /// Close after COUNT received messages; if the peer closes before, the status is 3
    #[arg(short = 'n', long = "count", value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,

    /// Once all is sent, receive for this time before closing, or "forever"; with -n, at most this time
    #[arg(short, long, value_name = "TIME", value_parser = wait)]
    wait: Option<Wait>,

    /// How messages are separated on standard input and output; "lines" by default
    #[arg(long, value_enum)]
    frame: Option<Frame>,

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

/// The time to receive after everything was sent.
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
    /// Returns whether an argument asks for a pipe, also in a terminal.
    pub(crate) const fn is_asked_for(&self) -> bool {
        let encoded = self.binary || self.hex || self.base64;
        !self.texts.is_empty()
            || self.count.is_some()
            || self.wait.is_some()
            || self.frame.is_some()
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
        Format { frame: self.frame.unwrap_or(Frame::Lines), encoding }
    }

    fn source(&self, most: u64) -> Result<Source, Exit> {
        if self.texts.is_empty() {
            return Ok(Source::Stdin(Parts::stdin(self.format(), most)));
        }
        let messages = self.texts.iter().map(|text| self.format().decode(text.clone().into()));
        let messages: Result<_, _> = messages.collect();
        messages.map(Source::Arguments).map_err(|error| Exit::usage(format!("-x: {error}")))
    }
}

/// Sends and receives until the connection is over.
pub(crate) fn run(
    args: &PipeArgs,
    prepared: &Prepared,
    verbose: bool,
    reconnect: Option<Reconnect>,
) -> Exit {
    let longest = prepared.options.config.max_message_size;
    if args.frame == Some(Frame::Length) && longest > u32::MAX.into() {
        return Exit::usage(
            "--frame length has room for 4 bytes: --max-message is at most 4294967295",
        );
    }
    if args.frame.is_some() && args.jsonl && !args.texts.is_empty() {
        return Exit::usage("--frame has no effect with both -x and --jsonl");
    }
    let source = match args.source(longest) {
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
    outlet.finish(writing, printer.exit(exit))
}
