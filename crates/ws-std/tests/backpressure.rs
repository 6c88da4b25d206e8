//! A peer that does not read: which calls wait and for how long, what they return, and what ends the
//! wait. `S2-..` and `X..` are items and decisions of the object model.

#[cfg(feature = "tls")]
#[path = "support/identity.rs"]
mod identity;
#[path = "support/pair.rs"]
mod pair;

use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use pair::{ALL, pair};
use ws_std::wsproto::{CloseCode, Config, KeepAlive, ReadyState, Server, SessionError};
use ws_std::{Error, Message, SendStatus, WebSocket, WebSocketConnection};

/// The most unsent bytes at which a message is accepted.
const HIGH_WATER: usize = 64 << 10;
const MESSAGE: usize = 16 << 10;
/// The length of a server's frame with one message, header included.
const FRAME: usize = MESSAGE + 4;
/// More than the operating system buffers.
const TOO_MANY: usize = (128 << 20) / MESSAGE;
const SOON: Duration = Duration::from_millis(50);

/// A message that begins with the number of its thread and its own number.
fn numbered(thread: u32, number: u32) -> Message {
    let mut bytes = vec![0xAB; MESSAGE];
    bytes[..4].copy_from_slice(&thread.to_be_bytes());
    bytes[4..8].copy_from_slice(&number.to_be_bytes());
    bytes.into()
}

fn numbers(message: &Message) -> (u32, u32) {
    let Message::Binary(bytes) = message else { panic!("{message:?}") };
    assert_eq!(bytes.len(), MESSAGE);
    assert!(bytes[8..].iter().all(|byte| *byte == 0xAB));
    let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
    (number(0), number(4))
}

/// Sends until there is no room and the message is handed back unchanged. Returns how many were accepted.
fn fill(ws: &WebSocketConnection, thread: u32) -> u32 {
    for number in 0..TOO_MANY as u32 {
        match ws.send(numbered(thread, number)) {
            Ok(SendStatus::Sent | SendStatus::Queued) => {}
            Err(Error::WouldExceed(Some(message))) => {
                assert_eq!(message, numbered(thread, number));
                return number;
            }
            Err(error) => panic!("{error}"),
        }
        assert!(ws.buffered_amount() <= HIGH_WATER + FRAME);
    }
    panic!("the peer reads");
}

/// Receives in a thread until the connection is closed; returns the error, if there was one.
fn receiving(mut ws: WebSocket<Server>) -> JoinHandle<(Option<Error>, CloseCode, bool)> {
    thread::spawn(move || {
        let error = ws.recv().err();
        while !matches!(ws.recv(), Ok(None)) {}
        let info = ws.close_info().expect("closed");
        (error, info.code, info.was_clean)
    })
}

#[test]
fn without_a_limit_a_writer_waits_until_the_peer_reads() -> Result<(), Error> {
    for over in ALL {
        let (server, mut client) = pair(*over, Config::default());
        let (handle, receiver) = (server.handle(), receiving(server));
        let sender = thread::spawn(move || -> Result<(), Error> {
            for number in 0..TOO_MANY as u32 {
                handle.send(numbered(0, number))?;
                assert!(handle.buffered_amount() <= HIGH_WATER + FRAME);
            }
            handle.close(None)
        });
        thread::sleep(SOON);
        assert!(!sender.is_finished(), "{over:?}: nobody takes that much unread");
        for number in 0..TOO_MANY as u32 {
            let message = client.recv()?.expect("a message");
            assert_eq!(numbers(&message), (0, number), "{over:?}");
        }
        assert_eq!(client.recv()?, None);
        sender.join().expect("no panic")?;
        assert!(matches!(receiver.join().expect("no panic"), (None, CloseCode::NO_STATUS, true)));
    }
    Ok(())
}

