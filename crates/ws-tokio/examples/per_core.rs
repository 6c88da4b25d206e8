//! A server with a runtime for each processor: every connection stays on the thread that has accepted it.
//!
//! ```text
//! cargo run --release -p ws-tokio --example per_core -- 127.0.0.1:9003
//! ```

use std::process::ExitCode;
use std::thread;

use ws_demo::{Arguments, Failure, cannot_listen, on_ctrl_c};
use ws_tokio::{Decision, Message, ServerOptions, WebSocketConnection, serve_per_core};

const USAGE: &str = "\
usage: per_core ADDRESS [--threads COUNT]

Answers every text at ADDRESS (such as 127.0.0.1:9003; port 0 selects a free port) with the thread that serves
the connection, and the text.

  --threads COUNT  run COUNT threads with a runtime each (default: the number of processors)

Ctrl-C closes all connections with 1001.
";

fn main() -> ExitCode {
    ws_demo::main(USAGE, run)
}

fn run(arguments: &mut Arguments) -> Result<(), Failure> {
    let threads = arguments.option("--threads")?;
    let threads = threads.map_or_else(|| thread::available_parallelism().map(Into::into), Ok)?;
    let address: String = arguments.word("ADDRESS")?;
    arguments.end()?;

    let decide = |_: &_, _: &_| Decision::accept(answer);
    let running = serve_per_core(&*address, threads, ServerOptions::new(), decide)
        .map_err(cannot_listen(&address))?;
    let server = running.handle().clone();
    let address = server.local_addr().map_or(address, |address| address.to_string());
    on_ctrl_c(move || server.terminate(None))?;
    println!("listening on {address} with {threads} threads");
    running.join();
    Ok(())
}

fn answer(ws: &WebSocketConnection, message: Message) {
    let text = match message {
        Message::Text(text) => text,
        Message::Binary(_) => "a binary message".into(),
    };
    // Fails if the connection is closing.
    let _ = ws.send(format!("{:?}: {text}", thread::current().id()));
}
