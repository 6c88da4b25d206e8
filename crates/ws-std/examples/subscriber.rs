//! A client that subscribes, connects again when the connection ends, and subscribes anew.
//!
//! ```text
//! cargo run --release -p ws-std --example subscriber
//! ```

use std::process::ExitCode;
use std::time::Duration;

use ws_demo::{Arguments, Failure};
use ws_std::wsproto::handshake::ClientRequest;
use ws_std::wsproto::{CloseCode, KeepAlive};
use ws_std::{
    ClientOptions, Decision, Reconnect, ReconnectEvent, ServerOptions, WebSocketServer, handler,
    reconnect,
};

/// The topic to subscribe to, and the number of prices to wait for.
const TOPIC: &str = "gold";
const PRICES: usize = 3;

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
    let server = server.spawn(|_: &_, _: &_| {
        Decision::accept(handler(|ws, message| {
            // These fail if the client is gone.
            let _ = ws.send_text(&format!("{}: 1234", message.as_text().unwrap_or("?")));
            let _ = ws.terminate(CloseCode::SERVICE_RESTART, "");
        }))
    })?;

    let request = ClientRequest::parse(&url)?;
    let keep_alive = KeepAlive::new(Duration::from_secs(30), Duration::from_secs(30));
    let options = ClientOptions::new().keep_alive(Some(keep_alive));
    let policy = Reconnect::new().delays(Duration::from_millis(100), Duration::from_secs(10));
    let tell = |event| match event {
        ReconnectEvent::Waiting { delay, cause, .. } => println!("{cause}; again in {delay:?}"),
        event => println!("{event:?}"),
    };
    let mut prices = 0;
    let end = reconnect(&request, options, policy.most_failures(10), tell, |ws| {
        ws.send_text(TOPIC)?; // on each connection
        for message in &mut *ws {
            println!("{}", message?.as_text().unwrap_or("binary"));
            prices += 1;
            if prices == PRICES {
                // Closing is final.
                return Ok(());
            }
        }
        Ok(())
    })?;
    println!("{end}");
    assert_eq!(prices, PRICES);
    server.handle().terminate(None);
    server.join();
    Ok(())
}
