//! A chat: open the page it prints in two browser windows, and talk.
//!
//! ```text
//! cargo run --release --example chat [-- 127.0.0.1:8080]
//! ```
//!
//! One port serves the page, to an ordinary request, and the conversation, to a WebSocket. A thread
//! for each connection reads; what one member says, its thread writes to all members of the room.

mod rooms;

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;
use std::{env, io, thread};

use rooms::{Member, Rooms};
use ws_std::wsproto::handshake::{Accept, Request, Response};
use ws_std::wsproto::{CloseCode, CloseFrame, Config, KeepAlive};
use ws_std::{Answer, Error, Message, accept_with};

/// The page, embedded so that the program is all there is.
const PAGE: &str = include_str!("page.html");

fn main() -> io::Result<()> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".into());
    let listener = TcpListener::bind(&address)?;
    println!("chat: open http://{}/ in two browser windows", listener.local_addr()?);
    io::stdout().flush()?;

    let mut config = Config::default();
    config.max_message_size = 4096;
    let interval = Duration::from_secs(30);
    config.keep_alive = Some(KeepAlive { interval, patience: interval });
    let config = Arc::new(config);
    let rooms = Arc::new(Rooms::default());

    for stream in listener.incoming() {
        let (config, rooms) = (Arc::clone(&config), Arc::clone(&rooms));
        let serve = move |stream| {
            if let Err(error) = serve(stream, config, &rooms) {
                eprintln!("{error}");
            }
        };
        let started = stream.and_then(|stream| thread::Builder::new().spawn(|| serve(stream)));
        if let Err(error) = started {
            // Out of descriptors or threads: others will leave and give theirs back.
            eprintln!("cannot accept: {error}");
            thread::sleep(Duration::from_millis(50));
        }
    }
    Ok(())
}

/// Answers one connection: with the page, or by letting it into a room until it leaves.
fn serve(stream: TcpStream, config: Arc<Config>, rooms: &Rooms) -> Result<(), Error> {
    let (mut name, mut room) = (String::new(), String::new());
    let answer = |request: &Request| {
        if request.check_upgrade().is_err() {
            return Answer::Respond(match request.path() {
                "/" => Response::html(PAGE),
                _ => Response::text(404, "Not Found\n"),
            });
        }
        for (key, value) in request.query_pairs() {
            match &*key {
                "name" => name = value.trim().chars().take(24).collect(),
                "room" => room = value.trim().chars().take(24).collect(),
                _ => {}
            }
        }
        if name.is_empty() {
            return Answer::Respond(Response::text(403, "A name is needed.\n"));
        }
        Answer::Accept(Accept::new())
    };
    let Some(mut ws) = accept_with(stream, config, answer)? else { return Ok(()) };

    // Who does not take what is sent for so long would hold up the others.
    ws.set_write_patience(Some(Duration::from_secs(2)));
    let member = Member::new(name, room, ws.writer());
    rooms.join(&member);
    let result = loop {
        match ws.recv() {
            Ok(Some(Message::Text(text))) => rooms.say(&member, &text),
            Ok(Some(Message::Binary(_))) => {
                // Whoever breaks off meanwhile is noticed by the next `recv`.
                let _ = ws.close_with(CloseFrame::new(CloseCode::UNSUPPORTED_DATA, "text only")?);
            }
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    rooms.leave(&member);
    result
}
