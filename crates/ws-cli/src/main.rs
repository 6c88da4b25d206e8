//! `ws`: a command for people who speak WebSocket. The README has its manual.

mod bench;
mod check;
mod cli;
mod connection;
mod exit;
mod heads;
mod insecure;
mod jsonl;
mod listen;
mod own;
mod pages;
mod pipe;
mod replay;
mod session;
mod signals;
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
                true => ExitCode::from(exit::Status::Usage as u8),
                false => {
                    exit::Exit::from_output(printed).unwrap_or_else(exit::Exit::clean).report()
                }
            }
        }
    }
}
