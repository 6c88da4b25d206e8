//! A server for a loop instead of handlers.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread;

use log::{debug, warn};
use ws_common::{Answer, Error, ServerHandle};
use wsproto::Server;
use wsproto::handshake::{Accept, Request};

use crate::{Stream, WebSocket, WebSocketServer, accept_with};

impl WebSocketServer {
    /// Opens connections for a loop, instead of calling handlers. Each handshake has a thread of its
    /// own, so that a slow one does not hold up the others. Ordinary requests are refused.
    ///
    /// ```
    /// # let server = ws_std::WebSocketServer::bind("127.0.0.1:0")?;
    /// # let url = format!("ws://{}/", server.local_addr()?);
    /// # let client = std::thread::spawn(move || ws_std::connect(&url)?.recv());
    /// for mut ws in server.incoming()? {
    ///     std::thread::spawn(move || ws.send("welcome"));
    /// #   break;
    /// }
    /// # assert_eq!(client.join().unwrap()?, Some("welcome".into()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`io::Error`] if the operating system has no thread.
    pub fn incoming(self) -> io::Result<Incoming> {
        let accept = |_: &Request| Answer::Accept(Accept::new());
        self.incoming_with(accept)
    }

    /// As [`incoming`](Self::incoming), but `answer` decides on every request that the options allow,
    /// and on ordinary ones; it is called by several threads.
    ///
    /// # Errors
    ///
    /// As [`incoming`](Self::incoming).
    pub fn incoming_with(
        self,
        answer: impl Fn(&Request) -> Answer + Send + Sync + 'static,
    ) -> io::Result<Incoming> {
        let server = self.handle();
        let (handle, answer) = (server.clone(), Arc::new(answer));
        // A connection keeps its thread, and its place among those that are allowed, until it is taken.
        let (sender, opened) = mpsc::sync_channel(0);
        thread::Builder::new().spawn(move || {
            let start = |tcp, peer| {
                let (server, sender, answer) =
                    (handle.clone(), sender.clone(), Arc::clone(&answer));
                let patience = self.write_patience;
                self.start(&handle, tcp, move |stream| {
                    let config = Arc::clone(&server.options().config);
                    let answer = |request: &Request| match server.options().refusal(request) {
                        Some(refusal) if request.check_upgrade().is_ok() => {
                            Answer::Respond(refusal)
                        }
                        _ => answer(request),
                    };
                    let opened = stream.map_err(Error::from);
                    match opened.and_then(|stream| accept_with(stream, config, answer)) {
                        Ok(Some(mut ws)) => {
                            ws.set_write_patience(patience);
                            ws.set_high_water_mark(server.options().high_water_mark);
                            // Nobody waits for it any more if the loop has ended.
                            let _ = sender.send(Some(ws));
                        }
                        Ok(None) => {}
                        // A handshake that fails is no connection.
                        Err(error) => debug!("no connection with {peer}: {error}"),
                    }
                })
            };
            let failed = |error| warn!("cannot accept: {error}");
            self.accept_until_end(&handle, start, failed);
            handle.wait_terminated();
            // There may be handshakes yet, which nobody waits for.
            let _ = sender.send(None);
        })?;
        Ok(Incoming { server, opened: Some(opened) })
    }
}

/// Connections as they open; ends when the server does. Dropping it ends the server, but not the
/// connections it has given.
#[derive(Debug)]
pub struct Incoming {
    server: ServerHandle,
    /// `None` once the server has ended.
    opened: Option<Receiver<Option<WebSocket<Stream, Server>>>>,
}

impl Incoming {
    /// Returns the handle of the server, to end it. It has no connections: they are the loop's.
    #[must_use]
    pub const fn handle(&self) -> &ServerHandle {
        &self.server
    }
}

impl Iterator for Incoming {
    type Item = WebSocket<Stream, Server>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.opened.as_ref()?.recv().ok().flatten();
        if next.is_none() {
            self.opened = None;
        }
        next
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        self.server.terminate(None);
    }
}
