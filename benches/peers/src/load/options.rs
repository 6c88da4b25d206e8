//! The options of the programs that put servers under load.

use std::env;
use std::error::Error;
use std::time::Duration;

use crate::servers::Serve;

const USAGE: &str = "options:
  --own NAME=COMMAND   another server; the address to listen on is appended, or takes the place of {}
  --servers NAME,...   only these
  --scenarios NAME,... only these
  --rounds N           how often each is measured (5)
  --seconds N          for how long (1.5)
  --connections N      how many are idle (10000)";

/// The arguments of the command line.
#[derive(Clone, Debug)]
pub struct Options {
    /// Names of servers, and the commands that start them.
    pub servers: Vec<(String, String)>,
    /// Names of scenarios; all if there are none.
    pub scenarios: Vec<String>,
    /// How often each is measured.
    pub rounds: usize,
    /// For how long.
    pub duration: Duration,
    /// How many connections are idle.
    pub connections: usize,
}

impl Options {
    /// Reads the arguments of this process, which can choose from these servers.
    ///
    /// # Errors
    ///
    /// An explanation, if they cannot be understood.
    pub fn from_arguments(known: &[(&str, Serve)]) -> Result<Self, Box<dyn Error>> {
        let program = env::current_exe()?.with_file_name("server");
        let command = |name: &str| format!("{} {name} {{}}", program.display());
        let others = known.iter().map(|(name, _)| (name.to_string(), command(name)));
        let mut options = Self {
            servers: others.collect(),
            scenarios: Vec::new(),
            rounds: 5,
            duration: Duration::from_millis(1500),
            connections: 10_000,
        };
        let mut wanted = Vec::new();
        let mut arguments = env::args().skip(1);
        while let (Some(option), value) = (arguments.next(), arguments.next()) {
            let value = value.ok_or(USAGE)?;
            match option.as_str() {
                "--own" => {
                    let (name, command) = value.split_once('=').ok_or(USAGE)?;
                    options.servers.insert(0, (name.into(), command.into()));
                }
                "--servers" => wanted.extend(value.split(',').map(str::to_owned)),
                "--scenarios" => options.scenarios.extend(value.split(',').map(Into::into)),
                "--rounds" => options.rounds = value.parse()?,
                "--seconds" => options.duration = Duration::from_secs_f64(value.parse()?),
                "--connections" => options.connections = value.parse()?,
                _ => return Err(USAGE.into()),
            }
        }
        if let Some(name) =
            wanted.iter().find(|name| !options.servers.iter().any(|s| s.0 == **name))
        {
            return Err(format!("no server {name}").into());
        }
        options.servers.retain(|(name, _)| wanted.is_empty() || wanted.contains(name));
        Ok(options)
    }
}
