//! The place that a client connects to, if it is not that of its URL.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

/// The place that a client connects to instead of the host and port of its URL. The request, `Host`, and the
/// name in TLS are still those of the URL.
///
/// ```
/// use std::net::SocketAddr;
/// use ws_common::{ClientOptions, ConnectTo};
///
/// let options = ClientOptions::new().connect_to(SocketAddr::from(([127, 0, 0, 1], 8443)));
/// let options = ClientOptions::new().connect_to(("backend.example", 8443));
/// // The URL is then such as ws://localhost/, whose path and Host the server sees.
/// let options = ClientOptions::new().connect_to(ConnectTo::Unix("/run/app.sock".into()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ConnectTo {
    /// These addresses, tried as those of a name are. The scope of an IPv6 address is its zone.
    Addresses(Vec<SocketAddr>),
    /// The addresses of this name, or this literal address without brackets, and this port.
    Host(String, u16),
    /// The Unix domain socket at this path. Fails with [`Unsupported`](std::io::ErrorKind::Unsupported) on
    /// systems without one.
    Unix(PathBuf),
}

impl From<SocketAddr> for ConnectTo {
    fn from(address: SocketAddr) -> Self {
        Self::Addresses(vec![address])
    }
}

impl From<Vec<SocketAddr>> for ConnectTo {
    fn from(addresses: Vec<SocketAddr>) -> Self {
        Self::Addresses(addresses)
    }
}

impl From<(&str, u16)> for ConnectTo {
    fn from((host, port): (&str, u16)) -> Self {
        Self::Host(host.into(), port)
    }
}

/// Writes the place as errors name it.
impl fmt::Display for ConnectTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Addresses(addresses) => match addresses.as_slice() {
                [] => f.write_str("no address"),
                [only] => only.fmt(f),
                [first, rest @ ..] => write!(f, "{first} and {} more", rest.len()),
            },
            Self::Host(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Host(host, port) => write!(f, "{host}:{port}"),
            Self::Unix(path) => path.display().fmt(f),
        }
    }
}
