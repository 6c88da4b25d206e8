//! Addresses of proxies, and the environment.

use super::*;

fn authorization(proxy: &Proxy) -> Option<String> {
    proxy.connect_headers().get("Proxy-Authorization").map(Into::into)
}

#[test]
fn a_proxy_is_taken_as_people_write_it() {
    // T9
    for (address, host, port, authorized) in [
        ("proxy", "proxy", 80, None),
        ("proxy:3128", "proxy", 3128, None),
        ("http://proxy", "proxy", 80, None),
        ("HTTP://Proxy:3128/", "proxy", 3128, None),
        ("http://[::1]:3128", "::1", 3128, None),
        ("http://@proxy", "proxy", 80, None),
        ("http://u@proxy", "proxy", 80, Some("Basic dTo=")),
        ("http://u:p@proxy:3128/", "proxy", 3128, Some("Basic dTpw")),
        ("u:p@proxy", "proxy", 80, Some("Basic dTpw")),
        ("http://u:a:b@proxy", "proxy", 80, Some("Basic dTphOmI=")),
        ("http://u:%40%2F%c3%a4@proxy", "proxy", 80, Some("Basic dTpAL8Ok")),
    ] {
        let proxy = Proxy::new(address).expect(address);
        assert_eq!((proxy.host(), proxy.port()), (host, port), "{address}");
        assert_eq!(authorization(&proxy).as_deref(), authorized, "{address}");
    }
}

#[test]
fn no_error_shows_a_secret() {
    // T9
    for address in [
        "http://user:secret@",
        "http://user:secret@proxy:port",
        "http://user:secret@proxy/path",
        "http://user:sec/secret@proxy",
        "http://user:secret%@proxy",
        "http://user:secret%zz@proxy",
        "http://user:secret%ff@proxy",
        "http://us%3Aer:secret@proxy",
        "http://secret\n@proxy",
        "socks4://user:secret@proxy",
        "socks5://:secret@proxy",
        "https://user:secret@proxy?q",
        "secret://x@proxy/@y z",
        "user:secret://p@proxy/x",
        "user:secret@proxy?q",
        "user:secret@ä",
    ] {
        let error = Proxy::new(address).expect_err(address);
        let shown = format!("{error} {error:?}");
        let is_scheme = address.starts_with("secret://");
        assert!(is_scheme || !shown.contains("secret"), "{address}: {shown}");
    }
    let proxy = Proxy::new("http://user:secret@proxy").expect("an address");
    let shown = format!("{proxy:?}");
    assert!(!shown.contains("secret") && !shown.contains("Basic"), "{shown}");
}

#[test]
fn every_kind_of_proxy_has_its_port() {
    // M4
    for (address, scheme, port) in [
        ("socks5://proxy", "socks5", 1080),
        ("SOCKS5H://proxy/", "socks5", 1080),
        ("socks5://proxy:80", "socks5", 80),
        ("socks5://proxy:443", "socks5", 443),
        ("http://proxy:443", "http", 443),
        ("http://[fe80::1%25eth0]:1", "http", 1),
    ] {
        let proxy = Proxy::new(address).expect(address);
        assert_eq!((proxy.scheme(), proxy.port()), (scheme, port), "{address}");
    }
    assert_eq!(Proxy::new("[fe80::1%eth0]:1").expect("an address").host(), "fe80::1%eth0");
    #[cfg(feature = "tls")]
    for (address, port) in [("https://proxy", 443), ("https://proxy:80", 80)] {
        let proxy = Proxy::new(address).expect(address);
        assert_eq!((proxy.scheme(), proxy.port()), ("https", port), "{address}");
    }
    for scheme in ["socks4", "ftp", ""] {
        let error = Proxy::new(&format!("{scheme}://u:secret@proxy:1080")).expect_err(scheme);
        assert!(matches!(&error, ProxyError::Scheme(named) if named == scheme), "{error}");
    }
}

