//! Clients of many kinds.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use conformance::adapters::{Adapter, Mio, Std};
use conformance::fault::Dice;
use socket2::SockRef;
use ws_common::{ClientOptions, Message, WebSocketConnection};
use wsproto::handshake::ClientRequest;
use wsproto::url::WsUrl;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";

const LONG: Duration = Duration::from_secs(60);

/// Runs one client of a random kind.
pub(crate) fn one(server: SocketAddr, faulty: SocketAddr, dice: &mut Dice) {
    match dice.roll(10) {
        0..3 => talk::<Std>(server, dice, false),
        3..5 => talk::<Mio>(server, dice, false),
        5 => talk::<Std>(faulty, dice, true),
        6 => talk::<Mio>(faulty, dice, true),
        // Errors of these clients do not matter; the server must survive them.
        7 => drop(vanish(server, dice)),
        8 => drop(stall(server, dice)),
        _ => flood(server, dice).expect("every message comes back"),
    }
}

/// Sends messages and compares the echoes. With `may_end`, the proxy may end the connection.
fn talk<C: Adapter>(to: SocketAddr, dice: &mut Dice, may_end: bool) {
    let url = WsUrl::parse(&format!("ws://{to}/")).expect("a URL");
    let (echo, echoed) = mpsc::channel();
    let handler = move |_: &WebSocketConnection, message| {
        // Fails if `talk` has stopped receiving.
        let _ = echo.send(message);
    };
    let client = match C::connect(ClientRequest::new(url), ClientOptions::default(), handler) {
        Ok(client) => client,
        Err(_) if may_end => return,
        Err(refused) => panic!("{refused:?}"),
    };
    for _ in 0..dice.roll(30) {
        let size = [10, 1000, 100_000, 1 << 20][dice.roll(40) / 13];
        let message = Message::Binary(vec![dice.roll(256) as u8; dice.roll(size)]);
        let sent = client.ws.send(message.clone());
        match sent.is_ok().then(|| echoed.recv_timeout(LONG)) {
            Some(Ok(echo)) => assert!(echo == message, "another message came back"),
            _ if may_end => break,
            other => panic!("{sent:?}, {:?}", other.map(|echo| echo.map(drop))),
        }
    }
    match dice.roll(3) {
        0 => client.ws.abort(),
        _ => client.ws.close(None).expect("open or closed"),
    }
    client.join();
}

fn open(server: SocketAddr) -> io::Result<TcpStream> {
    let mut peer = TcpStream::connect(server)?;
    peer.set_read_timeout(Some(LONG))?;
    peer.write_all(REQUEST)?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        peer.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    Ok(peer)
}

/// Disconnects in the handshake or between messages, with or without a reset.
fn vanish(server: SocketAddr, dice: &mut Dice) -> io::Result<()> {
    let mut peer = TcpStream::connect(server)?;
    peer.write_all(&REQUEST[..dice.roll(REQUEST.len())])?;
    if dice.roll(2) == 0 {
        peer = open(server)?;
        peer.write_all(b"\x81\x82\0\0\0\0hi\x82\xFE\x01\0\0\0\0\0rest"[..dice.roll(20)].as_ref())?;
    }
    if dice.roll(2) == 0 {
        SockRef::from(&peer).set_linger(Some(Duration::ZERO))?;
    }
    Ok(())
}

/// Stalls for a while in the handshake or within a frame.
fn stall(server: SocketAddr, dice: &mut Dice) -> io::Result<()> {
    let mut peer = if dice.roll(2) == 0 { open(server)? } else { TcpStream::connect(server)? };
    peer.write_all(b"\x82\xFE\x01\0\0\0\0\0rest")?;
    thread::sleep(Duration::from_millis(dice.roll(500) as u64));
    Ok(())
}

/// Sends many messages at once; either disconnects without reading, or reads all echoes.
fn flood(server: SocketAddr, dice: &mut Dice) -> io::Result<()> {
    let peer = open(server)?;
    let (count, mut wire) = (dice.roll(20_000), Vec::new());
    for number in 0..count {
        wire.extend_from_slice(b"\x82\x88\0\0\0\0");
        wire.extend_from_slice(&(number as u64).to_be_bytes());
    }
    if dice.roll(3) == 0 {
        // Never reads the echoes: writes until the server stops reading, then disconnects.
        peer.set_write_timeout(Some(Duration::from_millis(200)))?;
        let _ = (0..100).try_for_each(|_| (&peer).write_all(&wire));
        return Ok(());
    }
    thread::scope(|scope| {
        let writer = scope.spawn(|| (&peer).write_all(&wire));
        let mut input = io::BufReader::new(&peer);
        let mut expected = 0_u64;
        while expected < count as u64 {
            let mut head = [0; 2];
            input.read_exact(&mut head)?;
            let mut payload = vec![0; usize::from(head[1])];
            input.read_exact(&mut payload)?;
            // The server's Pings need no answer in so short a time.
            if head[0] == 0x82 {
                assert_eq!(payload, expected.to_be_bytes(), "in order, and once");
                expected += 1;
            }
        }
        writer.join().expect("no panic")
    })
}
