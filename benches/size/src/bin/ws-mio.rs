//! `ws-mio`, with handlers.

use ws_mio::{Decision, Message, ServerOptions, WebSocketConnection, WebSocketServer};

fn main() -> size::Outcome {
    let options = ServerOptions::new();
    #[cfg(feature = "tls")]
    let options = {
        let [certificate, key] = size::certificate();
        options.tls(ws_mio::ServerTls::from_pem_files(certificate, key)?)
    };
    #[cfg(feature = "deflate")]
    let options = options.deflate(ws_mio::wsproto::Deflate::new());
    let server = WebSocketServer::from_listener(size::listen()?, options);
    Ok(server.run(|_: &_, _: &_| Decision::accept(echo))?)
}

fn echo(ws: &WebSocketConnection, message: Message) {
    // Fails if the client is gone.
    let _ = ws.send(message);
}