#[test]
fn with_a_limit_the_message_is_handed_back_in_time() -> Result<(), Error> {
    for over in ALL {
        for patience in [Duration::ZERO, SOON] {
            let (mut server, mut client) = pair(*over, Config::default());
            server.set_send_timeout(Some(patience));
            let (handle, receiver) = (server.handle(), receiving(server));
            let mut taken = fill(&handle, 7);
            // The operating system may make a little more room.
            loop {
                let began = Instant::now();
                match handle.send(numbered(7, taken)) {
                    Ok(_) => taken += 1,
                    Err(error) => {
                        // The wait may end one tick early.
                        assert!(began.elapsed() >= patience / 2, "{over:?}: it has not waited");
                        let text = error.to_string();
                        assert_eq!(text, "cannot send yet: the peer does not read");
                        let Error::WouldExceed(Some(message)) = error else { panic!("{error}") };
                        assert_eq!(message, numbered(7, taken));
                        break;
                    }
                }
            }
            // Borrowed messages are not handed back.
            let lent = loop {
                let Message::Binary(bytes) = numbered(7, taken) else { unreachable!() };
                match handle.send_binary(&bytes) {
                    Ok(_) => taken += 1,
                    Err(error) => break error,
                }
            };
            assert!(matches!(lent, Error::WouldExceed(None)), "{lent:?}");

            for number in 0..taken {
                let message = client.recv()?.expect("a message");
                assert_eq!(numbers(&message), (7, number), "{over:?}");
            }
            // There is room again.
            while handle.send("still there").is_err() {
                thread::yield_now();
            }
            assert_eq!(client.recv()?, Some("still there".into()));
            // The writing thread may not have updated the count yet.
            while handle.buffered_amount() > 0 {
                thread::yield_now();
            }
            client.close(None)?;
            assert!(client.wait_closed()?.was_clean);
            assert!(receiver.join().expect("no panic").2);
        }
    }
    Ok(())
}

#[test]
fn many_threads_take_no_more_memory_than_one() -> Result<(), Error> {
    const THREADS: u32 = 8;
    // S2-7: the buffered amount is bounded
    for over in ALL {
        let (mut server, mut client) = pair(*over, Config::default());
        server.set_send_timeout(Some(Duration::from_millis(1)));
        let (handle, receiver) = (server.handle(), receiving(server));
        let senders: Vec<_> = (0..THREADS)
            .map(|thread| {
                let handle = handle.clone();
                thread::spawn(move || {
                    let mut taken = fill(&handle, thread);
                    for _ in 0..50 {
                        taken += u32::from(handle.send(numbered(thread, taken)).is_ok());
                        assert!(handle.buffered_amount() <= HIGH_WATER + FRAME);
                    }
                    taken
                })
            })
            .collect();
        let taken: Vec<_> =
            senders.into_iter().map(|sender| sender.join().expect("no panic")).collect();
        let mut next = [0; THREADS as usize];
        for _ in 0..taken.iter().sum::<u32>() {
            let (thread, number) = numbers(&client.recv()?.expect("a message"));
            assert_eq!(number, next[thread as usize], "{over:?}: once, and in order");
            next[thread as usize] += 1;
        }
        assert_eq!(next[..], taken);
        handle.close(None)?;
        assert_eq!(client.recv()?, None, "what was handed back was not sent");
        assert!(receiver.join().expect("no panic").2);
    }
    Ok(())
}

/// An event that ends every wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Release {
    Close,
    Terminate,
    Abort,
    KeepAlive,
}

const RELEASES: [Release; 4] =
    [Release::Close, Release::Terminate, Release::Abort, Release::KeepAlive];

impl Release {
    /// Returns a configuration that gives up a silent peer.
    fn config(self) -> Config {
        let mut config = Config::default();
        config.close_timeout = Some(SOON);
        if self == Self::KeepAlive {
            config.keep_alive = Some(KeepAlive { interval: 2 * SOON, patience: 2 * SOON });
        }
        config
    }

