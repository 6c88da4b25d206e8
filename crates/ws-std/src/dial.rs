//! The way to a server, before its handshake: TCP, a tunnel through a proxy, TLS.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use log::debug;
use ws_objects::{ClientOptions, Proxy, ProxyError, Tunnel};
use wsproto::url::WsUrl;

use crate::patience::Patience;
use crate::pipe::retry;
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
        open_tunnel(&tcp, proxy, url, options, patience)?;
    }
    Ok(secure.over(tcp)?)
}

fn connect_tcp(host: &str, port: u16, patience: Patience) -> io::Result<TcpStream> {
    let addresses: Vec<_> = (host, port).to_socket_addrs()?.collect();
    let mut result = Err(ErrorKind::AddrNotAvailable.into());
    for (untried, address) in (1..=addresses.len()).rev().zip(&addresses) {
        debug!("connecting to {host} at {address}");
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
    tcp.set_write_timeout(patience.for_call())?;
    tcp.write_all(&out)?;
    let mut buffer = [0; 4096];
    loop {
        if patience.is_over() {
            return Err(io::Error::from(ErrorKind::TimedOut).into());
        }
        tcp.set_read_timeout(patience.for_call())?;
        let read = retry(|| tcp.read(&mut buffer))?;
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
            Err(Error::Secure)
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
