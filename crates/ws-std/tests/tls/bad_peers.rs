//! Peers without TLS, and peers that send no whole record.

use std::io::Write;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use ws_std::wsproto::Config;
use ws_std::{ClientTls, Error, Stream, accept_with};

use crate::identity::Identity;
use crate::net;
use crate::net::{read_all, yes};
use crate::support::{connect_to, echo_once};

#[test]
fn ends_that_do_not_understand_each_other_say_so() -> Result<(), Error> {
    // The client uses TLS, the server does not.
    let (address, server) = net::echo_once(Config::default());
    let port = address.rsplit(':').next().expect("a port").parse().expect("a port");
    let error = connect_to("localhost", port, &ClientTls::new()).expect_err("no TLS there");
    assert!(matches!(error, Error::Tls(_)), "{error:?}");
    assert!(server.join().expect("no panic").is_err());

    // The server uses TLS, the client does not.
    let identity = Identity::new();
    let (port, server) = echo_once(identity.server());
    let mut client = TcpStream::connect(("127.0.0.1", port))?;
    client.write_all(net::REQUEST)?;
    client.shutdown(Shutdown::Write)?;
    let answer = read_all(&mut client);
    assert!(!answer.starts_with(b"HTTP/"), "an alert, and nothing else");
    let error = server.join().expect("no panic").expect_err("no TLS there");
    assert!(matches!(error, Error::Tls(_)), "{error:?}");
    Ok(())
}

// B9: no reset overtakes the alert.
#[test]
fn an_alert_arrives_although_more_was_sent() {
    let identity = Identity::new();
    let (port, server) = echo_once(identity.server());
    let mut client = TcpStream::connect(("127.0.0.1", port)).expect("a server");
    client.write_all(net::REQUEST).expect("written");
    // Most likely failed by now.
    thread::sleep(Duration::from_millis(50));
    client.write_all(&[0; 100_000]).expect("the server still reads");
    client.shutdown(Shutdown::Write).expect("open");
    let alert = read_all(&mut client);
    assert_eq!(alert.first(), Some(&21), "{alert:?}");
    assert!(matches!(server.join().expect("no panic"), Err(Error::Tls(_))));
}

// A read of part of a record counts as a wait.
#[test]
fn ciphertext_that_makes_no_plaintext_does_not_stretch_a_patience() -> Result<(), Error> {
    let identity = Identity::new();
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    let raw_to_test = std::sync::mpsc::channel();
    let (tls, to_test) = (identity.server(), raw_to_test.0);
    let server = thread::spawn(move || {
        let (tcp, _) = listener.accept()?;
        to_test.send(tcp.try_clone()?).expect("the test waits");
        accept_with(Stream::accept_tls(&tls, tcp)?, Config::default(), yes)
    });
    let mut ws = connect_to("localhost", port, &identity.client())?;
    let _open = server.join().expect("no panic")?.expect("an upgrade");
    let mut raw = raw_to_test.1.recv().expect("a socket");
    // An endless record, a byte at a time.
    let trickle = thread::spawn(move || {
        let mut bytes = b"\x17\x03\x03\x40\x00".iter().copied().chain(std::iter::repeat(0));
        while bytes.next().is_some_and(|byte| raw.write_all(&[byte]).is_ok()) {
            thread::sleep(Duration::from_millis(5));
        }
    });
    ws.set_recv_timeout(Some(Duration::from_millis(100)));
    let error = ws.recv().expect_err("nothing whole");
    assert!(matches!(error, Error::Io(error) if error.kind() == std::io::ErrorKind::TimedOut));
    drop(ws);
    trickle.join().expect("no panic");
    Ok(())
}

#[test]
fn ciphertext_that_makes_no_plaintext_does_not_stretch_a_deadline() {
    // A39: an endless record, a byte at a time.
    let identity = Identity::new();
    let mut config = Config::default();
    config.handshake_timeout = Some(Duration::from_millis(200));
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    let tls = identity.server();
    let server = thread::spawn(move || {
        let (tcp, _) = listener.accept()?;
        accept_with(Stream::accept_tls(&tls, tcp)?, config, yes)
    });
    let mut client = TcpStream::connect(address).expect("a server");
    let mut record = b"\x16\x03\x01\x40\x00".to_vec();
    record.resize(16_000, 0);
    for byte in record {
        if server.is_finished() || client.write_all(&[byte]).is_err() {
            break;
        }
        thread::sleep(Duration::from_millis(10));
    }
    assert!(server.is_finished(), "the server waited for the end of the record");
    assert!(!matches!(server.join().expect("no panic"), Ok(Some(_))));
}
