//! The command line.

use clap::CommandFactory;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::bench::BenchArgs;
use crate::check::CheckArgs;
use crate::exit::Exit;
use crate::listen::ListenArgs;
use crate::pages::{CompletionsArgs, ManArgs};
use crate::replay::ReplayArgs;
use crate::talk::TalkArgs;
use crate::trace::TraceArgs;
use crate::values::UNITS;

/// Talk to WebSocket servers: in a terminal, in a pipe, in scripts.
///
/// Exit status: 0 clean, 1 refused, 2 protocol error, 3 connection or output lost, 4 timeout, 5 other answers than recorded,
/// 64 wrong usage, 130 interrupted.
#[derive(clap::Parser)]
#[command(
    name = "ws",
    version,
    after_help = UNITS,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true
)]
pub(crate) struct Cli {
    /// The server, such as ws://localhost:9001/chat or wss://example.com
    #[arg(required = true)]
    url: Option<String>,

    #[command(flatten)]
    talk: TalkArgs,

    #[command(subcommand)]
    command: Option<Command>,
}

/// The other modes.
#[derive(clap::Subcommand)]
enum Command {
    Listen(ListenArgs),
    Replay(Box<ReplayArgs>),
    Trace(TraceArgs),
    Check(CheckArgs),
    Bench(BenchArgs),
    Completions(CompletionsArgs),
    Man(ManArgs),
}

/// Returns a better error about a word too many: clap takes it for a command.
pub(crate) fn explained(error: clap::Error) -> clap::Error {
    let mut command = Cli::command();
    match error.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(word)) if command.find_subcommand(word).is_none() => {
            let line = format!(
                "unexpected argument '{word}': the URL is one word, and an optional value follows '=', as in \
                --reconnect=3"
            );
            command.error(ErrorKind::UnknownArgument, line)
        }
        _ => error,
    }
}

impl Cli {
    pub(crate) fn run(self) -> Exit {
        match self.command {
            Some(Command::Listen(listen)) => listen.run(),
            Some(Command::Replay(replay)) => replay.run(),
            Some(Command::Trace(trace)) => trace.run(),
            Some(Command::Completions(completions)) => completions.run(),
            Some(Command::Man(man)) => man.run(),
            Some(Command::Check(check)) => check.run(),
            Some(Command::Bench(bench)) => bench.run(),
            // clap requires the URL unless there is a command.
            None => self.talk.run(&self.url.unwrap_or_default()),
        }
    }
}