    fn happen(self, ws: &WebSocketConnection) {
        match self {
            Self::Close => ws.close(None).expect("open"),
            Self::Terminate => ws.terminate(4001.into(), "enough").expect("open"),
            Self::Abort => ws.abort(),
            Self::KeepAlive => {}
        }
    }
}

#[test]
fn writers_that_wait_are_released() {
    for over in ALL {
        for release in RELEASES {
            let (server, client) = pair(*over, release.config());
            let (handle, receiver) = (server.handle(), receiving(server));
            let writers: Vec<_> = (0..3)
                .map(|thread| {
                    let handle = handle.clone();
                    thread::spawn(move || {
                        let mut numbers = 0..TOO_MANY as u32;
                        numbers
                            .try_for_each(|number| handle.send(numbered(thread, number)).map(drop))
                    })
                })
                .collect();
            // Wait until the writers are stuck.
            let mut before = 0;
            while handle.buffered_amount() == 0 || handle.buffered_amount() != before {
                before = handle.buffered_amount();
                thread::sleep(SOON / 2);
            }
            release.happen(&handle);
            for writer in writers {
                let error = writer.join().expect("no panic").expect_err("not all of it");
                assert!(matches!(error, Error::Send(_) | Error::Io(_)), "{over:?}: {error:?}");
            }
            let (error, code, was_clean) = receiver.join().expect("no panic");
            assert_eq!((code, was_clean), (CloseCode::ABNORMAL, false), "{over:?} {release:?}");
            let expected = match release {
                Release::Abort => error.is_none(),
                Release::KeepAlive => {
                    matches!(error, Some(Error::Session(SessionError::KeepAliveTimeout)))
                }
                _ => matches!(error, Some(Error::Session(SessionError::WriteTimeout))),
            };
            assert!(expected, "{over:?} {release:?}: {error:?}");
            assert_eq!(handle.ready_state(), ReadyState::Closed);
            // After an abort, the system may already have taken the rest.
            let left = release != Release::Abort || handle.buffered_amount() > 0;
            assert!(left, "{over:?}: what was not sent stays counted");
            drop(client);
        }
    }
}

#[test]
fn a_reader_that_waits_is_released() {
    for over in ALL {
        for release in RELEASES {
            for answers in [true, false] {
                if answers && release == Release::KeepAlive {
                    continue;
                }
                let (server, mut client) = pair(*over, release.config());
                let (handle, receiver) = (server.handle(), receiving(server));
                // The client answers the Close, or never reads.
                let peer = answers
                    .then(|| thread::spawn(move || while !matches!(client.recv(), Ok(None)) {}));
                release.happen(&handle);
                let (_, code, was_clean) = receiver.join().expect("no panic");
                let clean = answers && release != Release::Abort;
                // On a busy machine the answer may be late; the end is then abnormal.
                assert!(was_clean <= clean, "{over:?} {release:?}");
                assert!(was_clean || code == CloseCode::ABNORMAL, "{over:?} {release:?}");
                if let Some(peer) = peer {
                    peer.join().expect("no panic");
                }
            }
        }
    }
}

#[test]
fn the_owner_that_writes_is_released_by_a_handle() {
    for over in ALL {
        let (mut server, client) = pair(*over, Config::default());
        let handle = server.handle();
        let writer = thread::spawn(move || {
            let mut numbers = 0..TOO_MANY as u32;
            numbers.try_for_each(|number| server.send(numbered(0, number)).map(drop))
        });
        thread::sleep(SOON);
        handle.abort();
        assert!(writer.join().expect("no panic").is_err(), "{over:?}");
        drop(client);
    }
}

#[test]
fn dropping_does_not_wait_for_the_peer() {
    // S2-20
    for over in ALL {
        let (mut server, client) = pair(*over, Config::default());
        server.set_send_timeout(Some(Duration::ZERO));
        let handle = server.handle();
        fill(&handle, 0);
        drop(server);
        assert_eq!(handle.ready_state(), ReadyState::Closed, "{over:?}");
        drop(client);
    }
}
