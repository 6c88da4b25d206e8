//! A server that obeys commands, on any adapter.

use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use conformance::adapters::Tokio;
use ws_common::wsproto::{Config, KeepAlive};
use ws_common::{Decision, IncomingRequest, ServerOptions, ServerTls};
use ws_std::{Stream, accept_with};

use crate::obey::{Ends, Obey, admit, welcome};
use crate::{Outcome, fragments};

/// Serves with `ws-std`, one thread per connection.
pub(crate) fn run(address: &str, tls: Option<&ServerTls>) -> Outcome {
    let listener = TcpListener::bind(address)?;
    println!("listening on {}", listener.local_addr()?);
    io::stdout().flush()?;
    let ends = Arc::new(Ends::default());
    for stream in listener.incoming() {
        let (stream, tls, ends) = (stream?, tls.cloned(), Arc::clone(&ends));
        thread::spawn(move || {
            let served = match tls {
                Some(tls) => Stream::accept_tls(&tls, stream)
                    .map_err(Into::into)
                    .and_then(|stream| converse(stream, Config::default(), &ends)),
                None => serve(stream, &ends),
            };
            if let Err(error) = served {
                eprintln!("{error}");
            }
        });
    }
    Ok(())
}

/// Serves with `ws-mio`, on one loop, without special paths.
pub(crate) fn run_loop(address: &str, tls: Option<ServerTls>) -> Outcome {
    let mut options = ServerOptions::from(Config::default());
    options.tls = tls;
    let server = ws_mio::WebSocketServer::bind(address, options)?;
    println!("listening on {}", server.local_addr()?);
    io::stdout().flush()?;
    let ends = Arc::new(Ends::default());
    Ok(server.run(move |_: &_, request: &IncomingRequest| welcome(request, &ends))?)
}

/// Serves with `ws-tokio`, a task for each connection, without special paths.
pub(crate) fn run_tasks(address: &str, tls: Option<ServerTls>) -> Outcome {
    let mut options = ServerOptions::from(Config::default());
    options.tls = tls;
    let server = Tokio::bind(address, options)?;
    println!("listening on {}", server.local_addr()?);
    io::stdout().flush()?;
    let ends = Arc::new(Ends::default());
    Tokio::spawn(server, move |_: &_, request: &IncomingRequest| welcome(request, &ends))?.join();
    Ok(())
}

fn serve(stream: TcpStream, ends: &Arc<Ends>) -> Outcome {
    // These paths need another engine or configuration, before the request is read.
    let mut first = [0; 16];
    let len = stream.peek(&mut first)?;
    if first[..len].starts_with(b"GET /fragments") {
        return fragments::serve(stream);
    }
    let mut config = Config::default();
    if first[..len].starts_with(b"GET /keepalive") {
        let (interval, patience) = (Duration::from_millis(20), Duration::from_secs(5));
        config.keep_alive = Some(KeepAlive { interval, patience });
    }
    converse(stream.into(), config, ends)
}

fn converse(stream: Stream, config: Config, ends: &Arc<Ends>) -> Outcome {
    let mut handler = None;
    let decide = |request: &IncomingRequest| match admit(request) {
        Ok(accept) => {
            handler = Some(Obey::new(request, ends));
            Decision::accept_with(accept, ())
        }
        Err(response) => Decision::respond(response),
    };
    let ws = accept_with(stream, config, decide)?;
    if let (Some(ws), Some(handler)) = (ws, handler) {
        ws.run(handler);
    }
    Ok(())
}
