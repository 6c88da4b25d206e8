//! Nothing is handed to a handler whose answer would not fit.

use std::error::Error;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;

use ws_mio::wsproto::handshake::ClientRequest;
use ws_mio::wsproto::url::WsUrl;
use ws_mio::wsproto::{Client, Config, Event, Sender, Session, SessionEvent};
use ws_mio::{Decision, Message, ServerOptions, WebSocketConnection, WebSocketServer};

/// More than sockets hold.
const LARGE: usize = 32 << 20;

/// S2-13: the answer to the first message does not fit, and those to the others wait for it.
#[test]
fn an_answer_to_every_message_fits() -> Result<(), Box<dyn Error>> {
    let options = ServerOptions::new().max_message_size(LARGE as u64);
    let server = WebSocketServer::bind("127.0.0.1:0", options)?;
    let url = WsUrl::parse(&format!("ws://{}/", server.local_addr()?))?;
    let running = server.spawn(|_: &_, _: &_| {
        Decision::accept(|ws: &WebSocketConnection, message: Message| {
            ws.send(message).expect("an answer fits");
        })
    })?;

    let mut tcp = TcpStream::connect((url.host(), url.port()))?;
    let (now, mut out) = (Default::default(), Vec::new());
    let mut session =
        Session::client(ClientRequest::new(url), Config::default(), [7; 32], now, &mut out);
    tcp.write_all(&out)?;
    let mut buffer = vec![0; 64 << 10];
    let mut echoes = Vec::new();
    let mut writer = None;
    while echoes.len() < 101 {
        let read = tcp.read(&mut buffer)?;
        assert!(read > 0, "closed after {} echoes", echoes.len());
        let mut input = &mut buffer[..read];
        while let Some(event) = session.next_event(now, &mut input, &mut Vec::new()) {
            match event {
                SessionEvent::Open => {
                    // All at once, and nothing is read before the server has stopped to.
                    let bytes = all(session.sender()?)?;
                    let mut to = tcp.try_clone()?;
                    let writing = thread::spawn(move || to.write_all(&bytes));
                    while !writing.is_finished()
                        && running.handle().connections()[0].buffered_amount() < LARGE / 2
                    {
                        thread::yield_now();
                    }
                    writer = Some(writing);
                }
                SessionEvent::Received(Event::Binary(bytes)) => echoes.push(bytes.len()),
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(echoes, (0..101).map(length).collect::<Vec<_>>());
    writer.expect("it was open").join().expect("no panic")?;
    running.handle().terminate(Some(Default::default()));
    running.join();
    Ok(())
}

fn length(number: usize) -> usize {
    if number == 0 { LARGE } else { number }
}

fn all(sender: &mut Sender<Client>) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut out = Vec::new();
    for number in 0..101 {
        sender.send_binary(&vec![0; length(number)], &mut out)?;
    }
    Ok(out)
}
