//! The examples as command-line programs: usage, wrong arguments, ports in use, Ctrl-C.
//!
//! `cargo test` builds the examples; with `--test examples` alone it does not.

use ws_demo::testing::{
    check_port_in_use, check_refused, check_subscriber, check_usage, check_wrong,
};

#[test]
fn usage_is_told() {
    for name in ["chat", "chat_client", "duplex", "echo_server", "service", "subscriber"] {
        check_usage(name);
    }
    #[cfg(feature = "tls")]
    for name in ["autobahn_client", "tls_echo"] {
        check_usage(name);
    }
}

#[test]
fn wrong_arguments_are_named() {
    check_wrong("echo_server", &[], "ADDRESS is missing");
    check_wrong("echo_server", &["127.0.0.1:0", "more"], "unexpected argument \"more\"");
    check_wrong("echo_server", &["127.0.0.1:0", "--max-message"], "--max-message needs a value");
    let negative = "--max-message cannot be \"-1\": invalid digit found in string";
    check_wrong("echo_server", &["127.0.0.1:0", "--max-message", "-1"], negative);
    check_wrong("chat", &["nowhere"], "nowhere is not an address: HOST:PORT is");
    check_wrong("chat_client", &["ftp://127.0.0.1/", "Ann"], "URL cannot be \"ftp://127.0.0.1/\"");
    check_wrong("chat_client", &["ws://127.0.0.1/"], "NAME is missing");
}

#[test]
fn a_subscriber_subscribes_again() {
    check_subscriber("subscriber");
}

#[test]
fn a_port_in_use_is_named() {
    for name in ["chat", "echo_server", "service"] {
        check_port_in_use(name, &[]);
    }
}

#[test]
fn a_refused_connection_is_named() {
    check_refused("chat_client", &["ws://{}/", "Ann"]);
    #[cfg(feature = "tls")]
    check_refused("autobahn_client", &["ws://{}", "agent"]);
}

#[cfg(unix)]
mod signals {
    use std::io::{BufRead, BufReader};
    use std::net::TcpListener;
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixListener;
    use std::process::{Command, Stdio};
    use std::{env, fs, process};

    use ws_demo::testing::{Server, example};
    use ws_std::connect;
    use ws_std::wsproto::CloseCode;
    use ws_std::wsproto::Config;
    use ws_std::wsproto::handshake::ClientRequest;
    use ws_std::wsproto::url::WsUrl;
    use ws_std::{ServerSocket, WebSocket};

    #[test]
    fn ctrl_c_closes_all_connections_with_1001() {
        for (name, signal) in [("echo_server", "INT"), ("echo_server", "TERM"), ("chat", "INT")] {
            let mut server = Server::start(name, &["127.0.0.1:0"]);
            let url = format!("ws://{}/?name=Ann", server.address);
            let mut clients = [(); 3].map(|()| connect(&url).expect("a connection"));
            server.signal(signal);
            for client in &mut clients {
                let info = client.wait_closed().expect("it closes");
                assert_eq!((info.code, info.was_clean), (CloseCode::GOING_AWAY, true), "{name}");
            }
            assert_eq!(server.wait().code(), Some(0), "{name} after {signal}");
        }
    }

    /// Starts `service` as a service manager does, with a socket as its descriptor 3, and runs `client`.
    fn with_service(socket: OwnedFd, client: impl FnOnce()) {
        let passes = "exec 3<&0 </dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" 127.0.0.1:0";
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(passes).arg(example("service").get_program());
        let mut child = shell.stdin(socket).stdout(Stdio::piped()).spawn().expect("a shell");
        let mut line = String::new();
        let out = child.stdout.take().expect("piped");
        BufReader::new(out).read_line(&mut line).expect("it tells where it listens");
        assert!(line.starts_with("listening on"), "{line}");
        client();
        child.kill().expect("it runs");
        child.wait().expect("it ends");
    }

    #[test]
    fn a_service_manager_passes_the_listener() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("ws://{}/", listener.local_addr().expect("an address"));
        with_service(listener.into(), || {
            let mut ws = connect(&url).expect("a connection");
            ws.send("Hello").expect("open");
            assert_eq!(ws.recv().expect("open"), Some("Hello".into()));
        });
        let path = env::temp_dir().join(format!("ws-service-{}", process::id()));
        let ServerSocket::Unix(listener) = ServerSocket::bind_unix(&path).expect("a path") else {
            unreachable!("it is one of a Unix domain")
        };
        let listener: UnixListener = listener;
        with_service(listener.into(), || {
            let stream = std::os::unix::net::UnixStream::connect(&path).expect("a server");
            let url = WsUrl::parse("ws://localhost/").expect("a URL");
            let ws = WebSocket::client(stream, ClientRequest::new(url), Config::new());
            let mut ws = ws.expect("random bytes");
            ws.handshake().expect("a connection");
            ws.send("Hello").expect("open");
            assert_eq!(ws.recv().expect("open"), Some("Hello".into()));
        });
        fs::remove_file(path).expect("it is there");
    }

    #[test]
    fn a_second_ctrl_c_does_not_wait() {
        let mut server = Server::start("echo_server", &["127.0.0.1:0"]);
        // Does not answer the Close, because no thread calls `recv`.
        let _silent = connect(&format!("ws://{}/", server.address)).expect("a connection");
        server.signal("INT");
        assert!(server.wait_for_complaint().contains("Ctrl-C again"));
        server.signal("INT");
        assert_eq!(server.wait().code(), Some(130));
    }
}