#[test]
fn credentials_of_socks_have_its_limits() {
    let proxy = || Proxy::new("socks5://proxy").expect("an address");
    let long = "x".repeat(256);
    for (user, password) in [("", "p"), (&*long, "p"), ("u", &*long), ("u\n", "p")] {
        assert!(matches!(proxy().credentials(user, password), Err(ProxyError::Credentials)));
    }
    let longest = "x".repeat(255);
    for (user, password) in [("a:b", ""), (&*longest, &*longest)] {
        assert_eq!(
            proxy().credentials(user, password).expect("fits").user(),
            Some((user, password))
        );
    }
}

#[test]
fn header_fields_are_for_connect() {
    // M4
    let proxy = || Proxy::new("http://u:p@proxy").expect("an address");
    let headers = proxy().header("X-Trace", "7").expect("a field").connect_headers();
    assert_eq!((headers.get("x-trace"), headers.len()), (Some("7"), 2));
    let bearer = proxy().header("Proxy-Authorization", "Bearer t").expect("a field");
    assert_eq!(authorization(&bearer).as_deref(), Some("Bearer t"));
    assert!(!format!("{bearer:?}").contains("Bearer"));
    for name in ["Host", "content-length", "X Y", ""] {
        assert!(matches!(proxy().header(name, "1"), Err(ProxyError::Header(_))), "{name}");
    }
    assert!(matches!(proxy().header("X", "a\r\nb"), Err(ProxyError::Header(_))));
    let socks = Proxy::new("socks5://proxy").expect("an address");
    assert!(matches!(socks.header("X", "1"), Err(ProxyError::SocksHeader)));
}

