//! Echoes every message, with handlers or with a task of the application's for each connection.
//!
//! ```text
//! cargo run --release -p ws-tokio --example tokio_echo_server -- 127.0.0.1:9003 [--async] \
//!     [--threads COUNT] [--max-message BYTES] [--tls CERT.pem KEY.pem] [--deflate new|frugal|dense]
//! ```

use std::process::ExitCode;

use tokio::runtime::Builder;
use ws_demo::{Arguments, Failure, cannot_listen, on_ctrl_c};
use ws_tokio::{
    Decision, Error, Incoming, Listener, Message, ServerOptions, ServerTls, WebSocketConnection,
    serve_per_core,
};

const USAGE: &str = "\
usage: tokio_echo_server ADDRESS [--async] [--threads COUNT] [--max-message BYTES]
                         [--tls CERT.pem KEY.pem] [--deflate new|frugal|dense]

Echoes every message, at ADDRESS (such as 127.0.0.1:9003; port 0 selects a free port).

  --async                 receive and send in a task for each connection, instead of handlers
  --threads COUNT         run COUNT threads (default: 1): with a runtime each, or with --async
                          the workers of one runtime
  --max-message BYTES     refuse longer messages with 1009 (default: 64 MiB)
  --deflate HOW           compress messages: new, frugal or dense (feature deflate)
  --tls CERT.pem KEY.pem  serve wss://, with this certificate and its private key

Ctrl-C closes all connections with 1001.
";

fn main() -> ExitCode {
    ws_demo::main(USAGE, run)
}

fn run(arguments: &mut Arguments) -> Result<(), Failure> {
    let threads = arguments.option("--threads")?.unwrap_or(1);
    let max_message = arguments.option("--max-message")?.unwrap_or(64 << 20);
    let mut options = ServerOptions::new().max_message_size(max_message);
    #[cfg(feature = "deflate")]
    {
        options = options.deflate(arguments.option("--deflate")?);
    }
    let tls = arguments.values("--tls")?;
    let takes_messages = arguments.flag("--async");
    let address: String = arguments.word("ADDRESS")?;
    arguments.end()?;

    if let Some([certificate, key]) = tls {
        options = options.tls(ServerTls::from_pem_files(certificate, key)?);
    }
    match takes_messages {
        true => take_messages(&address, threads, options),
        false => handle_messages(&address, threads, options),
    }
}

fn handle_messages(address: &str, threads: usize, options: ServerOptions) -> Result<(), Failure> {
    let decide = |_: &_, _: &_| Decision::accept(echo);
    let running =
        serve_per_core(address, threads, options, decide).map_err(cannot_listen(address))?;
    let server = running.handle().clone();
    let local = server.local_addr();
    on_ctrl_c(move || server.terminate(None))?;
    println!("listening on {}", local.map_or_else(|| address.into(), |local| local.to_string()));
    running.join();
    Ok(())
}

fn echo(ws: &WebSocketConnection, message: Message) {
    // Sending fails only if the connection is closing. There is always room for one reply per message: the
    // server does not read from a client that does not read.
    let _ = ws.send(message);
}

fn take_messages(address: &str, threads: usize, options: ServerOptions) -> Result<(), Failure> {
    let runtime = match threads {
        1 => Builder::new_current_thread().enable_all().build()?,
        _ => Builder::new_multi_thread().worker_threads(threads).enable_all().build()?,
    };
    runtime.block_on(async {
        let bound = Listener::bind(address, options).await;
        let mut listener = bound.map_err(cannot_listen(address))?;
        let (server, local) = (listener.handle().clone(), listener.local_addr());
        on_ctrl_c(move || server.terminate(None))?;
        println!(
            "listening on {}",
            local.map_or_else(|| address.into(), |local| local.to_string())
        );
        loop {
            match listener.accept().await {
                Ok(Some(incoming)) => drop(tokio::spawn(echo_all(incoming))),
                Ok(None) => break,
                // The next call waits for a moment.
                Err(error) => eprintln!("cannot accept: {error}"),
            }
        }
        listener.ended().await;
        Ok(())
    })
}

async fn echo_all(incoming: Incoming) -> Result<(), Error> {
    let mut ws = incoming.accept().await?;
    while let Some(message) = ws.recv().await? {
        ws.send(message).await?;
    }
    Ok(())
}
