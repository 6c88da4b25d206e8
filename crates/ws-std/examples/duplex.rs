//! One thread receives while two others send on the same connection to an echo server.
//!
//! ```text
//! cargo run --release -p ws-std --example duplex
//! ```

use std::net::TcpListener;
use std::process::ExitCode;
use std::thread;

use ws_demo::{Arguments, Failure};
use ws_std::wsproto::CloseFrame;
use ws_std::{Error, Message, accept, connect};

const MESSAGES: usize = 1000;

const USAGE: &str = "\
usage: duplex

Starts an echo server and sends it 2000 messages from two threads while a third receives.
";

fn main() -> ExitCode {
    ws_demo::main(USAGE, run)
}

fn run(arguments: &mut Arguments) -> Result<(), Failure> {
    arguments.end()?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("ws://{}/", listener.local_addr()?);
    let server = thread::spawn(move || echo(&listener));

    let mut ws = connect(&url)?;
    println!("connected to {url}");

    let senders = ["Hello".to_owned(), "long ".repeat(10_000)].map(|text| {
        let writer = ws.handle();
        thread::spawn(move || (0..MESSAGES).try_for_each(|_| writer.send_text(&text).map(drop)))
    });

    // Sending and receiving do not wait for each other.
    let (mut short, mut long) = (0, 0);
    while short + long < 2 * MESSAGES {
        match ws.recv()? {
            Some(Message::Text(text)) if text == "Hello" => short += 1,
            Some(Message::Text(text)) if text.len() == 50_000 => long += 1,
            other => panic!("a message was changed or lost: {other:?}"),
        }
    }
    for sender in senders {
        sender.join().expect("a sender does not panic")?;
    }
    println!("received {short} short and {long} long messages");
    assert_eq!((short, long), (MESSAGES, MESSAGES));

    ws.close(CloseFrame::normal("done")?)?;
    let info = ws.wait_closed()?;
    println!("closed with {}, cleanly: {}", info.code, info.was_clean);
    assert!(info.was_clean);

    let echoed = server.join().expect("the server does not panic")?;
    println!("the server has echoed {echoed} messages");
    assert_eq!(echoed, 2 * MESSAGES);
    Ok(())
}

/// Serves one client; returns how many messages were echoed.
fn echo(listener: &TcpListener) -> Result<usize, Error> {
    let (stream, _) = listener.accept()?;
    let mut ws = accept(stream)?;
    let mut echoed = 0;
    while let Some(message) = ws.recv()? {
        ws.send(message)?;
        echoed += 1;
    }
    Ok(echoed)
}
