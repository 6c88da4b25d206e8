//! A client that subscribes, connects again when the connection ends, and subscribes anew.
//!
//! ```text
//! cargo run --release -p ws-std --example subscriber
//! ```
//!
//! The server is in `ws_demo::prices`.

use std::process::ExitCode;

use ws_demo::prices::{self, PRICES, Restarting, TOPIC};
use ws_demo::{Arguments, Failure};
use ws_std::wsproto::handshake::ClientRequest;
use ws_std::{ServerOptions, WebSocketServer, reconnect};

const USAGE: &str = "\
usage: subscriber

Starts a server that restarts after each price, and a client that subscribes to three prices.
";

fn main() -> ExitCode {
    ws_demo::main(USAGE, run)
}

fn run(arguments: &mut Arguments) -> Result<(), Failure> {
    arguments.end()?;
    let server = WebSocketServer::bind("127.0.0.1:0", ServerOptions::new())?;
    let url = format!("ws://{}/", server.local_addr()?);
    let server = server.spawn(Restarting)?;

    let request = ClientRequest::parse(&url)?;
    let (options, policy) = (prices::options(), prices::policy());
    let mut received = 0;
    let end = reconnect(&request, options, policy, prices::tell, |ws| {
        ws.send_text(TOPIC)?; // on each connection
        for message in &mut *ws {
            println!("{}", message?.as_text().unwrap_or("binary"));
            received += 1;
            if received == PRICES {
                // Closing is final.
                return Ok(());
            }
        }
        Ok(())
    })?;
    println!("{end}");
    assert_eq!(received, PRICES);
    server.handle().terminate(None);
    server.join();
    Ok(())
}
