//! The extractor of axum, on a socket: one route for both versions.

use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::{any, get};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::timeout;
use ws_tokio::wsproto::CloseCode;
use ws_tokio::{Error, H2, Message, Refusal, Upgrade, UpgradeServer, connect};

use crate::support::*;

async fn chat(State(server): State<UpgradeServer>, upgrade: Upgrade) -> impl IntoResponse {
    let room = upgrade.request().query().map(str::to_owned);
    upgrade.subprotocols(&["v1"]).run::<axum::body::Body, _>(&server, |ws| async move {
        ws.handle().subscribe("lobby").expect("open");
        let _ = ws.send(room.unwrap_or_default()).await;
        echo(ws).await;
    })
}

/// A page for ordinary requests.
async fn either(
    State(server): State<UpgradeServer>,
    upgrade: Result<Upgrade, Refusal>,
) -> axum::response::Response {
    match upgrade {
        Ok(upgrade) => upgrade.run(&server, echo),
        Err(_) => "a page".into_response(),
    }
}

/// Over HTTP/1.1 and HTTP/2, through a router: messages, a broadcast, a refusal, and a graceful end of both servers.
#[tokio::test]
async fn a_router_serves_both_versions_and_ends() {
    let server = server();
    let router = Router::new()
        .route("/chat", any(chat))
        .route("/either", any(either))
        .route("/get", get(chat))
        .with_state(server.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(async move {
        let stopped = async { drop(stopped.await) };
        axum::serve(listener, router).with_graceful_shutdown(stopped).await
    });

    let mut one = connect(&format!("ws://{address}/chat?over=1")).await.expect("HTTP/1.1");
    let h2 = H2::connect(&format!("ws://{address}")).await.expect("HTTP/2");
    let mut two = h2.open_path("/chat?over=2").await.expect("an extended CONNECT");
    for (ws, query) in [(&mut one, "over=1"), (&mut two, "over=2")] {
        assert_eq!(ws.recv().await.expect("no error"), Some(query.into()));
        ws.send(vec![7; 100_000]).await.expect("open");
        assert_eq!(ws.recv().await.expect("no error"), Some(Message::Binary(vec![7; 100_000])));
    }
    server.publish("lobby", "to all");
    for ws in [&mut one, &mut two] {
        assert_eq!(ws.recv().await.expect("no error"), Some("to all".into()));
    }
    let either = h2.open_path("/either").await.expect("open");
    drop(either);
    // Over HTTP/2 a WebSocket is no GET.
    let Err(Error::Http(refused)) = h2.open_path("/get").await else { panic!("a route for GET") };
    assert_eq!(refused.status(), 405);
    assert!(connect(&format!("ws://{address}/get")).await.is_ok());

    let _ = stop.send(());
    let (ended, ()) = tokio::join!(timeout(PATIENCE, serving), async {
        let end = server.terminate(Some(PATIENCE));
        let read = async {
            for ws in [&mut one, &mut two] {
                let info = ws.closed().await.expect("no error");
                assert_eq!(info.code, CloseCode::GOING_AWAY);
            }
        };
        timeout(PATIENCE, async { tokio::join!(end, read) }).await.expect("in time");
        drop(h2);
    });
    ended.expect("in time").expect("no panic").expect("no error");
}
