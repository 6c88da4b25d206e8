//! The examples as people meet them: usage, wrong arguments, ports in use, Ctrl-C.
//!
//! `cargo test` builds the examples; with `--test examples` alone it does not.

use ws_demo::testing::{check_port_in_use, check_refused, check_usage, check_wrong};

const SERVERS: [&str; 3] = ["graceful_shutdown", "per_core", "tokio_echo_server"];

#[test]
fn usage_is_told() {
    for name in SERVERS.into_iter().chain(["sink_stream", "tokio_autobahn_client", "tokio_client"])
    {
        check_usage(name);
    }
    #[cfg(feature = "hyper")]
    check_usage("hyper_upgrade");
    #[cfg(feature = "axum")]
    check_usage("axum_chat");
}

#[test]
fn wrong_arguments_are_named() {
    for name in SERVERS {
        check_wrong(name, &[], "ADDRESS is missing");
        check_wrong(name, &["127.0.0.1:0", "more"], "unexpected argument \"more\"");
        check_wrong(name, &["nowhere"], "nowhere is not an address");
    }
    for name in ["per_core", "tokio_echo_server"] {
        check_wrong(name, &["127.0.0.1:0", "--threads", "x"], "--threads cannot be \"x\": ");
    }
}

#[test]
fn a_port_in_use_is_named() {
    for name in SERVERS {
        check_port_in_use(name, &[]);
    }
    check_port_in_use("tokio_echo_server", &["--async", "--threads", "2"]);
    #[cfg(feature = "axum")]
    check_port_in_use("axum_chat", &[]);
}

#[test]
fn a_refused_connection_is_named() {
    check_refused("tokio_autobahn_client", &["ws://{}", "agent"]);
    check_refused("tokio_client", &["ws://{}"]);
}

#[cfg(unix)]
mod signals {
    use ws_demo::testing::Server;
    use ws_tokio::wsproto::CloseCode;
    use ws_tokio::{WebSocket, connect};

    async fn open(server: &Server) -> WebSocket {
        connect(&format!("ws://{}/", server.address)).await.expect("a server")
    }

    #[tokio::test]
    async fn ctrl_c_closes_all_connections_and_tells_why() {
        let servers: [(&str, &[&str], CloseCode); 4] = [
            ("per_core", &["--threads", "2"], CloseCode::GOING_AWAY),
            ("tokio_echo_server", &[], CloseCode::GOING_AWAY),
            ("tokio_echo_server", &["--async"], CloseCode::GOING_AWAY),
            ("graceful_shutdown", &[], CloseCode::SERVICE_RESTART),
        ];
        for (name, more, code) in servers {
            let mut server = Server::start(name, &[&["127.0.0.1:0"], more].concat());
            let mut clients = [open(&server).await, open(&server).await, open(&server).await];
            server.signal("INT");
            for ws in &mut clients {
                let info = ws.closed().await.expect("no failure");
                assert_eq!((info.code, info.was_clean), (code, true), "{name} {more:?}");
            }
            assert_eq!(server.wait().code(), Some(0), "{name} {more:?}");
        }
    }

    #[tokio::test]
    async fn a_connection_stays_on_its_thread() {
        let server = Server::start("per_core", &["127.0.0.1:0", "--threads", "2"]);
        for _ in 0..4 {
            let mut ws = open(&server).await;
            let mut threads = Vec::new();
            for _ in 0..3 {
                ws.send("Hello").await.expect("open");
                let answer = ws.recv().await.expect("open").expect("an answer");
                let answer = answer.as_text().expect("a text").to_owned();
                assert!(
                    answer.starts_with("ThreadId(") && answer.ends_with("): Hello"),
                    "{answer}"
                );
                threads.push(answer);
            }
            threads.dedup();
            assert_eq!(threads.len(), 1, "{threads:?}");
        }
    }
}