fn chosen(variables: &[(&str, &str)], url: &str) -> Result<Option<String>, ProxyError> {
    let value = |name: &str| {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    let url = WsUrl::parse(url).expect(url);
    Proxies::from_variables(value).map(|proxies| proxies.for_url(&url).map(|p| p.host().into()))
}

#[test]
fn the_environment_is_read_as_curl_reads_it() {
    // M4
    for (variables, ws, wss) in [
        (&[][..], None, None),
        (&[("http_proxy", "a")], Some("a"), None),
        (&[("HTTP_PROXY", "a")], None, None),
        (&[("https_proxy", "a"), ("HTTPS_PROXY", "b")], None, Some("a")),
        (&[("HTTPS_PROXY", "b")], None, Some("b")),
        (&[("all_proxy", "a"), ("https_proxy", "b")], Some("a"), Some("b")),
        (&[("ALL_PROXY", "socks5://a"), ("http_proxy", "")], Some("a"), Some("a")),
        (&[("WS_PROXY", "a"), ("http_proxy", "b")], Some("a"), None),
        (&[("wss_proxy", "a"), ("https_proxy", "b")], None, Some("a")),
        (&[("all_proxy", "a"), ("no_proxy", "*")], None, None),
        (&[("all_proxy", "a"), ("NO_PROXY", "server.example")], None, None),
        (&[("all_proxy", "a"), ("no_proxy", "x"), ("NO_PROXY", "*")], Some("a"), Some("a")),
    ] {
        let ask = |url| chosen(variables, url).expect("variables");
        assert_eq!(ask("ws://server.example/").as_deref(), ws, "{variables:?}");
        assert_eq!(ask("wss://server.example/").as_deref(), wss, "{variables:?}");
    }
}

#[test]
fn hosts_without_a_proxy_are_names_addresses_and_networks() {
    // M4
    for (list, url, direct) in [
        ("example.com", "ws://example.com/", true),
        (".example.com", "ws://example.com/", true),
        ("EXAMPLE.com.", "ws://www.Example.com/", true),
        ("example.com", "ws://www.example.com./", true),
        ("example.com", "ws://nonexample.com/", false),
        ("www.example.com", "ws://example.com/", false),
        ("a, b\tc,,d ", "ws://c/", true),
        ("10.0.0.1", "ws://10.0.0.1/", true),
        ("10.0.0.1", "ws://10.0.0.10/", false),
        ("10.0.0.0/8", "ws://10.9.8.7/", true),
        ("10.0.0.0/8", "ws://11.0.0.1/", false),
        ("10.0.0.0/31", "ws://10.0.0.2/", false),
        ("0.0.0.0/0", "ws://1.2.3.4/", true),
        ("0.0.0.0/0", "ws://[::1]/", false),
        ("::1", "ws://[::1]/", true),
        ("[::1]", "ws://[::1]/", true),
        ("fd00::/8", "ws://[fdff::1]/", true),
        ("fd00::/8", "ws://[fe00::1]/", false),
        ("*", "ws://[::1]/", true),
        ("[fd00::]/8", "ws://[fd00::2]/", true),
        ("FD00::/8", "ws://[fd00::2]:8080/", true),
        ("10.0.0.0/8", "ws://[::ffff:10.0.0.1]/", false),
        ("0.0.0.0/32", "ws://0.0.0.1/", false),
        ("x, *", "ws://h/", true),
        ("e", "ws://example.e/", true),
        ("com", "ws://example.com.evil/", false),
        ("example.com", "ws://example.com.evil/", false),
        ("10.0.0.1", "ws://10.0.0.1.evil/", false),
        (" , ,\t", "ws://h/", false),
    ] {
        let ask = chosen(&[("all_proxy", "p"), ("no_proxy", list)], url).expect(list);
        assert_eq!(ask.is_none(), direct, "{list} {url}");
    }
}

#[test]
fn a_malformed_variable_is_named_without_its_secret() {
    for (variable, value, shown) in [
        ("no_proxy", "localhost,*.example.com", "`*.example.com`"),
        ("no_proxy", "example.com:8080", "`example.com:8080`"),
        ("no_proxy", "10.0.0.0/33", "`10.0.0.0/33`"),
        ("no_proxy", "10.0.0.0/+8", "`10.0.0.0/+8`"),
        ("no_proxy", "10.0.0.0/", "`10.0.0.0/`"),
        ("no_proxy", "a..b", "`a..b`"),
        ("no_proxy", "localhost 192.168.", "`192.168.`"),
        ("no_proxy", "10", "`10`"),
        ("no_proxy", "127.0.0.1.", "`127.0.0.1.`"),
        ("no_proxy", "..example.com", "`..example.com`"),
        ("no_proxy", ".", "`.`"),
        ("no_proxy", "[::1]:80", "`[::1]:80`"),
        ("no_proxy", "[::1", "`[::1`"),
        ("no_proxy", "::1/129", "`::1/129`"),
        ("no_proxy", "10.0.0.0/8/8", "`10.0.0.0/8/8`"),
        ("no_proxy", "10.0.0.0/99999999999", "`10.0.0.0/99999999999`"),
        ("no_proxy", "http://example.com", "`http://example.com`"),
        ("no_proxy", "a\u{FFFD}b", "`a"),
        ("https_proxy", " ", "address"),
        ("https_proxy", "http://u:secret@", "address"),
        ("https_proxy", "http://u:secret@proxy:1:2", "address"),
        ("https_proxy", "http://u:secret@proxy/path", "address"),
        ("no_proxy", "example.com/8", "`example.com/8`"),
        ("https_proxy", "http://u:secret@proxy:x", "`x`"),
        ("https_proxy", "http://u:secret\u{FFFD}@proxy", "character"),
        ("https_proxy", "socks4://u:secret@proxy", "socks4"),
    ] {
        let error = chosen(&[("all_proxy", "p"), (variable, value)], "ws://h/").expect_err(value);
        let text = format!("{error} {error:?}");
        assert!(text.contains(variable) && text.contains(shown), "{text}");
        assert!(!text.contains("secret"), "{text}");
    }
    // Without a proxy, there is nothing to be an exception to.
    assert!(matches!(chosen(&[("no_proxy", "*.x")], "ws://h/"), Ok(None)));
}
