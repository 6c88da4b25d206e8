//! The options of a connection that all client modes share.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ws_std::wsproto::handshake::{ClientRequest, OfferError};
use ws_std::wsproto::url::WsUrl;
use ws_std::wsproto::{Config, Deflate, KeepAlive};
use ws_std::{ClientOptions, ClientTls, ConnectTo, Proxy};

use crate::exit::Exit;
use crate::insecure::without_verification;
use crate::terminal::{Colours, tell};
use crate::values::{OrOff, duration_or_off, size, some_time};

/// Where a server is, and what to say to it: the options of every mode that connects.
#[derive(clap::Args, Clone)]
#[command(next_help_heading = "Connection")]
pub(crate) struct TargetArgs {
    /// Add a header field to the request; repeatable
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,

    /// Send a cookie; repeatable
    #[arg(long = "cookie", value_name = "NAME=VALUE")]
    cookies: Vec<String>,

    /// Offer a subprotocol; repeatable, in order of preference
    #[arg(short = 's', long = "subprotocol", value_name = "NAME")]
    subprotocols: Vec<String>,

    /// Send an Origin, as browsers do
    #[arg(long, value_name = "ORIGIN")]
    origin: Option<String>,

    /// Send credentials (HTTP Basic); other users of this computer may see the arguments of a process
    #[arg(long, value_name = "NAME:PASSWORD")]
    user: Option<String>,

    /// Connect to ADDRESS, an IP address with or without a port, if the URL's host is HOST; repeatable, and one must be for
    /// the URL's host
    #[arg(long, value_name = "HOST:ADDRESS", value_parser = resolution)]
    resolve: Vec<Resolution>,

    /// Connect to a Unix domain socket; the URL still gives the path and the Host
    #[arg(long, value_name = "PATH", conflicts_with = "resolve")]
    unix: Option<PathBuf>,

    /// With wss://: trust only the certificates in this PEM file
    #[arg(long, value_name = "FILE")]
    cacert: Option<PathBuf>,

    /// With wss://: show the certificate in this PEM file if the server asks for one
    #[arg(long, value_name = "FILE", requires = "key")]
    cert: Option<PathBuf>,

    /// The private key of --cert
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,

    /// With wss://: accept every certificate; anybody between the two ends can read and change everything
    #[arg(long, conflicts_with = "cacert")]
    insecure: bool,
}

/// The options of a connection that this program opens and keeps by the rules.
#[derive(clap::Args, Clone)]
#[command(next_help_heading = "Connection")]
pub(crate) struct ConnectionArgs {
    #[command(flatten)]
    target: TargetArgs,

    /// Connect through a proxy: http://HOST:PORT, https://HOST or socks5://HOST, with NAME:PASSWORD@ before the host if
    /// it asks for them; "env" takes it from the environment
    #[arg(long, value_name = "URL", conflicts_with_all = ["unix", "resolve"])]
    proxy: Option<String>,

    /// Offer compression (permessage-deflate)
    #[arg(long)]
    deflate: bool,

    /// Follow up to COUNT redirects
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    redirects: u8,

    /// The longest message to accept
    #[arg(long, value_name = "BYTES", default_value = "64M", value_parser = size)]
    max_message: u64,

    /// How long connecting and each handshake may take, and a peer may answer no Ping or read nothing
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = some_time)]
    pub(crate) timeout: Duration,

    /// Send a Ping each time this time has passed, and give up if no Pong arrives within --timeout; "off" sends none
    #[arg(long, value_name = "TIME", default_value = "20s", value_parser = duration_or_off)]
    keep_alive: OrOff,
}

/// A host, and its address.
#[derive(Clone)]
struct Resolution {
    host: String,
    address: IpAddr,
    port: Option<u16>,
}

/// A request, and the options of its connection.
#[derive(Clone, Debug)]
pub(crate) struct Prepared {
    pub(crate) request: ClientRequest,
    pub(crate) options: ClientOptions,
}

impl ConnectionArgs {
    /// Returns the request for a URL, and the options of its connection. Prints the warning of `--insecure`.
    pub(crate) fn prepare(&self, url: &str) -> Result<Prepared, Exit> {
        let mut options = ClientOptions::from(self.config());
        options.connect_timeout = Some(self.timeout);
        options.redirects = self.redirects;
        if let Some(proxy) = &self.proxy {
            options.proxy = match &**proxy {
                "env" => Proxy::from_env(),
                proxy => Proxy::new(proxy).map(Into::into),
            }
            .map_err(|error| Exit::usage(format!("--proxy: {error}")))?;
        }
        self.target.prepare(url, options)
    }

    fn config(&self) -> Config {
        let mut config = Config::new();
        config.max_message_size = self.max_message;
        config.handshake_timeout = Some(self.timeout);
        config.close_timeout = Some(self.timeout);
        config.write_timeout = Some(self.timeout);
        config.keep_alive =
            self.keep_alive.0.map(|interval| KeepAlive::new(interval, self.timeout));
        config.deflate = self.deflate.then(Deflate::new);
        config
    }
}

impl TargetArgs {
    /// Returns the request for a URL, and the options with the place of the server. Prints the warning of `--insecure`.
    pub(crate) fn prepare(&self, url: &str, mut options: ClientOptions) -> Result<Prepared, Exit> {
        let url = WsUrl::parse(url).map_err(|error| {
            let url = shown(url);
            Exit::usage(format!("{url:?} is not a URL such as ws://localhost:9001/: {error}"))
        })?;
        options.connect_to = self.connect_to(&url)?;
        if url.is_secure() || options.redirects > 0 {
            let tls = self.tls().map_err(|error| Exit::usage(format!("TLS: {error}")))?;
            options.tls = Some(tls);
        } else if let Some(option) = self.tls_option() {
            return Err(Exit::usage(format!("{option} is for wss://: there is no TLS on ws://")));
        }
        Ok(Prepared { request: self.request(url)?, options })
    }

