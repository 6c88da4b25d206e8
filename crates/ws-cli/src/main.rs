//! `ws`: a command for people who speak WebSocket. The README has its manual.

mod bench;
mod check;
mod cli;
mod connection;
mod exit;
mod extensions;
mod format;
mod heads;
mod hex;
mod insecure;
mod jsonl;
mod listen;
mod outlet;
mod ownership;
mod pages;
mod parts;
mod pipe;
mod place;
mod printer;
mod recorder;
mod replay;
mod sender;
mod session;
mod signals;
mod stdout;
mod talk;
mod terminal;
mod trace;
mod values;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    env_logger::init();
    match cli::Cli::try_parse() {
        Ok(cli) => cli.run().report(),
        Err(error) => {
            let error = cli::explained(error);
            let printed = error.print();
            match error.use_stderr() {
                true => exit::Exit::usage("").report(),
                false => {
                    exit::Exit::from_output(printed).unwrap_or_else(exit::Exit::clean).report()
                }
            }
        }
    }
}
