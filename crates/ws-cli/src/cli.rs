//! The command line.

use crate::exit::Exit;
use crate::talk::TalkArgs;

/// Talk to WebSocket servers: in a terminal, in a pipe, in scripts.
///
/// Exit status: 0 clean, 1 refused, 2 protocol error, 3 connection lost, 4 timeout, 64 wrong usage.
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
enum Command {}

impl Cli {
    pub(crate) fn run(self) -> Exit {
        match self.command {
            Some(command) => match command {},
            // clap requires the URL unless there is a command.
            None => self.talk.run(&self.url.unwrap_or_default()),
        }
    }
}
