//! `ws completions` and `ws man`: what a package installs beside the command. Both come from the definition of the
//! arguments.

use std::io::{self, Write};

use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;

use crate::cli::Cli;
use crate::exit::Exit;

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
        let (mut script, mut command) = (Vec::new(), Cli::command());
        clap_complete::generate(self.shell, &mut command, "ws", &mut script);
        let better = match self.shell {
            Shell::Zsh => with_commands_first(&String::from_utf8_lossy(&script), &command),
            _ => None,
        };
        print(better.as_ref().map_or(&script, |better| better.as_bytes()))
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

/// Lets the first word be a command or a URL. The script for zsh takes it for the URL, and completes no command. `None` if
/// the script is not as expected.
fn with_commands_first(script: &str, command: &clap::Command) -> Option<String> {
    let names: Vec<_> = command.get_subcommands().map(clap::Command::get_name).collect();
    let (before, rest) = script.split_once("':url -- ")?;
    let (_, after) = rest.split_once('\n')?;
    let (head, body) = before.split_once("_ws() {\n")?;
    // A command that is complete is no URL.
    let first = format!(
        "    local -a url\n    case $words[2] in\n        ({}) (( CURRENT > 2 )) || url=(':URL:_ws_commands') ;;\n        \
        (*) url=(':URL:_ws_commands') ;;\n    esac\n",
        names.join("|")
    );
    // The command is the first word, or the second one after a URL.
    let after = after.replace("$line[2]", "$line[$((1 + $#url))]");
    Some(format!("{head}_ws() {{\n{first}{body}\"${{url[@]}}\" \\\n{after}"))
}

fn print(text: &[u8]) -> Exit {
    let mut out = io::stdout();
    let written = out.write_all(text).and_then(|()| out.flush());
    Exit::from_output(written).unwrap_or_else(Exit::clean)
}
