//! `ws completions` and `ws man`: what a package installs beside the command. Both come from the definition of the
//! arguments.

use std::io::{self, ErrorKind, Write};

use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;

use crate::cli::Cli;
use crate::exit::{Exit, Status};

/// Print the completions for a shell
#[derive(clap::Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Print a man page
#[derive(clap::Args)]
pub(crate) struct ManArgs {
    /// The command, such as listen; by default, the page of ws itself
    command: Option<String>,
}

impl CompletionsArgs {
    pub(crate) fn run(self) -> Exit {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "ws", &mut script);
        print(&script)
    }
}

impl ManArgs {
    pub(crate) fn run(self) -> Exit {
        let mut command = Cli::command();
        // Names the subcommands: ws-listen.
        command.build();
        let page = match &self.command {
            Some(name) => match command.find_subcommand(name) {
                Some(command) => Man::new(command.clone()),
                None => return Exit::usage(format!("there is no command {name:?}")),
            },
            None => Man::new(command),
        };
        let mut text = Vec::new();
        // A Vec takes everything.
        let _ = page.render(&mut text);
        print(&text)
    }
}

fn print(text: &[u8]) -> Exit {
    match io::stdout().write_all(text) {
        // The reader of a pipe has seen enough.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Exit::new(Status::Lost, format!("standard output: {error}"))
        }
        _ => Exit::clean(),
    }
}
