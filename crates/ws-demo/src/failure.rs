//! How a program ends: with status 0, 1 or 2, and one line that says why.

use std::env;
use std::error::Error;
use std::fmt::Display;
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;

use crate::Arguments;

/// Why a program cannot go on. Any [`Error`] becomes one with `?`.
#[derive(Debug)]
pub enum Failure {
    /// The arguments are wrong: status 2, and the usage is printed.
    Usage(String),
    /// Something else: status 1.
    Other(String),
}

impl Failure {
    /// Makes a failure that has nothing to do with the arguments.
    pub fn other(text: impl Display) -> Self {
        Self::Other(text.to_string())
    }
}

// As with `anyhow::Error`: this works because a `Failure` is no `Error` itself.
impl<E: Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::other(error)
    }
}

/// Runs a program: prints `usage` for `--help`, and a failure in one line on standard error. With
/// `RUST_LOG=debug` in the environment, the crates tell what they do.
///
/// The first paragraph of `usage` is repeated for wrong arguments.
pub fn main(usage: &str, run: impl FnOnce(&mut Arguments) -> Result<(), Failure>) -> ExitCode {
    env_logger::init();
    let mut arguments = Arguments::of_this_process();
    if arguments.flag("--help") || arguments.flag("-h") {
        // Whether anybody reads it is not for us to judge: `--help | head`.
        let _ = io::stdout().write_all(usage.as_bytes());
        return ExitCode::SUCCESS;
    }
    let Err(failure) = run(&mut arguments) else { return ExitCode::SUCCESS };
    let name = env::args_os().next().unwrap_or_default();
    let name = Path::new(&name).file_stem().unwrap_or_default().to_string_lossy();
    match failure {
        Failure::Usage(text) => {
            let short = usage.split("\n\n").next().unwrap_or_default().trim_end();
            eprintln!("{name}: {text}\n{short}");
            ExitCode::from(2)
        }
        Failure::Other(text) => {
            eprintln!("{name}: {text}");
            ExitCode::FAILURE
        }
    }
}

/// Says why a server cannot listen, and what can be done. For `map_err`.
pub fn cannot_listen(address: impl Display) -> impl FnOnce(io::Error) -> Failure {
    move |error| match error.kind() {
        ErrorKind::AddrInUse => Failure::other(format_args!(
            "another program listens on {address}: end it, or choose another port (0 is any that is \
             free)"
        )),
        ErrorKind::PermissionDenied => Failure::other(format_args!(
            "{address} is not for everybody to listen on: choose a port from 1024"
        )),
        ErrorKind::AddrNotAvailable => {
            Failure::other(format_args!("{address} is no address of this computer"))
        }
        ErrorKind::InvalidInput => Failure::Usage(format!(
            "{address} is not an address: HOST:PORT is, such as 127.0.0.1:9001"
        )),
        _ => Failure::other(format_args!("cannot listen on {address}: {error}")),
    }
}
