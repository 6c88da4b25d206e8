//! A server that yields connections instead of calling handlers.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread;

use ws_common::adapter::logging::error;
use ws_common::adapter::{Acceptor, Permit};
use ws_common::{Cancel, Decision, Error, IncomingRequest, ServerHandle};
use wsproto::Server;

use crate::server::{Begun, begin};
use crate::{WebSocket, WebSocketServer};

impl WebSocketServer {
    /// Returns an iterator over the connections that open, instead of calling handlers. Each handshake has
    /// a thread of its own, so a slow one does not delay the others. Requests that are not an upgrade are
    /// refused. [`ServerOptions::max_connections`](crate::ServerOptions::max_connections) and
    /// [`max_connections_per_address`](crate::ServerOptions::max_connections_per_address()) count a connection
    /// only until the iterator yields it.
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
    /// [`io::Error`] if the operating system cannot create the accepting thread.
    pub fn incoming(self) -> io::Result<Incoming> {
        self.incoming_with(|_: &IncomingRequest| Decision::accept(()))
    }

    /// As [`incoming`](Self::incoming), but calls `decide` for every request that the options allow,
    /// including requests that are not an upgrade. Several threads may call it at the same time.
    ///
    /// # Errors
    ///
    /// As [`incoming`](Self::incoming).
    pub fn incoming_with(
        self,
        decide: impl Fn(&IncomingRequest) -> Decision<()> + Send + Sync + 'static,
    ) -> io::Result<Incoming> {
        let acceptor = self.acceptor(|_: &_, _: &_| Decision::accept(()));
        let server = acceptor.server().clone();
        let decide = Arc::new(decide);
        // No buffer: until the iterator takes a connection, its thread waits, and it counts towards the limit.
        let (sender, opened) = mpsc::sync_channel(0);
        thread::Builder::new().spawn(move || {
            let ended = Cancel::new();
            acceptor.join();
            let accepted = self.accept_until_end(&acceptor, |acceptor, permit, tcp, peer| {
                let (acceptor, ended) = (Arc::clone(acceptor), ended.clone());
                let (sender, decide) = (sender.clone(), Arc::clone(&decide));
                thread::Builder::new().spawn(move || {
                    match open(&acceptor, &ended, permit, tcp, peer, &*decide) {
                        // Until it is taken, the permit counts it. Fails if the iterator was dropped.
                        Ok(Some((ws, _permit))) => drop(sender.send(Some(ws))),
                        Ok(None) => {}
                        // A failed handshake yields no connection.
                        Err(error) => acceptor.report(peer, &error),
                    }
                })?;
                Ok(())
            });
            if let Err(error) = accepted {
                error!("the server has failed: {error}");
            }
            acceptor.leave();
            ended.cancel();
            // Handshakes may still run and hold senders, so the end is a message.
            let _ = sender.send(None);
        })?;
        Ok(Incoming { server, opened: Some(opened) })
    }
}

fn open(
    acceptor: &Arc<Acceptor>,
    ended: &Cancel,
    permit: Permit,
    tcp: TcpStream,
    peer: Option<SocketAddr>,
    decide: impl Fn(&IncomingRequest) -> Decision<()>,
) -> Result<Option<(WebSocket<Server>, Permit)>, Error> {
    let begun = begin(acceptor, ended, permit, tcp, peer)?;
    let Some(Begun { mut ws, mut permit, on_end: _on_end }) = begun else { return Ok(None) };
    match ws.handshake(|request| acceptor.decide_by(&mut permit, request, decide))? {
        true => Ok(Some((ws, permit))),
        false => ws.wait_closed().map(|_| None),
    }
}

/// An iterator over connections, in the order in which they open. It ends when the server does. Dropping it
/// ends the server, but not the connections it has yielded.
#[derive(Debug)]
pub struct Incoming {
    server: ServerHandle,
    /// `None` once the server has ended.
    opened: Option<Receiver<Option<WebSocket<Server>>>>,
}

impl Incoming {
    /// Returns the handle of the server, to end it. The handle knows no connections: the caller owns them.
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
