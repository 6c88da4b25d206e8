//! The examples as command-line programs: usage, wrong arguments, ports in use, Ctrl-C.
//!
//! `cargo test` builds the examples; with `--test examples` alone it does not.

use ws_demo::testing::{check_port_in_use, check_refused, check_usage, check_wrong};

#[test]
fn usage_is_told() {
    for name in ["chat", "chat_client", "duplex", "echo_server"] {
        check_usage(name);
    }
    #[cfg(feature = "tls")]
    for name in ["autobahn_client", "client", "tls_echo"] {
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
    #[cfg(feature = "tls")]
    check_wrong("client", &["ws://127.0.0.1/", "--header", "x"], "--header needs \"Name: value\"");
}

#[test]
fn a_port_in_use_is_named() {
    for name in ["chat", "echo_server"] {
        check_port_in_use(name, &[]);
    }
}

#[test]
fn a_refused_connection_is_named() {
    check_refused("chat_client", &["ws://{}/", "Ann"]);
    #[cfg(feature = "tls")]
    {
        check_refused("client", &["ws://{}/"]);
        check_refused("autobahn_client", &["ws://{}", "agent"]);
    }
}

#[cfg(unix)]
mod signals {
    use ws_demo::testing::Server;
    use ws_std::connect;
    use ws_std::wsproto::CloseCode;

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
