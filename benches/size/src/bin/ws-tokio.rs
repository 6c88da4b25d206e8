//! `ws-tokio`, with handlers.

use ws_tokio::{Decision, Message, ServerOptions, WebSocketConnection, WebSocketServer};

fn main() -> size::Outcome {
    let options = ServerOptions::new();
    #[cfg(feature = "tls")]
    let options = {
        let [certificate, key] = size::certificate();
        options.tls(ws_tokio::ServerTls::from_pem_files(certificate, key)?)
    };
    #[cfg(feature = "deflate")]
    let options = options.deflate(ws_tokio::wsproto::Deflate::new());
    let listener = size::listen()?;
    let server = WebSocketServer::from_listener(listener, options);
    Ok(size::runtime()?.block_on(server.run(|_: &_, _: &_| Decision::accept(echo)))?)
}

fn echo(ws: &WebSocketConnection, message: Message) {
    // Fails if the client is gone.
    let _ = ws.send(message);
}
