//! A ticker: publishes the time to the subscribers of `seconds` or `tenths`, encoding each message once. The
//! connection of a client that reads too slowly is closed with 1013.
//!
//! ```text
//! cargo run --release -p ws-mio --example broadcast [-- 127.0.0.1:9003]
//! cargo run --release -p ws-cli -- ws://127.0.0.1:9003/?seconds
//! ```

use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use ws_demo::{Arguments, Failure, cannot_listen, on_ctrl_c};
use ws_mio::wsproto::handshake::Response;
use ws_mio::wsproto::{CloseCode, CloseFrame};
use ws_mio::{
    ConnectionHandler, Decision, IncomingRequest, Message, ServerHandle, ServerOptions,
    WebSocketConnection, WebSocketServer,
};

const USAGE: &str = "\
usage: broadcast [ADDRESS]

Publishes the time since the start at ADDRESS (default 127.0.0.1:9003), to clients that request
?seconds or ?tenths. Any message from a client switches between the two.
Ctrl-C closes all connections with 1001.
";

const TOPICS: [&str; 2] = ["seconds", "tenths"];

fn main() -> ExitCode {
    ws_demo::main(USAGE, run)
}

fn run(arguments: &mut Arguments) -> Result<(), Failure> {
    let address = arguments.word_if_any("ADDRESS")?.unwrap_or_else(|| "127.0.0.1:9003".to_owned());
    arguments.end()?;
    let server =
        WebSocketServer::bind(&address, ServerOptions::new()).map_err(cannot_listen(&address))?;
    let address = server.local_addr()?;

    let running = server.spawn(welcome)?;
    let server = running.handle().clone();
    on_ctrl_c(move || server.terminate(None))?;
    println!("listening on {address}");

    let server = running.handle();
    let start = Instant::now();
    let mut tenths = 0_u32;
    while !server.is_ending() {
        tenths += 1;
        let due = Duration::from_millis(100) * tenths;
        thread::sleep(due.saturating_sub(start.elapsed()));
        tell(server, "tenths", &format!("{}.{}", tenths / 10, tenths % 10))?;
        if tenths.is_multiple_of(10) {
            tell(server, "seconds", &format!("{}", tenths / 10))?;
        }
    }
    running.join();
    Ok(())
}

fn tell(server: &ServerHandle, topic: &str, text: &str) -> Result<(), Failure> {
    for slow in server.publish(topic, text).refused {
        slow.close_with(CloseFrame::new(CloseCode::TRY_AGAIN_LATER, "too slow")?)?;
    }
    Ok(())
}

fn welcome(_: &ServerHandle, request: &IncomingRequest) -> Decision<Listener> {
    let wanted = TOPICS.iter().find(|topic| request.query_pairs().any(|(key, _)| key == **topic));
    match wanted {
        Some(topic) => Decision::accept(Listener { topic }),
        None => Decision::respond(Response::text(404, "Ask for ?seconds or ?tenths\n")),
    }
}

/// The handler of a client that subscribes to a topic.
struct Listener {
    topic: &'static str,
}

impl ConnectionHandler for Listener {
    fn on_open(&mut self, ws: &WebSocketConnection) {
        let _ = ws.subscribe(self.topic); // fails if the connection is closed
    }

    fn on_message(&mut self, ws: &WebSocketConnection, _: Message) {
        // Any message switches the topic.
        ws.unsubscribe(self.topic);
        self.topic = if self.topic == TOPICS[0] { TOPICS[1] } else { TOPICS[0] };
        let _ = ws.subscribe(self.topic); // fails if the connection is closed
    }
}
