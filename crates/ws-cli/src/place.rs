//! Where a server listens.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

use ws_std::ConnectTo;

use crate::connection::Prepared;
use crate::exit::{Exit, Status};

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// These addresses, in their order; at least one.
    Tcp(Vec<SocketAddr>),
    /// This Unix domain socket.
    Unix(PathBuf),
}

impl Place {
    /// Finds the server of a request, without a proxy and redirects: looks its name up, unless its address is given.
    ///
    /// # Errors
    ///
    /// The exit of a run whose server has no address.
    pub(crate) fn find(prepared: &Prepared) -> Result<Self, Exit> {
        let url = prepared.request.url();
        match &prepared.options.connect_to {
            Some(ConnectTo::Unix(path)) => Ok(Self::Unix(path.clone())),
            Some(ConnectTo::Addresses(addresses)) => Ok(Self::Tcp(addresses.clone())),
            Some(ConnectTo::Host(host, port)) => look_up(host, *port),
            None => look_up(url.host(), url.port()),
        }
    }
}

fn look_up(host: &str, port: u16) -> Result<Place, Exit> {
    let why = match (host, port).to_socket_addrs().map(Vec::from_iter) {
        Ok(found) if !found.is_empty() => return Ok(Place::Tcp(found)),
        Ok(_) => format!("{host} has no address"),
        Err(error) => format!("cannot look up {host}: {error}"),
    };
    Err(Exit::new(Status::Refused, why))
}
