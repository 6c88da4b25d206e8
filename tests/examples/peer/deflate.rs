//! Our client with another implementation's server, every combination of the parameters of
//! permessage-deflate.

use ws_common::wsproto::handshake::ClientRequest;
use ws_common::wsproto::url::WsUrl;
use ws_common::wsproto::{Deflate, WindowBits};
use ws_common::{ClientOptions, Message};

use crate::Outcome;
use crate::socket::Socket;

/// Runs all combinations against a server whose path `/S/C/s/c` says whether it grants takeover to the
/// server and the client (0 or 1), and their window bits (0: as it likes).
pub(crate) fn run(url: &str) -> Outcome {
    let mut failed = 0;
    let wishes =
        [("new", Deflate::new()), ("frugal", Deflate::frugal()), ("dense", Deflate::dense())];
    for (name, wish) in wishes {
        // A server may decline a window that is smaller than it was told to use.
        let asked = wish.peer_window.bits();
        for path in paths(asked) {
            match talk(&format!("{url}{path}"), wish.threshold(1)) {
                Ok(()) => println!("ok compression: {name} {path}"),
                Err(error) => {
                    println!("FAIL compression: {name} {path}: {error}");
                    failed += 1;
                }
            }
        }
    }
    println!("done");
    if failed == 0 { Ok(()) } else { Err(format!("{failed} failed").into()) }
}

fn paths(most: u8) -> impl Iterator<Item = String> {
    let bits = [0, 9, 12, 15];
    let takeover = [(0, 0), (0, 1), (1, 0), (1, 1)];
    takeover.into_iter().flat_map(move |(server, client)| {
        bits.into_iter()
            .filter(move |s| *s <= most)
            .flat_map(move |s| bits.into_iter().map(move |c| format!("/{server}/{client}/{s}/{c}")))
    })
}

fn talk(url: &str, wish: Deflate) -> Outcome {
    let options = ClientOptions::default().deflate(wish.window(WindowBits::MAX));
    let mut ws = Socket::connect(ClientRequest::new(WsUrl::parse(url)?), options)?;
    if ws.extensions().len() != 1 {
        return Err(format!("extensions are {:?}", ws.extensions()).into());
    }
    for len in [60, 1000, 1000, 1, 20_000, 0, 300_000, 1000] {
        let message = Message::Text(text(len));
        ws.send(message.clone())?;
        if ws.recv()? != Some(message) {
            return Err(format!("another message came back than that of {len} bytes").into());
        }
    }
    ws.close(None)?;
    match ws.recv()? {
        None => Ok(()),
        Some(_) => Err("a message came instead of the end".into()),
    }
}

fn text(len: usize) -> String {
    let mut text = String::new();
    for line in 0.. {
        if text.len() >= len {
            break;
        }
        text.push_str(&format!(
            "{{\"line\":{line},\"name\":\"user{}\",\"on\":true}}",
            line * 31 % 97
        ));
    }
    text.truncate(len);
    text
}
