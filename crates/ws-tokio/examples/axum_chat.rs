//! A chat server on axum: open the printed address in two browser windows.
//!
//! ```text
//! cargo run --release -p ws-tokio --features axum --example axum_chat [-- 127.0.0.1:8080]
//! ```
//!
//! One port serves the page and the chat, over HTTP/1.1 and HTTP/2. The page, and what happens in a room, are those of
//! the example `chat` of ws-std.

use std::process::ExitCode;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use ws_demo::chat::{self, Chat};
use ws_demo::{Arguments, Failure, cannot_listen, on_ctrl_c};
#[cfg(feature = "deflate")]
use ws_tokio::wsproto::Deflate;
use ws_tokio::{Refusal, ServerOptions, Upgrade, UpgradeServer, http_response};

const USAGE: &str = "\
usage: axum_chat [ADDRESS]

Serves a chat and its web page at ADDRESS (default 127.0.0.1:8080), with axum.
Ctrl-C closes all connections with 1001.
";

#[derive(Clone)]
struct App {
    chat: Arc<Chat>,
    server: UpgradeServer,
}

/// Answers every request: with a connection to the chat, or with the page.
async fn answer(State(app): State<App>, uri: Uri, upgrade: Result<Upgrade, Refusal>) -> Response {
    match upgrade {
        Ok(upgrade) => match app.chat.visit(upgrade.request()) {
            Ok(visit) => upgrade.run(&app.server, |ws| async { drop(ws.run(visit).await) }),
            Err(response) => http_response(&response),
        },
        Err(refusal) if refusal.is_ordinary() => http_response(&app.chat.page(uri.path())),
        Err(refusal) => refusal.into_response(),
    }
}

fn main() -> ExitCode {
    ws_demo::main(USAGE, run)
}

#[tokio::main]
async fn run(arguments: &mut Arguments) -> Result<(), Failure> {
    let address = arguments.word_if_any("ADDRESS")?.unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    arguments.end()?;

    let options = ServerOptions::new().config(chat::config());
    // Rooms have no secrets that a compressed message could betray.
    #[cfg(feature = "deflate")]
    let options = options.deflate(Deflate::new());
    let server = UpgradeServer::new(options);
    let app = App { chat: Arc::default(), server: server.clone() };
    let router = Router::new().fallback(answer).with_state(app);

    let listener = TcpListener::bind(&address).await.map_err(cannot_listen(&address))?;
    println!("chat: open http://{}/ in two browser windows", listener.local_addr()?);
    let (stop, stopped) = oneshot::channel();
    on_ctrl_c(move || stop.send(()).unwrap_or_default())?;
    let (stopping, end) = oneshot::channel::<()>();
    let serving = axum::serve(listener, router).with_graceful_shutdown(async { drop(end.await) });
    let serving = tokio::spawn(async move { serving.await });
    // It never comes without a signal.
    let _ = stopped.await;
    drop(stopping);
    server.terminate(None).await;
    serving.await??;
    Ok(())
}
