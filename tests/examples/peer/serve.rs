//! A server that does what it is told.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use ws_std::wsproto::handshake::{Accept, AcceptError, Request, Response};
use ws_std::wsproto::{CloseCode, CloseError, CloseFrame, CloseInfo, Config, KeepAlive, Server};
use ws_std::{Answer, Error, Message, ServerTls, Stream, WebSocket, accept_with};

use crate::{Outcome, fragments, pattern};

const SUBPROTOCOLS: &[&str] = &["chat.v2", "chat.v1"];

/// How long `ended` waits for the end.
const PATIENCE: Duration = Duration::from_secs(5);

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

fn serve(stream: TcpStream, ends: &Ends) -> Outcome {
    // These paths need another engine or configuration, before the request is read.
    let mut first = [0; 16];
    let len = stream.peek(&mut first)?;
    if first[..len].starts_with(b"GET /fragments") {
        return fragments::serve(stream);
    }
    let mut config = Config::default();
    if first[..len].starts_with(b"GET /keepalive") {
        let interval = Duration::from_millis(20);
        config.keep_alive = Some(KeepAlive { interval, patience: PATIENCE });
    }
    converse(stream.into(), config, ends)
}

fn converse(stream: Stream, config: Config, ends: &Ends) -> Outcome {
    let (mut head, mut id) = (String::new(), None);
    let answer = |request: &Request| {
        for (name, value) in request.headers().iter() {
            head += &format!("{}: {value}\n", name.to_ascii_lowercase());
        }
        id = request.query_pairs().find(|(name, _)| name == "id").map(|(_, id)| id.into_owned());
        match request.path().strip_prefix("/refuse/").and_then(|status| status.parse().ok()) {
            Some(status) => Answer::Respond(Response::text(status, "not today\n")),
            None => match accept(request) {
                Ok(accept) => Answer::Accept(accept),
                Err(error) => Answer::Respond(Response::text(500, &error.to_string())),
            },
        }
    };
    let Some(mut ws) = accept_with(stream, config, answer)? else { return Ok(()) };
    let outcome = obey(&mut ws, &head, ends);
    if let (Some(id), Some(info)) = (id, ws.close_info()) {
        ends.tell(id, info);
    }
    outcome
}

fn accept(request: &Request) -> Result<Accept, AcceptError> {
    Accept::new()
        .select_subprotocol(request, SUBPROTOCOLS)
        .header("Set-Cookie", "seen=1")?
        .header("Set-Cookie", "theme=dark; HttpOnly")
}

fn obey<S: Read + Write>(ws: &mut WebSocket<S, Server>, head: &str, ends: &Ends) -> Outcome {
    while let Some(message) = ws.recv()? {
        let Message::Text(text) = &message else {
            ws.send(message)?;
            continue;
        };
        let (command, rest) = text.split_once(' ').unwrap_or((text, ""));
        match command {
            "close" => ws.close_with(close_frame(rest)?)?,
            // Dropping it ends the transport.
            "abort" => return Ok(()),
            "ping" => drop(ws.ping(rest.as_bytes())?),
            "headers" => drop(ws.send_text(head)?),
            "large" => drop(ws.send_binary(&pattern(rest.parse()?))?),
            "ended" => drop(ws.send(ends.of(rest))?),
            _ => match ws.send(message) {
                // We are closing already, and the peer has not noticed yet.
                Err(Error::Send(_)) => {}
                sent => drop(sent?),
            },
        }
    }
    Ok(())
}

/// Reads `[CODE [REASON]]`.
fn close_frame(text: &str) -> Result<Option<CloseFrame<'_>>, CloseError> {
    let (code, reason) = text.split_once(' ').unwrap_or((text, ""));
    let code = code.parse().ok().map(CloseCode::new);
    code.map(|code| CloseFrame::new(code, reason)).transpose()
}

/// How connections ended, by their IDs.
#[derive(Default)]
struct Ends {
    told: Mutex<HashMap<String, String>>,
    changed: Condvar,
}

impl Ends {
    fn tell(&self, id: String, info: &CloseInfo) {
        let clean = if info.was_clean { "clean" } else { "unclean" };
        let end = format!("{} {clean} {}", u16::from(info.code), info.reason);
        self.told.lock().unwrap_or_else(PoisonError::into_inner).insert(id, end);
        self.changed.notify_all();
    }

    fn of(&self, id: &str) -> String {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = self.changed.wait_timeout_while(told, PATIENCE, |told| !told.contains_key(id));
        let (told, _) = ended.unwrap_or_else(PoisonError::into_inner);
        told.get(id).cloned().unwrap_or_else(|| "has not ended".into())
    }
}
