//! The subscriber of `ws-std` on an event loop: it connects again when the connection ends, and subscribes
//! anew.
//!
//! ```text
//! cargo run --release -p ws-mio --example mio_subscriber
//! ```
//!
//! The server, which runs on the same loop, is in `ws_demo::prices`.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ws_demo::prices::{self, PRICES, Restarting, TOPIC};
use ws_demo::{Arguments, Failure};
use ws_mio::wsproto::CloseInfo;
use ws_mio::wsproto::handshake::ClientRequest;
use ws_mio::{
    ConnectionHandler, EventLoop, Message, ServerHandle, ServerOptions, WebSocketConnection,
    WebSocketServer,
};

const USAGE: &str = "\
usage: mio_subscriber

Starts a server that restarts after each price, and a client that subscribes to three prices.
";

/// The handler of one connection. Each has its own, and `received` counts the prices of all of them.
struct Subscription {
    received: Arc<AtomicUsize>,
    server: ServerHandle,
}

impl ConnectionHandler for Subscription {
    fn on_open(&mut self, ws: &WebSocketConnection) {
        // The server knows nothing of earlier connections.
        let _ = ws.send_text(TOPIC); // fails if the server is gone
    }

    fn on_message(&mut self, ws: &WebSocketConnection, message: Message) {
        println!("{}", message.as_text().unwrap_or("binary"));
        if self.received.fetch_add(1, Ordering::Relaxed) + 1 == PRICES {
            // Closing is final: the client does not connect again.
            let _ = ws.close(None);
        }
    }

    fn on_terminate(&mut self, _: &WebSocketConnection, info: &CloseInfo) {
        println!("{info}");
        if self.received.load(Ordering::Relaxed) == PRICES {
            // Without a server and connections, the loop ends.
            self.server.terminate(None);
        }
    }
}

fn main() -> ExitCode {
    ws_demo::main(USAGE, run)
}

fn run(arguments: &mut Arguments) -> Result<(), Failure> {
    arguments.end()?;
    let mut event_loop = EventLoop::new()?;
    let server = WebSocketServer::bind("127.0.0.1:0", ServerOptions::new())?;
    let request = ClientRequest::parse(&format!("ws://{}/", server.local_addr()?))?;
    let server = event_loop.serve(server, Restarting)?;

    let received = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&received);
    let subscribe = move || Subscription { received: Arc::clone(&counted), server: server.clone() };
    let (options, policy) = (prices::options(), prices::policy());
    event_loop.handle().reconnect(request, options, policy, prices::tell, subscribe)?;
    event_loop.run()?;
    assert_eq!(received.load(Ordering::Relaxed), PRICES);
    Ok(())
}
