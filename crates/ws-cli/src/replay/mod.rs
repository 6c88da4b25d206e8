//! `ws replay`: plays what `--jsonl` has recorded, with its times.

mod comparison;
mod player;
mod recording;

use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use self::comparison::Comparison;
use self::player::{Player, play};
use self::recording::Recording;
use crate::connection::ConnectionArgs;
use crate::exit::{Exit, Status};
use crate::jsonl::End;
use crate::pipe::{Format, Outlet, Printer};
use crate::session::{Current, converse};
use crate::signals;
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

    /// Play so many times as fast, such as 10 or 0.5; "max" does not wait
    #[arg(long, value_name = "N", default_value = "1", value_parser = speed)]
    speed: Speed,

    /// Which side of the recording to play; the own side of "ws listen" is the server
    #[arg(long, value_enum, default_value_t = End::Own)]
    side: End,

    /// Which connection of the recording to play: 1 is the first
    #[arg(long, value_name = "N", default_value = "1")]
    connection: NonZero<usize>,

    /// Compare the messages that arrive with those of the recording, in their order; status 5 if they differ
    #[arg(long)]
    compare: bool,

    /// With --compare, how long to wait for messages that are missing
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = duration)]
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

/// How many times as fast; `None` does not wait.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Speed(Option<f64>);

impl Speed {
    /// Returns when something happens that the recording has `at` this time.
    fn scaled(self, at: Duration) -> Duration {
        match self.0 {
            // A time that is too long for a number never comes.
            Some(speed) => {
                Duration::try_from_secs_f64(at.as_secs_f64() / speed).unwrap_or(Duration::MAX)
            }
            None => Duration::ZERO,
        }
    }
}

/// Parses a speed. For clap.
fn speed(text: &str) -> Result<Speed, String> {
    match (text, text.parse::<f64>()) {
        ("max", _) => Ok(Speed(None)),
        (_, Ok(speed)) if speed.is_finite() && speed > 0.0 => Ok(Speed(Some(speed))),
        _ => Err("not a number above 0, or max".into()),
    }
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
        let ending = Arc::clone(&current);
        signals::on_first(move || ending.end())?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_scaled() {
        let second = Duration::from_secs(1);
        for (text, scaled) in [("1", 1000), ("10", 100), ("0.5", 2000), ("max", 0)] {
            let speed = speed(text).expect("a speed");
            assert_eq!(speed.scaled(second), Duration::from_millis(scaled), "{text}");
        }
        assert_eq!(speed("1e-300").expect("slow").scaled(second), Duration::MAX);
        for text in ["0", "-1", "", "fast", "inf", "NaN"] {
            assert!(speed(text).is_err(), "{text}");
        }
    }
}
