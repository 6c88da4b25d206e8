//! SOCKS and HTTPS proxies, and the choice of a proxy.

use std::io;
use std::net::TcpStream;

use conformance::adapters::Adapter;
use ws_common::{ClientOptions, Proxies, Proxy};

use crate::identity::Identity;
use crate::support::{LONG, Stream, echo, greet, proxy, read_head};

/// Speaks SOCKS 5 as the server, and connects to `port` of this host for every name.
fn socks(client: &mut dyn Stream, port: u16) -> io::Result<(Option<TcpStream>, String)> {
    let mut read = |len: usize| {
        let mut bytes = vec![0; len];
        client.read_exact(&mut bytes).map(|()| bytes)
    };
    assert_eq!(read(4)?, [5, 2, 0, 2], "no authentication, or user and password");
    client.write_all(&[5, 2])?;
    let mut counted = |skip: usize| {
        let mut head = vec![0; skip + 1];
        client.read_exact(&mut head)?;
        let mut bytes = vec![0; usize::from(head[skip])];
        client.read_exact(&mut bytes)?;
        io::Result::Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let (user, password) = (counted(1)?, counted(0)?);
    if password != "p w" {
        client.write_all(&[1, 1])?;
        return Ok((None, "refused".into()));
    }
    client.write_all(&[1, 0])?;
    let mut head = [0; 4];
    client.read_exact(&mut head)?;
    assert_eq!(head, [5, 1, 0, 3], "a name");
    let mut len = [0];
    client.read_exact(&mut len)?;
    let mut name = vec![0; usize::from(len[0]) + 2];
    client.read_exact(&mut name)?;
    let to_port = u16::from_be_bytes([name[name.len() - 2], name[name.len() - 1]]);
    name.truncate(name.len() - 2);
    let server = TcpStream::connect(("127.0.0.1", port))?;
    client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])?;
    Ok((Some(server), format!("{user} {}:{to_port}", String::from_utf8_lossy(&name))))
}

/// Speaks HTTP as the server, and connects to `port` of this host.
fn http(client: &mut dyn Stream, port: u16) -> io::Result<(Option<TcpStream>, String)> {
    let head = read_head(client)?;
    let server = TcpStream::connect(("127.0.0.1", port))?;
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
    client.flush()?;
    Ok((Some(server), head))
}

pub(crate) fn a_socks_proxy_opens_a_tunnel<C: Adapter>() {
    // M4
    let (_server, port, requests) = echo(None);
    let (address, notes) = proxy(None, move |client| socks(client, port));
    let through = Proxy::new(&format!("socks5://user:p%20w@{address}")).expect("a proxy");
    let options = ClientOptions::new().proxy(through);
    // The name is the proxy's to look up: nobody else knows it.
    let peer = greet::<C>("ws://server.invalid:81/x", options).expect("a tunnel");
    assert_eq!(peer, address);
    assert_eq!(notes.recv_timeout(LONG).expect("a tunnel"), "user server.invalid:81");
    assert_eq!(requests.recv_timeout(LONG).expect("a request").host(), "server.invalid:81");
}

pub(crate) fn a_socks_proxy_that_refuses_is_told<C: Adapter>() {
    let (address, _notes) = proxy(None, |client| socks(client, 0));
    let through = Proxy::new(&format!("socks5://user:secret@{address}")).expect("a proxy");
    let refused = greet::<C>("ws://server.invalid/", ClientOptions::new().proxy(through));
    let error = refused.expect_err("another password").error;
    assert!(error.contains("SOCKS proxy requires") && !error.contains("secret"), "{error}");
}

pub(crate) fn an_https_proxy_carries_messages<C: Adapter>() {
    // M4
    let (_server, port, _requests) = echo(None);
    let identity = Identity::new();
    let (address, notes) = proxy(Some(identity.server()), move |client| http(client, port));
    let through = address.replace("127.0.0.1", "https://user:secret@localhost");
    let through = Proxy::new(&through).expect("a proxy").tls(identity.client());
    let through = through.header("X-Trace", "7").expect("a header field");
    greet::<C>("ws://server.invalid/", ClientOptions::new().proxy(through)).expect("a tunnel");
    let head = notes.recv_timeout(LONG).expect("a head");
    assert!(head.starts_with("CONNECT server.invalid:80 HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("\r\nX-Trace: 7\r\n") && head.contains("\r\nProxy-Authorization: Basic"));
}

pub(crate) fn an_https_proxy_carries_tls<C: Adapter>() {
    // M4: TLS within TLS, each with its own certificate.
    let (outer, inner) = (Identity::new(), Identity::new());
    let (_server, port, _requests) = echo(Some(inner.server()));
    let (address, notes) = proxy(Some(outer.server()), move |client| http(client, port));
    let through = address.replace("127.0.0.1", "https://localhost");
    let through = Proxy::new(&through).expect("a proxy").tls(outer.client());
    let options = ClientOptions::new().proxy(through).tls(inner.client());
    greet::<C>("wss://localhost:1/", options).expect("a tunnel");
    let head = notes.recv_timeout(LONG).expect("a head");
    assert!(head.starts_with("CONNECT localhost:1 HTTP/1.1\r\n"), "{head}");
}

pub(crate) fn an_https_proxy_must_be_trusted<C: Adapter>() {
    let (trusted, other) = (Identity::new(), Identity::new());
    let (address, _notes) = proxy(Some(other.server()), |client| http(client, 0));
    let through = address.replace("127.0.0.1", "https://localhost");
    let through = Proxy::new(&through).expect("a proxy").tls(trusted.client());
    let options = ClientOptions::new().proxy(through).tls(other.client());
    let error = greet::<C>("wss://localhost/", options).expect_err("no trust").error;
    assert!(error.starts_with("proxy: TLS with the proxy: "), "{error}");
}

pub(crate) fn each_url_has_its_proxy<C: Adapter>() {
    // M4
    let (_server, port, requests) = echo(None);
    let (address, notes) = proxy(None, move |client| http(client, port));
    let variables = |name: &str| match name {
        "http_proxy" => Some(address.clone()),
        "no_proxy" => Some("127.0.0.0/8".into()),
        _ => None,
    };
    let proxies = || Proxies::from_variables(variables).expect("variables");
    let through = ClientOptions::new().proxy(proxies());
    greet::<C>("ws://server.invalid/", through).expect("a tunnel");
    assert!(notes.recv_timeout(LONG).expect("a head").starts_with("CONNECT server.invalid:80"));
    let direct = ClientOptions::new().proxy(proxies());
    let peer = greet::<C>(&format!("ws://127.0.0.1:{port}/"), direct).expect("direct");
    assert_eq!(peer, format!("127.0.0.1:{port}"));
    assert!(notes.try_recv().is_err(), "no tunnel");
    assert_eq!(requests.iter().take(2).count(), 2);
}
