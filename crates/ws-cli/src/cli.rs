//! The command line.

use crate::bench::BenchArgs;
use crate::check::CheckArgs;
use crate::exit::Exit;
use crate::listen::ListenArgs;
use crate::pages::{CompletionsArgs, ManArgs};
use crate::replay::ReplayArgs;
use crate::talk::TalkArgs;
use crate::trace::TraceArgs;

/// Talk to WebSocket servers: in a terminal, in a pipe, in scripts.
///
/// Exit status: 0 clean, 1 refused, 2 protocol error, 3 connection or output lost, 4 timeout, 5 other answers than recorded,
/// 64 wrong usage, 130 interrupted.
#[derive(clap::Parser)]
#[command(
    name = "ws",
    version,
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
