//! `ws-tokio`, with a task of the application's for each connection.

use ws_tokio::{Error, Incoming, Listener, ServerOptions};

fn main() -> size::Outcome {
    let options = ServerOptions::new();
    #[cfg(feature = "tls")]
    let options = {
        let [certificate, key] = size::certificate();
        options.tls(ws_tokio::ServerTls::from_pem_files(certificate, key)?)
    };
    #[cfg(feature = "deflate")]
    let options = options.deflate(ws_tokio::wsproto::Deflate::new());
    let socket = size::listen()?;
    size::runtime()?.block_on(async {
        let mut listener = Listener::from_listener(socket, options)?;
        while let Some(incoming) = listener.accept().await? {
            tokio::spawn(echo_all(incoming));
        }
        Ok(())
    })
}

async fn echo_all(incoming: Incoming) -> Result<(), Error> {
    let mut ws = incoming.accept().await?;
    while let Some(message) = ws.recv().await? {
        ws.send(message).await?;
    }
    Ok(())
}
