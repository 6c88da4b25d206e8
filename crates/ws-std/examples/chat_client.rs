//! Joins the chat of the example `chat` from a terminal: says what is typed, shows what is said.
//!
//! ```text
//! cargo run --release -p ws-std --example chat_client -- ws://127.0.0.1:8080/ NAME [ROOM]
//! ```
//!
//! The end of the input (Ctrl-D) leaves the room.

use std::error::Error;
use std::process::ExitCode;
use std::{env, io, thread};

use form_urlencoded::Serializer;
use serde_json::Value;
use ws_std::wsproto::{CloseCode, CloseInfo};
use ws_std::{ConnectionHandler, Message, WebSocketConnection, connect};

fn main() -> ExitCode {
    env_logger::init();
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let (server, name, room) = match &*arguments {
        [server, name] => (server, name, ""),
        [server, name, room] => (server, name, &**room),
        _ => return Err("usage: chat_client URL NAME [ROOM]".into()),
    };
    let query =
        Serializer::new(String::new()).append_pair("name", name).append_pair("room", room).finish();

    let ws = match connect(&format!("{server}?{query}")) {
        Err(ws_std::Error::Http(no)) => {
            return Err(String::from_utf8_lossy(no.body_bytes()).trim_end().into());
        }
        result => result?,
    };
    let handle = ws.handle();
    // Ends with the program, if the server closes first.
    thread::spawn(move || speak(&handle));
    let info = ws.run(Screen);
    if info.was_clean { Ok(()) } else { Err("the connection was lost".into()) }
}

/// Says what is typed, line by line, and then leaves.
fn speak(ws: &WebSocketConnection) {
    for line in io::stdin().lines().map_while(Result::ok) {
        if !line.trim().is_empty() && ws.send_text(&line).is_err() {
            break;
        }
    }
    let _ = ws.terminate(CloseCode::NORMAL, "");
}

/// Shows what happens in the room.
struct Screen;

impl ConnectionHandler for Screen {
    fn on_message(&mut self, ws: &WebSocketConnection, message: Message) {
        let Message::Text(text) = message else { return };
        let Ok(event) = serde_json::from_str::<Value>(&text) else {
            eprintln!("* that is no chat at {:?}", ws.url().map(|url| url.to_string()));
            return;
        };
        let name = event["name"].as_str().unwrap_or("somebody");
        match (event["type"].as_str(), event["text"].as_str()) {
            (Some("said"), Some(text)) => println!("{name}: {text}"),
            (Some(change), _) => println!("* {name} {change}; here: {}", present(&event)),
            _ => {}
        }
    }

    fn on_error(&mut self, _: &WebSocketConnection, error: &ws_std::Error) {
        eprintln!("* {error}");
    }

    fn on_terminate(&mut self, _: &WebSocketConnection, info: &CloseInfo) {
        eprintln!("* closed with {}", info.code);
    }
}

/// Who is in the room now.
fn present(event: &Value) -> String {
    let names = event["present"].as_array().into_iter().flatten();
    names.filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
}
