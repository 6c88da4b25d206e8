//! The place to connect to and from.

use std::net::{SocketAddr, TcpListener};
use std::thread;

use conformance::adapters::Adapter;
use ws_common::ClientOptions;

use crate::identity::Identity;
use crate::support::{LONG, echo, greet};

fn local(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

pub(crate) fn another_address_serves_the_name<C: Adapter>() {
    // M3: TLS, SNI and `Host` are those of the URL.
    let identity = Identity::new();
    let (_server, port, requests) = echo(Some(identity.server()));
    let options = ClientOptions::new().tls(identity.client()).connect_to(local(port));
    let peer = greet::<C>("wss://localhost/x", options).expect("a connection");
    assert_eq!(peer, local(port).to_string());
    assert_eq!(requests.recv_timeout(LONG).expect("a request").host(), "localhost");
    // By name.
    let (_server, port, requests) = echo(None);
    let options = ClientOptions::new().connect_to(("localhost", port));
    greet::<C>("ws://server.invalid/", options).expect("a connection");
    assert_eq!(requests.recv_timeout(LONG).expect("a request").host(), "server.invalid");
}

pub(crate) fn http_urls_are_ws_urls<C: Adapter>() {
    // R6455-3-2, and as in browsers.
    let (_server, port, requests) = echo(None);
    greet::<C>(&format!("HTTP://127.0.0.1:{port}/x"), ClientOptions::new()).expect("a connection");
    assert_eq!(requests.recv_timeout(LONG).expect("a request").path(), "/x");
    let identity = Identity::new();
    let (_server, port, requests) = echo(Some(identity.server()));
    let options = ClientOptions::new().tls(identity.client());
    greet::<C>(&format!("https://localhost:{port}/y"), options).expect("a connection with TLS");
    assert_eq!(requests.recv_timeout(LONG).expect("a request").path(), "/y");
}

pub(crate) fn another_name_is_expected_in_tls<C: Adapter>() {
    // M3
    let identity = Identity::new();
    let (_server, port, requests) = echo(Some(identity.server()));
    let url = format!("wss://127.0.0.1:{port}/");
    let options = ClientOptions::new().tls(identity.client());
    let error = greet::<C>(&url, options.clone()).expect_err("another name").error;
    assert!(error.contains("not valid for name"), "{error}");
    greet::<C>(&url, options.server_name("localhost")).expect("the expected name");
    assert_eq!(requests.recv_timeout(LONG).expect("a request").host(), format!("127.0.0.1:{port}"));
}

pub(crate) fn a_client_connects_from_a_local_address<C: Adapter>() {
    // M3
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let from = SocketAddr::from(([127, 0, 0, 3], 0));
    let server = thread::spawn(move || {
        let (tcp, from) = listener.accept().expect("a client");
        let mut ws = ws_std::accept(tcp).expect("a request");
        while let Some(message) = ws.recv().expect("a client") {
            ws.send(message).expect("open");
        }
        from.ip()
    });
    // Linux has all of 127.0.0.0/8; elsewhere, the address cannot be used.
    let options = ClientOptions::new().local_address(from);
    match greet::<C>(&format!("ws://127.0.0.1:{port}/"), options) {
        Ok(_) => assert_eq!(server.join().expect("no panic"), from.ip()),
        Err(refused) => {
            let may_fail = cfg!(not(target_os = "linux"));
            assert!(may_fail && refused.error.starts_with("cannot connect"), "{refused:?}");
        }
    }
    // An address that this host has not.
    let options = ClientOptions::new().local_address(SocketAddr::from(([192, 0, 2, 1], 0)));
    let error =
        greet::<C>(&format!("ws://127.0.0.1:{port}/"), options).expect_err("not ours").error;
    assert!(error.starts_with("cannot connect to 127.0.0.1:"), "{error}");
}

pub(crate) fn a_zone_names_an_interface<C: Adapter>() {
    // M10: the resolver turns the zone into a scope, or knows no such interface.
    let options = ClientOptions::new();
    let error = greet::<C>("ws://[fe80::1%25no-such-if]:9/", options).expect_err("no zone").error;
    assert!(error.starts_with("cannot connect to [fe80::1%no-such-if]:9: "), "{error}");
    // On a host that has a link-local address.
    let Some((address, zone)) = link_local() else { return };
    let Ok(listener) =
        TcpListener::bind(SocketAddr::from(std::net::SocketAddrV6::new(address, 0, 0, zone)))
    else {
        return;
    };
    let port = listener.local_addr().expect("an address").port();
    let server = thread::spawn(move || {
        let (tcp, _) = listener.accept().expect("a client");
        let mut ws = ws_std::accept(tcp).expect("a request");
        while let Some(message) = ws.recv().expect("a client") {
            ws.send(message).expect("open");
        }
    });
    greet::<C>(&format!("ws://[{address}%25{zone}]:{port}/"), ClientOptions::new()).expect("open");
    server.join().expect("no panic");
}

/// Returns a link-local address of this host with its scope, as Linux lists them.
fn link_local() -> Option<(std::net::Ipv6Addr, u32)> {
    let listed = std::fs::read_to_string("/proc/net/if_inet6").ok()?;
    listed.lines().find_map(|line| {
        let mut fields = line.split_whitespace();
        let address = u128::from_str_radix(fields.next()?, 16).ok()?;
        let scope = u32::from_str_radix(fields.next()?, 16).ok()?;
        let address = std::net::Ipv6Addr::from_bits(address);
        address.is_unicast_link_local().then_some((address, scope))
    })
}

#[cfg(unix)]
pub(crate) fn a_unix_socket_carries_messages<C: Adapter>() {
    // M2
    use std::os::unix::net::UnixListener;
    use ws_common::ConnectTo;

    let folder = Folder::new();
    let path = folder.0.join("socket");
    let listener = UnixListener::bind(&path).expect("a path");
    let server = thread::spawn(move || {
        let (stream, _) = listener.accept().expect("a client");
        let mut ws = ws_std::accept(ws_std::Stream::new(stream)).expect("a request");
        while let Some(message) = ws.recv().expect("a client") {
            ws.send(message).expect("open");
        }
    });
    let options = ClientOptions::new().connect_to(ConnectTo::Unix(path));
    let peer = greet::<C>("ws://server.invalid/", options).expect("a connection");
    assert_eq!(peer, "none");
    server.join().expect("no panic");
}

#[cfg(unix)]
pub(crate) fn a_unix_socket_that_is_missing_is_named<C: Adapter>() {
    use ws_common::ConnectTo;

    let folder = Folder::new();
    for (name, shown) in [("missing".to_owned(), "missing"), ("x".repeat(200), "xxxx")] {
        let options = ClientOptions::new().connect_to(ConnectTo::Unix(folder.0.join(name)));
        let error = greet::<C>("ws://server.invalid/", options).expect_err("nobody").error;
        assert!(error.starts_with("cannot connect to /") && error.contains(shown), "{error}");
    }
}

/// A temporary folder with a short path.
#[cfg(unix)]
struct Folder(std::path::PathBuf);

#[cfg(unix)]
impl Folder {
    fn new() -> Self {
        use std::sync::atomic::{AtomicUsize, Ordering};
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("ws-unix-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        Self(folder)
    }
}

#[cfg(unix)]
impl Drop for Folder {
    fn drop(&mut self) {
        // A leftover in the temporary folder is harmless.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
