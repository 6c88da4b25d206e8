//! `ws URL`: talk in a terminal, or send and receive in a pipe.

use ws_std::Reconnect;

use crate::connection::ConnectionArgs;
use crate::exit::Exit;
use crate::pipe::{self, PipeArgs};

/// The arguments of `ws URL`.
#[derive(clap::Args)]
pub(crate) struct TalkArgs {
    #[command(flatten)]
    pipe: PipeArgs,

    /// Connect again, at most TIMES in a row, after growing random delays
    #[arg(long, value_name = "TIMES", num_args = 0..=1, require_equals = true, default_missing_value = "4294967295")]
    reconnect: Option<u32>,

    #[command(flatten)]
    connection: ConnectionArgs,
}

impl TalkArgs {
    pub(crate) fn run(self, url: &str) -> Exit {
        let prepared = match self.connection.prepare(url) {
            Ok(prepared) => prepared,
            Err(exit) => return exit,
        };
        let reconnect = self.reconnect.map(|times| Reconnect::new().most_failures(times));
        pipe::run(&self.pipe, &prepared, self.connection.verbose, reconnect)
    }
}
