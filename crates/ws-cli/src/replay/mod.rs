//! `ws replay`: plays a recording of `--jsonl`, with its times.

mod comparison;
mod player;
mod recording;
mod speed;

use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use self::comparison::Comparison;
use self::player::{Player, play};
use self::recording::Recording;
use self::speed::{Speed, speed};
use crate::connection::ConnectionArgs;
use crate::exit::{Exit, Status};
use crate::format::Format;
use crate::jsonl::End;
use crate::outlet::Outlet;
use crate::printer::Printer;
use crate::session::{Current, converse};
use crate::values::{UNITS, duration};

/// Play what --jsonl has recorded, with its times: send what the recording's own side has sent, and print what arrives
#[derive(clap::Args, Clone)]
#[command(after_help = UNITS)]
pub(crate) struct ReplayArgs {
    /// The recording: a file with lines of --jsonl
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// The server; by default, the one of the recording
    #[arg(value_name = "URL")]
    url: Option<String>,

    /// Play N times as fast, such as 10 or 0.5; "max" does not wait
    #[arg(long, value_name = "N", default_value = "1", value_parser = speed)]
    speed: Speed,

    /// The side of the recording to play; the own side of "ws listen" is the server
    #[arg(long, value_enum, default_value_t = End::Own)]
    side: End,

    /// The connection of the recording to play: 1 is the first
    #[arg(long, value_name = "N", default_value = "1")]
    connection: NonZero<usize>,

    /// Compare the messages that arrive with those of the recording, in their order; status 5 if they differ
    #[arg(long)]
    compare: bool,

    /// With --compare, the time to wait for missing messages
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = duration, requires = "compare")]
    wait: Duration,

    /// Print each event as a line of JSON
    #[arg(long)]
    jsonl: bool,

    #[command(flatten)]
    options: ConnectionArgs,

    /// Print the heads of request and response, and the body of a refusal
    #[arg(short, long, help_heading = "Connection")]
    verbose: bool,
}

impl ReplayArgs {
    /// Plays a recording.
    pub(crate) fn run(self) -> Exit {
        self.play().unwrap_or_else(|exit| exit)
    }

    fn play(self) -> Result<Exit, Exit> {
        let recording = Recording::new(self.file.clone(), self.connection.get(), self.side);
        let recorded_url = recording.check().map_err(Exit::usage)?;
        let prepared = self.options.prepare(self.url.as_deref().unwrap_or(&recorded_url))?;

        let current = Arc::new(Current::default());
        current.end_on_signals()?;
        let (outlet, writing) = {
            let closing = Arc::clone(&current);
            // The reader of standard output has gone.
            Outlet::stdout(move || closing.end())
        };
        let printer = Printer::new(Format::LINES, self.jsonl, None, Arc::clone(&outlet));
        let comparison = match self.compare {
            true => Some(Arc::new(Comparison::new(recording.steps().map_err(Exit::usage)?))),
            false => None,
        };
        let player = Arc::new(Player::new(printer, comparison.clone(), Arc::clone(&current)));
        let sending = {
            let player = Arc::clone(&player);
            let steps = recording.steps().map_err(Exit::usage)?;
            let (speed, wait) = (self.speed, self.wait);
            thread::spawn(move || play(&player, steps, speed, wait))
        };
        let exit = converse(&prepared, self.verbose, None, &current, &player);
        let exit = outlet.finish(writing, exit);
        // Its waits end with the conversation. A panic of that thread was printed by it.
        let _ = sending.join();
        match comparison.map(|comparison| comparison.verdict()) {
            Some(Err(line)) if exit.status == Status::Clean => {
                Ok(Exit::new(Status::Different, line))
            }
            _ => Ok(exit),
        }
    }
}
