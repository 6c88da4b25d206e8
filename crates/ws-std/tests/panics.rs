//! B6: a panic of a handler ends only its own request or connection.

use std::net::SocketAddr;
use std::sync::mpsc::{self, Sender};
use std::time::Duration;
use ws_std::wsproto::{CloseCode, CloseInfo};
use ws_std::{
    ConnectionHandler, Decision, Error, IncomingRequest, Message, RunningServer, ServerHandle,
    ServerHandler, ServerOptions, WebSocketConnection, WebSocketServer, connect,
};

/// Panics in the call it is told to.
struct Panics {
    place: &'static str,
    called: Sender<&'static str>,
}

struct Visit {
    place: &'static str,
    called: Sender<&'static str>,
}

fn call(place: &'static str, here: &'static str, called: &Sender<&'static str>) {
    // Fails if the test no longer receives.
    let _ = called.send(here);
    assert_ne!(place, here, "as you wish");
}

impl ServerHandler for Panics {
    type Handler = Visit;

    fn on_connection(&mut self, _: &ServerHandle, request: &IncomingRequest) -> Decision<Visit> {
        if request.path() == "/panic" {
            call(self.place, "server connection", &self.called);
        }
        Decision::accept(Visit { place: self.place, called: self.called.clone() })
    }

    fn on_open(&mut self, _: &ServerHandle) {
        call(self.place, "server open", &self.called);
    }

    fn on_error(&mut self, _: &ServerHandle, _: Option<SocketAddr>, _: &Error) {
        call(self.place, "server error", &self.called);
    }

    fn on_terminate(&mut self, _: &ServerHandle) {
        call(self.place, "server terminate", &self.called);
    }
}

impl Drop for Panics {
    fn drop(&mut self) {
        call(self.place, "server drop", &self.called);
    }
}

impl ConnectionHandler for Visit {
    fn on_message(&mut self, ws: &WebSocketConnection, message: Message) {
        // Fails if the peer is gone.
        let _ = ws.send(message);
    }

    fn on_terminate(&mut self, _: &WebSocketConnection, _: &CloseInfo) {
        call(self.place, "terminate", &self.called);
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        call(self.place, "drop", &self.called);
    }
}

fn start(place: &'static str) -> (RunningServer, String, mpsc::Receiver<&'static str>) {
    let server = WebSocketServer::bind("127.0.0.1:0", ServerOptions::new()).expect("a free port");
    let url = format!("ws://{}/", server.local_addr().expect("an address"));
    let (called, calls) = mpsc::channel();
    (server.spawn(Panics { place, called }).expect("a thread"), url, calls)
}

#[test]
fn a_panic_ends_only_what_it_belongs_to() -> Result<(), Error> {
    for place in [
        "",
        "server open",
        "server connection",
        "server error",
        "server terminate",
        "server drop",
        "terminate",
        "drop",
    ] {
        let (server, url, calls) = start(place);
        for _ in 0..2 {
            let asked = connect(&format!("{url}panic"));
            match place {
                "server connection" => {
                    let status = |error| match error {
                        Error::Http(response) => response.status(),
                        error => panic!("{error}"),
                    };
                    assert_eq!(asked.map_err(status).err(), Some(500));
                }
                _ => drop(asked?),
            }
            // Causes a call of the server's `on_error`.
            let wrong = url.replace("ws://", "");
            let mut stream = std::net::TcpStream::connect(wrong.trim_end_matches('/'))?;
            std::io::Write::write_all(&mut stream, b"nonsense\r\n\r\n")?;
            std::io::copy(&mut stream, &mut std::io::sink())?;

            let mut ws = connect(&url)?;
            ws.send("still here")?;
            assert_eq!(ws.recv()?, Some("still here".into()), "{place}");
            ws.close(None)?;
            assert!(ws.wait_closed()?.was_clean, "{place}");
        }
        let mut last = connect(&url)?;
        server.handle().terminate(Some(Duration::from_secs(60)));
        assert_eq!(last.wait_closed()?.code, CloseCode::GOING_AWAY, "{place}");
        server.join();
        let calls: Vec<_> = calls.iter().collect();
        assert!(place.is_empty() || calls.contains(&place), "{place}: {calls:?}");
        let count = |call| calls.iter().filter(|other| **other == call).count();
        assert_eq!((count("server open"), count("server terminate")), (1, 1), "{place}");
        assert_eq!((count("terminate"), count("drop")), (count("drop"), count("terminate")));
    }
    Ok(())
}
