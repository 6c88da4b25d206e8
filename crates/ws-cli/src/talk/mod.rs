//! `ws URL`: a dialogue in a terminal, or messages through a pipe.

mod commands;
mod dialogue;
mod mode;
mod screen;
mod typing;

use std::io::{IsTerminal, stderr, stdin, stdout};
use std::sync::Arc;
use std::thread;

use ws_std::Reconnect;

use self::dialogue::Dialogue;
use self::mode::Mode;
use self::screen::Screen;
use self::typing::Typing;
use crate::connection::{ConnectionArgs, Prepared};
use crate::exit::Exit;
use crate::outlet::Outlet;
use crate::pipe::{self, PipeArgs};
use crate::session::{Current, converse};
use crate::terminal::{Colours, printable};

/// The arguments of `ws URL`.
#[derive(clap::Args)]
pub(crate) struct TalkArgs {
    #[command(flatten)]
    pipe: PipeArgs,

    /// Connect again, at most TIMES in a row, after growing random delays
    #[arg(long, value_name = "TIMES", num_args = 0..=1, require_equals = true, default_missing_value = "4294967295")]
    reconnect: Option<u32>,

    /// In a terminal: neither read nor write the history of typed lines
    #[arg(long)]
    no_history: bool,

    #[command(flatten)]
    connection: ConnectionArgs,

    /// Print the heads of request and response, and the body of a refusal
    #[arg(short, long, help_heading = "Connection")]
    verbose: bool,
}

impl TalkArgs {
    pub(crate) fn run(self, url: &str) -> Exit {
        let prepared = match self.connection.prepare(url) {
            Ok(prepared) => prepared,
            Err(exit) => return exit,
        };
        let verbose = self.verbose;
        let reconnect = self.reconnect.map(|times| Reconnect::new().most_failures(times));
        let in_terminal = stdin().is_terminal() && stdout().is_terminal();
        if !in_terminal || self.pipe.is_asked_for() {
            return pipe::run(&self.pipe, &prepared, verbose, reconnect);
        }
        self.talk(&prepared, reconnect).unwrap_or_else(|exit| exit)
    }

    /// Talks until the connection is over. An error is a terminal that cannot be used.
    fn talk(&self, prepared: &Prepared, reconnect: Option<Reconnect>) -> Result<Exit, Exit> {
        let current = Arc::new(Current::default());
        current.end_on_signals()?;
        let mode = Mode::save();
        let mut typing = Typing::new(!self.no_history)?;
        let screen = Screen(typing.printer()?);
        let (outlet, writing) = Outlet::to(screen, || ());
        let (colours, patience) = (Colours::of(&stdout()), self.connection.timeout);
        let (typed, printed) = (Arc::clone(&current), Arc::clone(&outlet));
        let dialogue = Arc::new(Dialogue::new(typed, printed, colours, patience));
        let typist = Arc::clone(&dialogue);
        // It may wait for a line until the process ends.
        thread::spawn(move || typist.type_lines(typing));
        let mut exit = converse(prepared, self.verbose, reconnect, &current, &dialogue);
        if stderr().is_terminal() && !exit.line.is_empty() {
            // The line editor may still draw: it prints the last line, too, and so in order.
            let line = format!("ws: {}\n", printable(&exit.line));
            outlet.push_event(|out| out.extend_from_slice(line.as_bytes()));
            exit.line.clear();
        }
        let exit = outlet.finish(writing, exit);
        mode.restore();
        Ok(exit)
    }
}
