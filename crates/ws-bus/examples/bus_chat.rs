//! A chat on several machines, or in several processes:
//!
//! ```text
//! cargo run --release -p ws-bus --features nats,redis --example bus_chat -- 127.0.0.1:8080 --bus nats://127.0.0.1:4222
//! cargo run --release -p ws-bus --features nats,redis --example bus_chat -- 127.0.0.1:8081 --bus nats://127.0.0.1:4222
//! ```
//!
//! The broker is a NATS server or a Redis server (`redis://127.0.0.1:6379`). Each line goes to all members of the
//! room, whichever process they are connected to. The list of members begins with those of its own process;
//! others appear when they join or speak, since a bus has no presence.

use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use ws_bus::{BusOptions, Nats, Redis};
use ws_common::{Bus, BusState, Decision, IncomingRequest, ServerHandle, ServerHandler};
use ws_demo::chat::{self, Visit};
use ws_demo::{Arguments, Failure, cannot_listen, on_ctrl_c};
use ws_std::{ServerOptions, WebSocketServer};

const USAGE: &str = "\
usage: bus_chat [ADDRESS] --bus URL

Serves a chat and its web page at ADDRESS (default 127.0.0.1:8080). All chats on the broker at URL,
nats://HOST:PORT or redis://HOST:PORT, are one. Ctrl-C closes all connections with 1001.
";

fn main() -> ExitCode {
    ws_demo::main(USAGE, run)
}

fn run(arguments: &mut Arguments) -> Result<(), Failure> {
    let url: Option<String> = arguments.option("--bus")?;
    let address = arguments.word_if_any("ADDRESS")?.unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    arguments.end()?;
    let url = url.ok_or_else(|| Failure::Usage("--bus is missing".into()))?;
    // The URL may have a password: the error does not repeat it.
    let bus = connect(&url).map_err(|error| Failure::Usage(format!("--bus: {error}")))?;

    let options = ServerOptions::new().config(chat::config()).bus(bus);
    let server = WebSocketServer::bind(&address, options).map_err(cannot_listen(&address))?;
    let address = server.local_addr()?;
    let running = server.spawn(Chat::default())?;
    let server = running.handle().clone();
    on_ctrl_c(move || server.terminate(None))?;
    println!("bus_chat: open http://{address}/ in a browser");
    running.join();
    Ok(())
}

fn connect(url: &str) -> io::Result<Arc<dyn Bus>> {
    let options = BusOptions::new().prefix("chat");
    Ok(match url.starts_with("redis") {
        true => Arc::new(Redis::connect(url, options)?),
        false => Arc::new(Nats::connect(url, options)?),
    })
}

/// The handler of the chat, which also says whether the other machines hear it.
#[derive(Default)]
struct Chat(chat::Chat);

impl ServerHandler for Chat {
    type Handler = Visit;

    fn on_connection(
        &mut self,
        server: &ServerHandle,
        request: &IncomingRequest,
    ) -> Decision<Visit> {
        self.0.on_connection(server, request)
    }

    fn on_request(&mut self, server: &ServerHandle, request: &IncomingRequest) -> Decision<Visit> {
        self.0.on_request(server, request)
    }

    fn on_bus(&mut self, _: &ServerHandle, state: BusState) {
        eprintln!(
            "bus_chat: {}",
            match state {
                BusState::Up => "connected to the broker",
                BusState::Down =>
                    "no connection to the broker; only this process hears its members",
            }
        );
    }
}
