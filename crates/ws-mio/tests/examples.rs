//! The examples as people meet them: usage, wrong arguments, ports in use, Ctrl-C.
//!
//! `cargo test` builds the examples; with `--test examples` alone it does not.

use ws_demo::testing::{check_port_in_use, check_subscriber, check_usage, check_wrong};

const SERVERS: [&str; 4] = ["broadcast", "by_hand", "mio_chat", "mio_own_loop"];

#[test]
fn usage_is_told() {
    for name in SERVERS {
        check_usage(name);
    }
    #[cfg(feature = "tls")]
    for name in ["mio_autobahn_client", "mio_echo_server"] {
        check_usage(name);
    }
}

#[test]
fn wrong_arguments_are_named() {
    check_wrong("by_hand", &["nowhere"], "ADDRESS cannot be \"nowhere\": ");
    check_wrong("mio_chat", &["127.0.0.1:0", "more"], "unexpected argument \"more\"");
    #[cfg(feature = "tls")]
    {
        check_wrong("mio_echo_server", &["127.0.0.1:0", "--tls", "a"], "--tls needs 2 values");
        let zero = ["127.0.0.1:0", "--threads", "x"];
        check_wrong("mio_echo_server", &zero, "--threads cannot be \"x\": ");
    }
}

#[test]
fn a_subscriber_subscribes_again() {
    check_usage("mio_subscriber");
    check_subscriber("mio_subscriber");
}

#[test]
fn a_port_in_use_is_named() {
    for name in SERVERS {
        check_port_in_use(name, &[]);
    }
    #[cfg(feature = "tls")]
    check_port_in_use("mio_echo_server", &["--threads", "2"]);
}

#[test]
#[cfg(feature = "tls")]
fn a_refused_connection_is_named() {
    ws_demo::testing::check_refused("mio_autobahn_client", &["ws://{}", "agent"]);
}

#[cfg(unix)]
mod signals {
    use std::io::{Read, Write};
    use std::net::TcpStream;

    use ws_demo::testing::Server;

    use super::SERVERS;

    /// An opening handshake by hand: these tests need no client.
    const REQUEST: &str = "GET /?name=Ann&seconds HTTP/1.1\r\nHost: localhost\r\n\
        Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    /// A masked Close with 1001; the masking key is zero.
    const CLOSE: [u8; 8] = [0x88, 0x82, 0, 0, 0, 0, 3, 0xe9];

    fn connect(server: &Server) -> TcpStream {
        let mut stream = TcpStream::connect(&server.address).expect("a connection");
        stream.write_all(REQUEST.as_bytes()).expect("a request");
        let head = read_until(&mut stream, b"\r\n\r\n");
        assert!(head.starts_with(b"HTTP/1.1 101"), "{:?}", String::from_utf8_lossy(&head));
        stream
    }

    fn read_until(stream: &mut TcpStream, end: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        while !bytes.ends_with(end) {
            let mut byte = [0];
            let read = stream.read_exact(&mut byte);
            read.unwrap_or_else(|error| panic!("no {end:x?}: {error}, after {bytes:x?}"));
            bytes.extend(byte);
        }
        bytes
    }

    #[test]
    fn ctrl_c_closes_all_connections_with_1001() {
        for name in SERVERS {
            let mut server = Server::start(name, &["127.0.0.1:0"]);
            let streams = [(); 3].map(|()| connect(&server));
            server.signal(if name == "by_hand" { "TERM" } else { "INT" });
            for mut stream in streams {
                // Behind what the server had to say before.
                read_until(&mut stream, &[0x88, 2, 3, 0xe9]);
                stream.write_all(&CLOSE).expect("a Close");
                let rest = stream.read(&mut [0]).expect("the end, and in order");
                assert_eq!(rest, 0, "{name}: there is something behind the Close");
            }
            assert_eq!(server.wait().code(), Some(0), "{name}");
        }
    }

    #[test]
    fn a_second_ctrl_c_does_not_wait() {
        for name in ["by_hand", "mio_chat", "mio_own_loop"] {
            let mut server = Server::start(name, &["127.0.0.1:0"]);
            let _silent = connect(&server);
            server.signal("INT");
            assert!(server.wait_for_complaint().contains("Ctrl-C again"));
            server.signal("INT");
            assert_eq!(server.wait().code(), Some(130), "{name}");
        }
    }
}
