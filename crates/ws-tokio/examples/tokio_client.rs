//! A command-line client: sends typed lines and prints the messages it receives, in two tasks.
//!
//! ```text
//! cargo run --release -p ws-tokio --example tokio_client -- ws://127.0.0.1:9003/
//! ```

use std::process::ExitCode;
use std::{io, thread};

use tokio::runtime::Builder;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use ws_demo::{Arguments, Failure, printable};
use ws_tokio::wsproto::{CloseCode, CloseFrame};
use ws_tokio::{Error, Message, Sender, connect};

const USAGE: &str = "\
usage: tokio_client URL

Connects to URL, such as ws://127.0.0.1:9003/, sends each typed line, and prints the messages it
receives. The end of the input (Ctrl-D) closes with 1000.
";

fn main() -> ExitCode {
    ws_demo::main(USAGE, |arguments| {
        Builder::new_current_thread().enable_all().build()?.block_on(run(arguments))
    })
}

async fn run(arguments: &mut Arguments) -> Result<(), Failure> {
    let url: String = arguments.word("URL")?;
    arguments.end()?;
    let (mut receiver, sender) = connect(&url).await?.into_split();
    eprintln!("connected to {url}");
    tokio::spawn(send_lines(typed_lines(), sender.clone()));
    while let Some(message) = receiver.recv().await? {
        match message {
            Message::Text(text) => println!("{}", printable(&text)),
            Message::Binary(bytes) => println!("binary, {} bytes", bytes.len()),
        }
    }
    eprintln!("closed: {}", sender.closed().await);
    Ok(())
}

/// Sends lines until there are no more, or the connection is closed.
async fn send_lines(mut lines: UnboundedReceiver<String>, sender: Sender) -> Result<(), Error> {
    while let Some(line) = lines.recv().await {
        sender.send(line).await?;
    }
    sender.handle().close(CloseFrame::new(CloseCode::NORMAL, "")?)
}

/// Reads lines in a thread of its own, which may wait for one until the program ends.
fn typed_lines() -> UnboundedReceiver<String> {
    let (to, lines) = unbounded_channel();
    thread::spawn(move || {
        io::stdin().lines().map_while(Result::ok).try_for_each(|line| to.send(line))
    });
    lines
}
