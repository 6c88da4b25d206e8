//! A ticker: sends the time to everybody who subscribes to `seconds` or `tenths`, each message encoded
//! once. Who does not read fast enough is left out, and in the end closed.
//!
//! ```text
//! cargo run --release -p ws-mio --example broadcast -- 127.0.0.1:9003
//! cargo run --release -p ws-std --example client -- ws://127.0.0.1:9003/?seconds
//! ```

use std::env;
use std::error::Error;
use std::io::{self, Write};
use std::thread;
use std::time::{Duration, Instant};

use ws_mio::wsproto::handshake::{Accept, Request, Response};
use ws_mio::wsproto::{CloseCode, CloseFrame};
use ws_mio::{
    Accepted, ConnectionHandler, Message, ServerHandle, WebSocketConnection, WebSocketServer,
};

const TOPICS: [&str; 2] = ["seconds", "tenths"];

fn main() -> Result<(), Box<dyn Error>> {
    env_logger::init();
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9003".into());
    let server = WebSocketServer::bind(&address)?;
    println!("listening on {}", server.local_addr()?);
    io::stdout().flush()?;

    let running = server.spawn(welcome)?;
    let start = Instant::now();
    for tenths in 1_u32.. {
        let due = Duration::from_millis(100) * tenths;
        thread::sleep(due.saturating_sub(start.elapsed()));
        tell(running.handle(), "tenths", &format!("{}.{}", tenths / 10, tenths % 10))?;
        if tenths % 10 == 0 {
            tell(running.handle(), "seconds", &format!("{}", tenths / 10))?;
        }
    }
    Ok(())
}

fn tell(server: &ServerHandle, topic: &str, text: &str) -> Result<(), Box<dyn Error>> {
    for slow in server.publish(topic, text).refused {
        slow.close_with(CloseFrame::new(CloseCode::TRY_AGAIN_LATER, "too slow")?)?;
    }
    Ok(())
}

fn welcome(_: &ServerHandle, request: &Request) -> Result<Accepted<Listener>, Response> {
    let wanted = TOPICS.iter().find(|topic| request.query_pairs().any(|(key, _)| key == **topic));
    match wanted {
        Some(topic) => Ok(Accepted::with(Accept::new(), Listener { topic })),
        None => Err(Response::text(404, "Ask for ?seconds or ?tenths\n")),
    }
}

/// Somebody who wants to know the time.
struct Listener {
    topic: &'static str,
}

impl ConnectionHandler for Listener {
    fn on_open(&mut self, ws: &WebSocketConnection) {
        ws.subscribe(self.topic);
    }

    fn on_message(&mut self, ws: &WebSocketConnection, _: Message) {
        // Any message changes the topic.
        ws.unsubscribe(self.topic);
        self.topic = if self.topic == TOPICS[0] { TOPICS[1] } else { TOPICS[0] };
        ws.subscribe(self.topic);
    }
}
