//! How a program ends: exit status 0, 1 or 2, and a one-line message.

use std::env;
use std::error::Error;
use std::fmt::Display;
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;

use crate::Arguments;

/// The reason a program fails. `?` converts any [`Error`].
#[derive(Debug)]
pub enum Failure {
    /// Wrong arguments: status 2, and the usage is printed.
    Usage(String),
    /// Any other failure: status 1.
    Other(String),
}

impl Failure {
    /// Creates a failure that is not about the arguments.
    pub fn other(text: impl Display) -> Self {
        Self::Other(text.to_string())
    }
}

// As with `anyhow::Error`, this is possible because `Failure` does not implement `Error`.
impl<E: Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::other(error)
    }
}

/// Runs a program: prints `usage` for `--help`, and a failure as one line on standard error. Wrong
/// arguments also print the first paragraph of `usage`. With `RUST_LOG=debug` in the environment, the
/// crates log their steps.
pub fn main(usage: &str, run: impl FnOnce(&mut Arguments) -> Result<(), Failure>) -> ExitCode {
    env_logger::init();
    let mut arguments = Arguments::of_this_process();
    if arguments.flag("--help") || arguments.flag("-h") {
        // Fails if the reader is gone, as in `--help | head`.
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

/// Explains why a server cannot listen, and what to do. For `map_err`.
pub fn cannot_listen(address: impl Display) -> impl FnOnce(io::Error) -> Failure {
    move |error| match error.kind() {
        ErrorKind::AddrInUse => Failure::other(format_args!(
            "another program listens on {address}: end it, or choose another port (0 is any that is \
             free)"
        )),
        ErrorKind::PermissionDenied => Failure::other(format_args!(
            "no permission to listen on {address}: choose a port from 1024"
        )),
        ErrorKind::AddrNotAvailable => {
            Failure::other(format_args!("{address} is not an address of this computer"))
        }
        ErrorKind::InvalidInput => Failure::Usage(format!(
            "{address} is not an address: HOST:PORT is, such as 127.0.0.1:9001"
        )),
        _ => Failure::other(format_args!("cannot listen on {address}: {error}")),
    }
}
