//! The way to a server, before its handshake: TCP, a tunnel through a proxy, TLS.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use log::debug;
use ws_common::adapter::Tunnel;
use ws_common::{ClientOptions, Proxy, ProxyError};
use wsproto::url::WsUrl;

use crate::clock::Patience;
use crate::stream::{is_timeout, retry};
use crate::{Error, Stream};

/// Opens a stream to the host of a URL; TLS has not sent anything yet.
pub(crate) fn dial(url: &WsUrl, options: &ClientOptions) -> Result<Stream, Error> {
    let secure = Security::of(url, options)?;
    let patience = Patience::new(options.connect_timeout);
    let (host, port) = match &options.proxy {
        Some(proxy) => (proxy.host(), proxy.port()),
        None => (url.host(), url.port()),
    };
    let tcp = connect_tcp(host, port, patience)
        .map_err(|error| Error::Connect { to: format!("{host}:{port}"), error })?;
    // Messages are written whole; waiting for more only delays them.
    tcp.set_nodelay(true)?;
    if let Some(proxy) = &options.proxy {
        open_tunnel(&tcp, proxy, url, options, patience).map_err(|error| match error {
            Error::Io(error) => Error::Connect { to: format!("{host}:{port}"), error },
            error => error,
        })?;
    }
    Ok(secure.over(tcp)?)
}

fn connect_tcp(host: &str, port: u16, patience: Patience) -> io::Result<TcpStream> {
    let addresses: Vec<_> = (host, port).to_socket_addrs()?.collect();
    debug!("{host} is {addresses:?}");
    connect_any(&addresses, patience)
}

/// Tries one address after the other.
fn connect_any(addresses: &[SocketAddr], patience: Patience) -> io::Result<TcpStream> {
    let mut result = Err(ErrorKind::AddrNotAvailable.into());
    for (untried, address) in (1..=addresses.len()).rev().zip(addresses) {
        debug!("connecting to {address}");
        // One that does not answer leaves time for the others.
        let share = patience.left().map(|left| left / u32::try_from(untried).unwrap_or(u32::MAX));
        result = match share {
            Some(Duration::ZERO) => Err(ErrorKind::TimedOut.into()),
            Some(share) => TcpStream::connect_timeout(address, share),
            None => TcpStream::connect(address),
        };
        match &result {
            Ok(_) => break,
            Err(error) => debug!("{address}: {error}"),
        }
    }
    result
}

fn open_tunnel(
    mut tcp: &TcpStream,
    proxy: &Proxy,
    url: &WsUrl,
    options: &ClientOptions,
    patience: Patience,
) -> Result<(), Error> {
    debug!("asking the proxy for {}:{}", url.host(), url.port());
    let mut out = Vec::new();
    let mut tunnel = Tunnel::open(proxy, url, &mut out);
    tcp.set_write_timeout(patience.left())?;
    tcp.write_all(&out)?;
    let mut buffer = [0; 4096];
    loop {
        if patience.is_over() {
            return Err(io::Error::from(ErrorKind::TimedOut).into());
        }
        tcp.set_read_timeout(patience.left())?;
        let read = match retry(|| tcp.read(&mut buffer)) {
            // That patience is over is said above, in the same words everywhere.
            Err(error) if is_timeout(&error) => continue,
            read => read?,
        };
        if read == 0 {
            return Err(ProxyError::EndOfInput.into());
        }
        if tunnel.advance(&buffer[..read], &options.config)? {
            break;
        }
    }
    // From here on, the connection sets its own.
    tcp.set_read_timeout(None)?;
    Ok(tcp.set_write_timeout(None)?)
}

/// What protects a connection, found out before a socket is opened.
enum Security {
    None,
    #[cfg(feature = "tls")]
    Tls(Box<rustls::ClientConnection>),
}

impl Security {
    fn of(url: &WsUrl, options: &ClientOptions) -> Result<Self, Error> {
        if !url.is_secure() {
            return Ok(Self::None);
        }
        #[cfg(feature = "tls")]
        {
            let tls = options.tls.clone().unwrap_or_default();
            Ok(Self::Tls(Box::new(tls.begin(url.host())?)))
        }
        #[cfg(not(feature = "tls"))]
        {
            let _ = options;
            Err(Error::TlsUnavailable)
        }
    }

    fn over(self, tcp: TcpStream) -> io::Result<Stream> {
        Ok(match self {
            Self::None => tcp.into(),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => Stream::over_tls(tcp, (*tls).into()),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::time::Duration;

    use super::*;

    #[test]
    fn every_address_is_tried() -> io::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let alive = listener.local_addr()?;
        // Bound, and not listening any more.
        let dead = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        for limit in [None, Some(Duration::from_secs(60))] {
            for addresses in [&[alive][..], &[dead, alive], &[dead, dead, alive], &[alive, dead]] {
                let stream = connect_any(addresses, Patience::new(limit))?;
                assert_eq!(stream.peer_addr()?, alive);
            }
            let refused = connect_any(&[dead, dead], Patience::new(limit)).map(drop);
            assert!(refused.is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused));
        }
        let late = connect_any(&[alive], Patience::new(Some(Duration::ZERO))).map(drop);
        assert!(late.is_err_and(|error| error.kind() == ErrorKind::TimedOut));
        Ok(())
    }
}
