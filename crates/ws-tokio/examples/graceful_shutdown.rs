//! A server that says goodbye: at Ctrl-C it stops accepting, closes all connections with code 1012, and waits.
//!
//! ```text
//! cargo run --release -p ws-tokio --example graceful_shutdown -- 127.0.0.1:9003
//! ```

use std::process::ExitCode;
use std::time::Duration;

use tokio::runtime::Builder;
use ws_demo::{Arguments, Failure, cannot_listen, on_ctrl_c};
use ws_tokio::wsproto::CloseCode;
use ws_tokio::{Error, Incoming, Listener, ServerOptions};

const USAGE: &str = "\
usage: graceful_shutdown ADDRESS

Greets every client at ADDRESS (such as 127.0.0.1:9003), and tells it the time it has been connected for
with each message. Ctrl-C closes all connections with 1012, and waits for at most 5 s.
";

fn main() -> ExitCode {
    ws_demo::main(USAGE, |arguments| {
        Builder::new_multi_thread().enable_all().build()?.block_on(run(arguments))
    })
}

async fn run(arguments: &mut Arguments) -> Result<(), Failure> {
    let address: String = arguments.word("ADDRESS")?;
    arguments.end()?;
    let bound = Listener::bind(&address, ServerOptions::new()).await;
    let mut listener = bound.map_err(cannot_listen(&address))?;
    let server = listener.handle().clone();
    on_ctrl_c(move || {
        // It fails only for codes that may not be sent.
        let patience = Some(Duration::from_secs(5));
        let _ = server.terminate_with(CloseCode::SERVICE_RESTART, "restarting", patience);
    })?;
    println!("listening on {}", listener.local_addr().map_or(address, |local| local.to_string()));
    loop {
        match listener.accept().await {
            Ok(Some(incoming)) => drop(tokio::spawn(serve(incoming))),
            Ok(None) => break,
            // The next call waits for a moment.
            Err(error) => eprintln!("cannot accept: {error}"),
        }
    }
    println!("closing {} connections", listener.handle().stats().open);
    listener.ended().await;
    println!("done");
    Ok(())
}

async fn serve(incoming: Incoming) -> Result<(), Error> {
    let mut ws = incoming.accept().await?;
    let opened = tokio::time::Instant::now();
    ws.send("Welcome").await?;
    while ws.recv().await?.is_some() {
        ws.send(format!("{:?}", opened.elapsed())).await?;
    }
    Ok(())
}