    fn connect_to(&self, url: &WsUrl) -> Result<Option<ConnectTo>, Exit> {
        if let Some(path) = &self.unix {
            return Ok(Some(ConnectTo::Unix(path.clone())));
        }
        let of_host = |to: &&Resolution| to.host.eq_ignore_ascii_case(url.host());
        let addresses = self.resolve.iter().filter(of_host);
        let addresses: Vec<_> = addresses
            .map(|to| SocketAddr::new(to.address, to.port.unwrap_or_else(|| url.port())))
            .collect();
        match (addresses.is_empty(), self.resolve.is_empty()) {
            (true, true) => Ok(None),
            (true, false) => {
                let host = url.host();
                Err(Exit::usage(format!(
                    "--resolve: no address is for {host}, the host of the URL"
                )))
            }
            (false, _) => Ok(Some(addresses.into())),
        }
    }

    /// Returns an option that only a connection with TLS can use, if there is one.
    const fn tls_option(&self) -> Option<&'static str> {
        match self {
            Self { cacert: Some(_), .. } => Some("--cacert"),
            Self { cert: Some(_), .. } => Some("--cert"),
            Self { insecure: true, .. } => Some("--insecure"),
            _ => None,
        }
    }

    fn tls(&self) -> io::Result<ClientTls> {
        let tls = match &self.cacert {
            Some(file) => ClientTls::from_pem_file(file)?,
            None if self.insecure => {
                let warning = "ws: --insecure: the certificate is not checked; \
                    anybody between the two ends can read and change everything";
                tell(&Colours::of(&io::stderr()).loud(warning));
                without_verification().map_err(io::Error::other)?
            }
            // A system without authorities, as a small container is, trusts none.
            None => ClientTls::system().unwrap_or_default(),
        };
        match (&self.cert, &self.key) {
            (Some(certificates), Some(key)) => tls.client_certificate(certificates, key),
            _ => Ok(tls),
        }
    }

    fn request(&self, url: WsUrl) -> Result<ClientRequest, Exit> {
        let mut request = ClientRequest::new(url);
        for header in &self.headers {
            let (name, value) = split(header, ':', "-H needs \"Name: value\"")?;
            request = request.header(name, value).map_err(|error| invalid(&error))?;
        }
        for cookie in &self.cookies {
            let (name, value) = split(cookie, '=', "--cookie needs NAME=VALUE")?;
            request = request.cookie(name, value).map_err(|error| invalid(&error))?;
        }
        for subprotocol in &self.subprotocols {
            request = request.subprotocol(subprotocol).map_err(|error| invalid(&error))?;
        }
        if let Some(origin) = &self.origin {
            request = request.origin(origin).map_err(|error| invalid(&error))?;
        }
        if let Some(user) = &self.user {
            let (name, password) = split(user, ':', "--user needs NAME:PASSWORD")?;
            request = request.basic_auth(name, password).map_err(|error| invalid(&error))?;
        }
        Ok(request)
    }
}

/// Returns an invalid URL without the parts that may be secret.
fn shown(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    match url.rsplit_once('@') {
        Some((_, rest)) => format!("(hidden)@{rest}"),
        None => url.into(),
    }
}

/// Splits an argument. The error does not repeat it: it may contain a secret.
fn split<'a>(text: &'a str, at: char, complaint: &str) -> Result<(&'a str, &'a str), Exit> {
    text.split_once(at).ok_or_else(|| Exit::usage(complaint))
}

fn invalid(error: &OfferError) -> Exit {
    Exit::usage(error.to_string())
}

/// Parses `HOST:ADDRESS`. For clap.
fn resolution(text: &str) -> Result<Resolution, String> {
    let parsed = text.split_once(':').and_then(|(host, address)| {
        let bare = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let (address, port) = match bare.unwrap_or(address).parse() {
            Ok(address) => (address, None),
            Err(_) => {
                let both: SocketAddr = address.parse().ok()?;
                (both.ip(), Some(both.port()))
            }
        };
        (!host.is_empty()).then(|| Resolution { host: host.into(), address, port })
    });
    parsed.ok_or_else(|| "needs HOST:ADDRESS, such as example.com:127.0.0.1:8443".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_urls_are_shown_without_secrets() {
        for (url, expected) in [
            ("lisen", "lisen"),
            ("ws://host:x/path?token=secret", "ws://host:x/path"),
            ("ws://name:secret@host/", "(hidden)@host/"),
            ("ws://host/#secret", "ws://host/"),
        ] {
            assert_eq!(shown(url), expected);
        }
    }

    #[test]
    fn resolutions_have_an_address_and_perhaps_a_port() {
        for (text, address, port) in [
            ("a:127.0.0.1", "127.0.0.1", None),
            ("a:127.0.0.1:80", "127.0.0.1", Some(80)),
            ("a:::1", "::1", None),
            ("a:[::1]", "::1", None),
            ("a:[::1]:80", "::1", Some(80)),
        ] {
            let parsed = resolution(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!((&*parsed.host, parsed.port), ("a", port), "{text}");
            assert_eq!(parsed.address.to_string(), address, "{text}");
        }
        for text in ["", "a", "a:", ":127.0.0.1", "a:b", "a:127.0.0.1:x"] {
            assert!(resolution(text).is_err(), "{text}");
        }
    }
}
