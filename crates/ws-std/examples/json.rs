//! JSON values instead of strings: a client asks a server for sums.
//!
//! ```text
//! cargo run -p ws-std --features json --example json
//! ```

use std::process::ExitCode;

use serde::{Deserialize, Serialize};
use ws_demo::{Arguments, Failure};
use ws_std::{
    Decision, Error, Message, ServerOptions, WebSocketConnection, WebSocketServer, connect,
};

#[derive(Debug, Deserialize, Serialize)]
struct Question {
    add: Vec<i64>,
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Answer {
    Sum(i64),
    Error(String),
}

const USAGE: &str = "\
usage: json

Starts a server and asks it for sums, in JSON.
";

fn main() -> ExitCode {
    ws_demo::main(USAGE, run)
}

fn run(arguments: &mut Arguments) -> Result<(), Failure> {
    arguments.end()?;
    let server = WebSocketServer::bind("127.0.0.1:0", ServerOptions::new())?;
    let url = format!("ws://{}/", server.local_addr()?);
    let server = server.spawn(|_: &_, _: &_| {
        Decision::accept(|ws: &WebSocketConnection, message: Message| answer(ws, &message))
    })?;

    let mut ws = connect(&url)?;
    ws.send_json(&Question { add: vec![1, 2, 39] })?;
    let sum: Answer = ws.recv()?.ok_or_else(closed)?.json()?;
    println!("{sum:?}");
    assert_eq!(sum, Answer::Sum(42));

    // A message that is not JSON is the application's error; the connection stays open.
    ws.send("what is 1 + 2?")?;
    let message = ws.recv()?.ok_or_else(closed)?;
    println!("{:?}", message.json::<Answer>()?);

    server.handle().terminate(None);
    println!("{:?}", ws.wait_closed()?);
    server.join();
    Ok(())
}

fn closed() -> Failure {
    Failure::other("the server closed the connection")
}

fn answer(ws: &WebSocketConnection, message: &Message) {
    let answer = match message.json() {
        Ok(Question { add }) => Answer::Sum(add.iter().sum()),
        Err(Error::Json(error)) => Answer::Error(error.to_string()),
        Err(error) => Answer::Error(error.to_string()),
    };
    // Fails if the client is gone.
    let _ = ws.send_json(&answer);
}
