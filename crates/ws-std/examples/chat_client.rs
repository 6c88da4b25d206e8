//! A terminal client for the example `chat`: sends typed lines and prints the conversation.
//!
//! ```text
//! cargo run --release -p ws-std --example chat_client -- ws://127.0.0.1:8080/ NAME [ROOM]
//! ```

use std::io;
use std::process::ExitCode;
use std::thread;

use form_urlencoded::Serializer;
use serde_json::Value;
use ws_demo::{Arguments, Failure, local_time, on_ctrl_c, printable};
use ws_std::wsproto::url::WsUrl;
use ws_std::wsproto::{CloseCode, CloseInfo};
use ws_std::{ConnectionHandler, Error, Message, WebSocketConnection, connect};

const USAGE: &str = "\
usage: chat_client URL NAME [ROOM]

Joins the chat at URL, such as ws://127.0.0.1:8080/, as NAME, and sends each typed line. The end of
the input (Ctrl-D) or Ctrl-C leaves the room.
";

fn main() -> ExitCode {
    ws_demo::main(USAGE, run)
}

fn run(arguments: &mut Arguments) -> Result<(), Failure> {
    let url: WsUrl = arguments.word("URL")?;
    let name: String = arguments.word("NAME")?;
    let room: String = arguments.word_if_any("ROOM")?.unwrap_or_default();
    arguments.end()?;
    let mut query = Serializer::new(String::new());
    query.append_pair("name", &name).append_pair("room", &room);

    let ws = match connect(&format!("{}?{}", url.as_given(), query.finish())) {
        Err(Error::Http(no)) => {
            return Err(Failure::other(printable(String::from_utf8_lossy(no.body_bytes()).trim())));
        }
        result => result?,
    };
    let (speaker, leaver) = (ws.handle(), ws.handle());
    on_ctrl_c(move || leave(&leaver))?;
    // If the server closes first, this thread ends with the program.
    thread::spawn(move || speak(&speaker));
    let info = ws.run(Screen::default());
    match info.code {
        _ if !info.was_clean => Err(Failure::other("the connection was lost")),
        CloseCode::NORMAL => Ok(()),
        CloseCode::GOING_AWAY => Err(Failure::other("the server went away")),
        code => {
            Err(Failure::other(format!("the server closed with {code} {}", info.reason).trim()))
        }
    }
}

/// Sends typed lines until the input ends, then leaves.
fn speak(ws: &WebSocketConnection) {
    for line in io::stdin().lines().map_while(Result::ok) {
        if !line.trim().is_empty() && ws.send_text(&line).is_err() {
            break;
        }
    }
    leave(ws);
}

fn leave(ws: &WebSocketConnection) {
    // Fails if the connection has ended.
    let _ = ws.terminate(CloseCode::NORMAL, "");
}

/// Prints the events of the room.
#[derive(Default)]
struct Screen {
    /// The id of our connection, to recognize our own lines.
    me: String,
    /// All members, ourselves included: id and name.
    present: Vec<(String, String)>,
}

impl ConnectionHandler for Screen {
    fn on_message(&mut self, _: &WebSocketConnection, message: Message) {
        let Message::Text(text) = message else { return };
        // Ignore unknown events and text that is not JSON.
        let event: Value = serde_json::from_str(&text).unwrap_or_default();
        let (id, name) = (string(&event["id"]), string(&event["name"]));
        match event["type"].as_str() {
            Some("welcome") => {
                let members = event["present"].as_array().into_iter().flatten();
                self.present = members
                    .map(|member| (string(&member["id"]), string(&member["name"])))
                    .collect();
                self.me = id;
                println!("* You are {name}; {}", self.here());
            }
            Some("joined") => {
                self.present.push((id, name.clone()));
                println!("* {name} joined; {}", self.here());
            }
            Some("left") => {
                self.present.retain(|(other, _)| *other != id);
                println!("* {name} left; {}", self.here());
            }
            Some("said") => {
                let time = local_time(event["time"].as_i64().unwrap_or_default());
                let name = if id == self.me { "You" } else { &*name };
                println!("{time} {name}: {}", string(&event["text"]));
            }
            Some("refused") => println!("* {}", string(&event["reason"])),
            _ => {}
        }
    }

    fn on_error(&mut self, _: &WebSocketConnection, error: &Error) {
        eprintln!("* {error}");
    }

    fn on_terminate(&mut self, _: &WebSocketConnection, info: &CloseInfo) {
        eprintln!("* closed with {}", info.code);
    }
}

impl Screen {
    /// Lists the members of the room, up to `SHOWN` names.
    fn here(&self) -> String {
        const SHOWN: usize = 12;
        let names: Vec<_> = self.present.iter().take(SHOWN).map(|(_, name)| &**name).collect();
        let more = match self.present.len().saturating_sub(SHOWN) {
            0 => String::new(),
            more => format!(", +{more} more"),
        };
        format!("{} here: {}{more}", self.present.len(), names.join(", "))
    }
}

/// Returns a JSON string without characters that control the terminal.
fn string(value: &Value) -> String {
    printable(value.as_str().unwrap_or_default())
}
