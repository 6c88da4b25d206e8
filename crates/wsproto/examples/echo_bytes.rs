//! Two engines connected by two `Vec`s: a client and an echo server, without a socket.
//!
//! ```text
//! cargo run -p wsproto --example echo_bytes
//! ```

use std::time::Duration;

use wsproto::handshake::{Accept, ClientRequest};
use wsproto::url::WsUrl;
use wsproto::{Advice, CloseFrame, Config, Event, Session, SessionEvent};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Time is an input. Nothing here takes time, so it stands still.
    let now = Duration::ZERO;
    // A real client takes its seed from the operating system.
    let seed = [42; 32];

    // The unsent output of each end. The client begins with its request.
    let (mut to_server, mut to_client) = (Vec::new(), Vec::new());
    let request = ClientRequest::new(WsUrl::parse("ws://localhost/echo")?);
    let mut client = Session::client(request, Config::default(), seed, now, &mut to_server);
    let mut server = Session::server(Config::default(), now);

    let mut closed = 0;
    while closed < 2 {
        // The "network": one end's output is the other end's input.
        let mut bytes = std::mem::take(&mut to_server);
        let mut input = &mut bytes[..];
        while let Some(event) = server.next_event(now, &mut input, &mut to_client) {
            println!("server: {event:?}");
            match event {
                SessionEvent::Upgrade => server.accept(&Accept::new(), now, &mut to_client)?,
                // The event borrows the bytes, not the session, so the session can answer.
                SessionEvent::Received(Event::Text(text)) => {
                    server.sender()?.send_text(&text, &mut to_client)?;
                }
                SessionEvent::Received(Event::Binary(bytes)) => {
                    server.sender()?.send_binary(&bytes, &mut to_client)?;
                }
                SessionEvent::Closed(_) => closed += 1,
                // Pings and Closes are answered before their events are reported.
                _ => {}
            }
        }

        let mut bytes = std::mem::take(&mut to_client);
        let mut input = &mut bytes[..];
        while let Some(event) = client.next_event(now, &mut input, &mut to_server) {
            println!("client: {event:?}");
            match event {
                SessionEvent::Open => client.sender()?.send_text("Hello", &mut to_server)?,
                SessionEvent::Received(Event::Text(text)) => {
                    assert_eq!(text, "Hello");
                    let goodbye = CloseFrame::normal("that is all")?;
                    client.close(Some(&goodbye), now, &mut to_server)?;
                }
                SessionEvent::Closed(info) => {
                    assert!(info.was_clean);
                    closed += 1;
                }
                _ => {}
            }
        }

        // A server ends the transport first, once both ends have sent their Close and everything is
        // written. Then neither end has anything left to read.
        if server.advice() == Advice::Shutdown && to_client.is_empty() {
            client.end_of_input(&mut to_server);
            server.end_of_input(&mut to_client);
        }
    }
    Ok(())
}
