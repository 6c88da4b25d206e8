//! `ws completions` and `ws man`: what a package installs beside the command. Both come from the definition of the
//! arguments.

use clap::Command;
use clap_complete::Shell;
use clap_mangen::Man;

use crate::exit::Exit;
use crate::stdout;

/// Prints the completions for a shell.
#[derive(clap::Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints a man page.
#[derive(clap::Args)]
pub(crate) struct ManArgs {
    /// The command, such as listen; by default, the page of ws itself
    command: Option<String>,
}

impl CompletionsArgs {
    pub(crate) fn run(self, mut ws: Command) -> Exit {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut ws, "ws", &mut script);
        print(&script)
    }
}

impl ManArgs {
    pub(crate) fn run(self, mut ws: Command) -> Exit {
        // Names the subcommands: ws-listen.
        ws.build();
        let page = match &self.command {
            Some(name) => match ws.find_subcommand(name) {
                Some(command) => Man::new(command.clone()),
                None => return Exit::usage(format!("there is no command {name:?}")),
            },
            None => Man::new(ws),
        };
        let mut text = Vec::new();
        // A Vec takes everything.
        let _ = page.render(&mut text);
        print(&text)
    }
}

fn print(text: &[u8]) -> Exit {
    match stdout::print(|to| to.write_all(text)) {
        Ok(()) => Exit::clean(),
        Err(exit) => exit,
    }
}
