//! The ends of connections and of the server.

use std::io::{Read, Write};
use std::time::Duration;

use ws_std::wsproto::{CloseCode, Initiator, ReadyState};
use ws_std::{Error, ServerOptions, connect};

use crate::net::{open_by_hand, read_all, url};
use crate::support::start;

#[test]
fn a_connection_is_terminated_with_a_code_and_a_reason() -> Result<(), Error> {
    // S1-3, S1-5, S1-6, S1-7, X2
    let running = start(ServerOptions::new());
    let mut ws = connect(&url(&running.address))?;
    ws.send("sync")?;
    ws.recv()?;
    let [handle] = &running.server.handle().connections()[..] else { panic!("one connection") };
    for wrong in [999, 1005, 2999, 5000] {
        assert!(matches!(handle.terminate(wrong.into(), ""), Err(Error::Close(_))), "{wrong}");
    }
    // Only a client may send 1010.
    assert!(matches!(handle.terminate(1010.into(), ""), Err(Error::Send(_))));
    assert_eq!(handle.ready_state(), ReadyState::Open, "a wrong call changes nothing");
    ws.send("terminate")?;
    let info = ws.wait_closed()?;
    assert_eq!((info.code, &*info.reason), (4001.into(), "as you wish"));
    assert_eq!((info.was_clean, info.initiator), (true, Initiator::Remote));
    running.wait_empty();
    assert!(handle.terminate(CloseCode::NORMAL, "again").is_ok(), "twice is harmless");
    running.end(None);
    Ok(())
}

#[test]
fn a_server_says_goodbye_and_waits_for_the_answer() -> Result<(), Error> {
    // S4-19: no timeout, X14
    let running = start(ServerOptions::new());
    let mut ws = connect(&url(&running.address))?;
    ws.send("sync")?;
    ws.recv()?;
    running.server.handle().terminate(None);
    let info = ws.wait_closed()?;
    assert_eq!((info.code, info.was_clean), (CloseCode::GOING_AWAY, true));
    let address = running.address.clone();
    let log = running.end(None);
    assert_eq!(log[4..], ["terminate 1001 Going Away true", "server terminate"]);
    assert!(connect(&url(&address)).is_err(), "nobody listens any more");
    Ok(())
}

#[test]
fn a_server_that_is_terminated_at_once_sends_nothing() {
    // S4-19: a timeout of zero
    let running = start(ServerOptions::new());
    let mut client = open_by_hand(&running.address);
    client.write_all(b"\x81\x81\0\0\0\0x").expect("written");
    let mut echo = [0; 3];
    client.read_exact(&mut echo).expect("an echo");
    let log = running.end(Some(Duration::ZERO));
    let mut rest = Vec::new();
    // It may be a reset: nothing is what matters.
    let _ = client.read_to_end(&mut rest);
    assert_eq!(rest, b"");
    assert_eq!(log[4..], ["terminate 1006 Abnormal Closure false", "server terminate"]);
}

#[test]
fn a_peer_that_does_not_answer_is_cut_off_in_time() {
    // S4-19: a timeout
    let running = start(ServerOptions::new());
    let mut client = open_by_hand(&running.address);
    running.server.handle().terminate(Some(Duration::from_millis(50)));
    running.server.join();
    // The connection opened before or after the call; it was closed in either case.
    assert!(read_all(&mut client).starts_with(b"\x88\x02\x03\xE9"));
    assert_eq!(running.log.taken().last().map(String::as_str), Some("server terminate"));
}
