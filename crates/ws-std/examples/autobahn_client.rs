//! The client's side of the Autobahn test suite: runs every case of a fuzzing server, echoing.
//!
//! ```text
//! cargo run --release -p ws-std --example autobahn_client -- ws://127.0.0.1:9105 AGENT
//! ```

use std::env;

use ws_std::{Error, Message, connect};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = env::args().skip(1);
    let (Some(server), Some(agent), None) = (arguments.next(), arguments.next(), arguments.next())
    else {
        return Err("usage: autobahn_client URL AGENT".into());
    };
    let server = server.trim_end_matches('/');

    let count = case_count(server)?;
    println!("{count} cases");
    for case in 1..=count {
        if let Err(error) = run_case(&format!("{server}/runCase?case={case}&agent={agent}")) {
            // Many cases are about our noticing what is wrong.
            println!("case {case}: {error}");
        }
    }
    connect(&format!("{server}/updateReports?agent={agent}"))?.wait_closed()?;
    Ok(())
}

fn case_count(server: &str) -> Result<u32, Box<dyn std::error::Error>> {
    let mut ws = connect(&format!("{server}/getCaseCount"))?;
    let count = match ws.recv()? {
        Some(Message::Text(count)) => count.parse()?,
        other => return Err(format!("expected the number of cases, got {other:?}").into()),
    };
    ws.wait_closed()?;
    Ok(count)
}

fn run_case(url: &str) -> Result<(), Error> {
    let mut ws = connect(url)?;
    while let Some(message) = ws.recv()? {
        ws.send(message)?;
    }
    Ok(())
}
