//! Sends fragmented messages with the engine: `ws-std` sends only whole messages.

use std::error::Error;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use ws_std::wsproto::handshake::{Accept, AcceptError, ClientRequest};
use ws_std::wsproto::{
    Advice, CloseFrame, CloseInfo, Config, Event, Role, SendError, Sender, Session, SessionEvent,
};

use crate::{Outcome, pattern};

const TEXT: [&str; 3] = ["Frag", "mentiert: ä€", "😀"];
const BINARY_LEN: usize = 100_000;

pub(crate) fn serve(stream: TcpStream) -> Outcome {
    let session = Session::server(Config::default(), Duration::ZERO);
    let accept: Decide<_> = |session, now, out| session.accept(&Accept::new(), now, out);
    exchange(stream, session, Vec::new(), accept).map(drop)
}

pub(crate) fn call(request: ClientRequest) -> Result<CloseInfo, Box<dyn Error>> {
    let stream = TcpStream::connect((request.url().host(), request.url().port()))?;
    let mut out = Vec::new();
    // The masks need not be secret here.
    let seed = [7; 32];
    let session = Session::client(request, Config::default(), seed, Duration::ZERO, &mut out);
    exchange(stream, session, out, |_, _, _| Ok(()))
}

/// The server's response to the request.
type Decide<R> = fn(&mut Session<R>, Duration, &mut Vec<u8>) -> Result<(), AcceptError>;

/// Sends the fragments, waits until two messages and a Pong have come back, and closes.
fn exchange<R: Role>(
    mut stream: TcpStream,
    mut session: Session<R>,
    mut out: Vec<u8>,
    accept: Decide<R>,
) -> Result<CloseInfo, Box<dyn Error>> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let start = Instant::now();
    let mut buffer = vec![0; 64 << 10];
    let (mut read, mut came_back) = (0, 0);
    loop {
        let mut input = &mut buffer[..read];
        let now = start.elapsed();
        while let Some(event) = session.next_event(now, &mut input, &mut out) {
            match event {
                SessionEvent::Upgrade => accept(&mut session, now, &mut out)?,
                SessionEvent::Http => {}
                SessionEvent::Open => send(session.sender()?, &mut out)?,
                SessionEvent::Received(Event::Ping(_) | Event::Close(_)) => {}
                SessionEvent::Received(event) => {
                    let same = match &event {
                        Event::Text(text) => *text == TEXT.concat(),
                        Event::Binary(bytes) => **bytes == pattern(BINARY_LEN),
                        Event::Pong(payload) => **payload == *b"between",
                        _ => true,
                    };
                    if !same {
                        return Err("what came back is not what was sent".into());
                    }
                    came_back += 1;
                    if came_back == 3 {
                        let frame = CloseFrame::normal("all came back")?;
                        session.close(Some(&frame), now, &mut out)?;
                    }
                }
                SessionEvent::Error(error) => return Err(error.into()),
                SessionEvent::Closed(info) => return Ok(info),
            }
        }
        stream.write_all(&out)?;
        out.clear();
        session.flushed(start.elapsed());
        if session.advice() == Advice::Shutdown {
            stream.shutdown(Shutdown::Write)?;
        }
        read = stream.read(&mut buffer)?;
        if read == 0 {
            session.end_of_input(&mut out);
        }
    }
}

fn send<R: Role>(sender: &mut Sender<R>, out: &mut Vec<u8>) -> Result<(), SendError> {
    let [first, second, last] = TEXT;
    sender.send_text_fragment(first, false, out)?;
    sender.ping(b"between", out)?;
    sender.send_text_fragment(second, false, out)?;
    sender.send_text_fragment(last, true, out)?;

    sender.send_binary_fragment(&[], false, out)?;
    for part in pattern(BINARY_LEN).chunks(30_000) {
        sender.send_binary_fragment(part, false, out)?;
    }
    sender.send_binary_fragment(&[], true, out)
}
