//! Permits for a server's connections, and the end of a server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use crate::admission::{AddressKey, Refusal};
use crate::{ServerHandle, WebSocketConnection};

/// Counts one connection towards [`ServerOptions::max_connections`](crate::ServerOptions::max_connections)
/// and the limits of its client's address, from the moment its transport is accepted. Dropping it frees the
/// place.
#[derive(Debug)]
pub struct Permit(Arc<Place>);

/// The place that a permit frees. Permits whose client's address is not counted share one, so that a permit is
/// one word.
#[derive(Debug)]
pub(super) struct Place {
    server: ServerHandle,
    address: Option<AddressKey>,
}

impl Place {
    /// Creates the place of connections whose client's address is not counted.
    pub(super) fn uncounted(server: &ServerHandle) -> Arc<Self> {
        Arc::new(Self { server: server.clone(), address: None })
    }
}

impl Permit {
    /// Admits a client, unless there are too many.
    pub(super) fn new(uncounted: &Arc<Place>, peer: Option<SocketAddr>) -> Result<Self, Refusal> {
        let server = &uncounted.server;
        let address = counted(server, peer);
        server.roster().admit(address)?;
        Ok(Self(match address {
            None => Arc::clone(uncounted),
            address => Arc::new(Place { server: server.clone(), address }),
        }))
    }

    /// Counts the address of a client whose proxy has named it, unless its address is counted already.
    pub(super) fn count(&mut self, client: Option<SocketAddr>) -> Result<(), Refusal> {
        let server = &self.0.server;
        if self.0.address.is_none()
            && let Some(address) = counted(server, client)
        {
            server.roster().admit_address(address)?;
            let place = Place { server: server.clone(), address: Some(address) };
            // Only the address is counted anew: no permit is dropped.
            self.0 = Arc::new(place);
        }
        Ok(())
    }

    /// Returns the server.
    #[must_use]
    pub fn server(&self) -> &ServerHandle {
        &self.0.server
    }

    /// Adds a connection that has opened. Returns `false` if the server has ended: call no handler then.
    pub(super) fn open(&self, connection: &WebSocketConnection) -> bool {
        self.0.server.open(connection)
    }

    /// Removes a closed connection, before its handler's last call.
    pub(super) fn close(&self, connection: &WebSocketConnection) {
        self.0.server.close(connection);
    }

    /// Records that the handler of an opened connection has returned from its last call.
    pub(super) fn finish(&self) {
        self.0.server.roster().finish();
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.server.roster().release(self.0.address);
    }
}

/// Returns the address to count, if the server has a limit for each address, and the client is not a trusted
/// proxy that has not named its client.
fn counted(server: &ServerHandle, client: Option<SocketAddr>) -> Option<AddressKey> {
    let options = server.options();
    let client = client.filter(|_| options.address_limits().is_some())?;
    (!options.trusted_proxies.trusts(Some(client))).then(|| client.ip().into())
}

/// How a server ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ending {
    /// When all connections are closed.
    Patient,
    /// When all connections are closed, and at this time at the latest.
    At(Instant),
}

impl Ending {
    /// Returns the earlier of two ends; `None` as `at` sets no time.
    pub(crate) fn earlier(before: Option<Self>, at: Option<Instant>) -> Self {
        match (before, at) {
            (Some(Self::At(earlier)), Some(at)) => Self::At(earlier.min(at)),
            (Some(ending), None) => ending,
            (_, Some(at)) => Self::At(at),
            (None, None) => Self::Patient,
        }
    }
}
