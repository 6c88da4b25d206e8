//! Endpoints with what only a system knows: the time, and random bytes.

use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use wsproto::handshake::{Agreed, ClientRequest};
use wsproto::{Client, Config, Endpoint, Server, Session};

/// Creates a server's endpoint with the system's time for `Date` header fields (RFC 9110 section 6.6.1).
#[must_use]
pub fn server_endpoint(config: impl Into<Arc<Config>>, now: Duration) -> Endpoint<Server> {
    Endpoint::server(config, now).with_unix_time(unix_time().saturating_sub(now))
}

/// Creates a client's endpoint, seeded by the operating system for its key and masks.
///
/// # Errors
///
/// [`io::Error`] if the operating system provides no random bytes.
pub fn client_endpoint(
    request: ClientRequest,
    config: impl Into<Arc<Config>>,
    now: Duration,
) -> io::Result<Endpoint<Client>> {
    Ok(Endpoint::client(request, config, seed()?, now))
}

/// Creates the endpoint of a client whose opening handshake other code has carried out, with the result of the
/// negotiation; seeded by the operating system for its masks.
///
/// # Errors
///
/// [`io::Error`] if the operating system provides no random bytes.
pub fn opened_client_endpoint(
    agreed: Agreed,
    config: impl Into<Arc<Config>>,
    now: Duration,
) -> io::Result<Endpoint<Client>> {
    let session = Session::opened(Client::from_seed(seed()?), config, agreed, now);
    Ok(Endpoint::new(session, Vec::new()))
}

fn seed() -> io::Result<[u8; 32]> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(io::Error::from)?;
    Ok(seed)
}

/// Returns the time since the Unix epoch.
pub(super) fn unix_time() -> Duration {
    SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default()
}
