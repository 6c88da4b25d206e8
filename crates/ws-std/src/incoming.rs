//! A server for a loop instead of handlers.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread;

use log::debug;
use ws_common::adapter::Acceptor;
use ws_common::{Decision, Error, ServerHandle};
use wsproto::Server;
use wsproto::handshake::Request;

use crate::server::begin;
use crate::{WebSocket, WebSocketServer};

impl WebSocketServer {
    /// Opens connections for a loop, instead of calling handlers. Each handshake has a thread of its
    /// own, so that a slow one does not hold up the others. Ordinary requests are refused.
    ///
    /// ```
    /// # let server = ws_std::WebSocketServer::bind("127.0.0.1:0", Default::default())?;
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
        self.incoming_with(|_: &Request| Decision::accept(()))
    }

    /// As [`incoming`](Self::incoming), but `decide` decides on every request that the options allow,
    /// and on ordinary ones; it is called by several threads.
    ///
    /// # Errors
    ///
    /// As [`incoming`](Self::incoming).
    pub fn incoming_with(
        self,
        decide: impl Fn(&Request) -> Decision<()> + Send + Sync + 'static,
    ) -> io::Result<Incoming> {
        let acceptor = Arc::new(Acceptor::new(self.handle(), |_: &_, _: &_| Decision::accept(())));
        let server = acceptor.server().clone();
        let decide = Arc::new(decide);
        // A connection keeps its thread, and its place among those that are allowed, until it is taken.
        let (sender, opened) = mpsc::sync_channel(0);
        thread::Builder::new().spawn(move || {
            acceptor.join();
            self.accept_until_end(&acceptor, |acceptor, permit, tcp, peer| {
                let (acceptor, sender, decide) =
                    (Arc::clone(acceptor), sender.clone(), Arc::clone(&decide));
                thread::Builder::new().spawn(move || {
                    let decide = |request: &Request| acceptor.refusal(request, &*decide);
                    match begin(&acceptor, tcp, peer)
                        .map_err(Error::from)
                        .and_then(|ws| open(ws, decide))
                    {
                        Ok(Some(ws)) => {
                            // Nobody waits for it any more if the loop has ended.
                            let _ = sender.send(Some(ws));
                        }
                        Ok(None) => {}
                        // A handshake that fails is no connection.
                        Err(error) => debug!("no connection with {peer}: {error}"),
                    }
                    drop(permit);
                })?;
                Ok(())
            });
            acceptor.leave();
            // There may be handshakes yet, which nobody waits for.
            let _ = sender.send(None);
        })?;
        Ok(Incoming { server, opened: Some(opened) })
    }
}

fn open(
    mut ws: WebSocket<Server>,
    decide: impl FnOnce(&Request) -> Decision<()>,
) -> Result<Option<WebSocket<Server>>, Error> {
    match ws.handshake(decide)? {
        true => Ok(Some(ws)),
        false => ws.wait_closed().map(|_| None),
    }
}

/// Connections as they open; ends when the server does. Dropping it ends the server, but not the
/// connections it has given.
#[derive(Debug)]
pub struct Incoming {
    server: ServerHandle,
    /// `None` once the server has ended.
    opened: Option<Receiver<Option<WebSocket<Server>>>>,
}

impl Incoming {
    /// Returns the handle of the server, to end it. It has no connections: they are the loop's.
    #[must_use]
    pub const fn handle(&self) -> &ServerHandle {
        &self.server
    }
}

impl Iterator for Incoming {
    type Item = WebSocket<Server>;

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
