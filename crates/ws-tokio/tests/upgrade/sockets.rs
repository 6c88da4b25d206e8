//! Clients of HTTP/2 on sockets: TLS, and redirects.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use ws_tokio::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use ws_tokio::rustls::{ClientConfig, RootCertStore, ServerConfig};
use ws_tokio::wsproto::url::WsUrl;
use ws_tokio::wsproto::{Config, SessionError};
use ws_tokio::{Cancel, ClientOptions, ClientTls, Error, H2};

use crate::support::*;

/// A certificate for `localhost`, and its key.
fn certificate() -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
    let made = rcgen::generate_simple_self_signed(["localhost".into()]).expect("a certificate");
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    (made.cert.der().clone(), key)
}

/// Serves HTTP/2 over TCP, or over TLS that selects one of these protocols.
async fn listen(tls: Option<&[&[u8]]>) -> (SocketAddr, ClientOptions) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let (certificate, key) = certificate();
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).expect("a certificate");
    let trusting = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let acceptor = tls.map(|protocols| {
        let config = ServerConfig::builder().with_no_client_auth();
        let mut config = config.with_single_cert(vec![certificate], key).expect("a key");
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        TlsAcceptor::from(Arc::new(config))
    });
    let server = server();
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            match &acceptor {
                None => serve(tcp, &server, Http::Two),
                Some(acceptor) => {
                    if let Ok(stream) = acceptor.accept(tcp).await {
                        serve(stream, &server, Http::Two);
                    }
                }
            }
        }
    });
    (address, ClientOptions::new().tls(ClientTls::from(trusting)))
}

#[tokio::test]
async fn a_client_of_http_2_over_tls() -> Result<(), Error> {
    let (address, options) = listen(Some(&[b"h2"])).await;
    let url = WsUrl::parse(&format!("wss://localhost:{}", address.port()))?;
    let h2 = H2::connect_with(url.clone(), options).await?;
    for path in ["/one", "/two"] {
        let mut ws = h2.open_path(path).await?;
        assert!(ws.url().is_some_and(|url| url.is_secure() && url.resource_name() == path));
        ws.send(vec![7; 100_000]).await?;
        assert_eq!(ws.recv().await?, Some(vec![7; 100_000].into()));
        assert!(ws.close(None).await?.was_clean);
    }
    let untrusting = H2::connect_with(url, ClientOptions::new()).await;
    assert!(matches!(untrusting, Err(Error::Tls(_))), "{untrusting:?}");
    Ok(())
}

#[tokio::test]
async fn a_server_that_does_not_select_http_2_is_told_apart() -> Result<(), Error> {
    let (address, options) = listen(Some(&[])).await;
    let url = WsUrl::parse(&format!("wss://localhost:{}", address.port()))?;
    let failed = H2::connect_with(url, options).await.expect_err("no protocol was selected");
    assert!(matches!(&failed, Error::Tls(_)), "{failed}");
    Ok(())
}

#[tokio::test]
async fn redirects_to_the_same_server_are_followed_if_asked_for() -> Result<(), Error> {
    let (address, options) = listen(None).await;
    let url = WsUrl::parse(&format!("ws://{address}"))?;
    for (redirects, path, status) in
        [(0, "/old", Some(307)), (1, "/old", Some(307)), (2, "/old", None), (9, "/away", Some(307))]
    {
        let options = options.clone().redirects(redirects);
        let h2 = H2::connect_with(url.clone(), options).await?;
        match (h2.open_path(path).await, status) {
            (Err(Error::Http(response)), Some(status)) => assert_eq!(response.status(), status),
            (Ok(mut ws), None) => {
                assert!(ws.url().is_some_and(|url| url.resource_name() == "/chat?room=2"));
                ws.send("Hello").await?;
                assert_eq!(ws.recv().await?, Some("Hello".into()));
            }
            (result, _) => panic!("{result:?}"),
        }
    }
    Ok(())
}

/// Connecting is given up at each point: before it begins, while the server is silent in TLS, and in HTTP/2.
#[tokio::test]
async fn connecting_is_given_up_when_its_token_is_cancelled() -> Result<(), Error> {
    let silent = TcpListener::bind("127.0.0.1:0").await?;
    let port = silent.local_addr()?.port();
    for scheme in ["ws", "wss"] {
        for before in [true, false] {
            let cancel = Cancel::new();
            let options = ClientOptions::from(Config::new().handshake_timeout(None));
            let options = options.cancel(cancel.clone());
            let url = WsUrl::parse(&format!("{scheme}://localhost:{port}"))?;
            if before {
                cancel.cancel();
            }
            let connects = tokio::spawn(H2::connect_with(url, options));
            if !before {
                let mut begun = [0];
                let (stream, _) = silent.accept().await?;
                stream.readable().await?;
                assert_eq!(stream.peek(&mut begun).await?, 1);
                cancel.cancel();
            }
            let given_up = tokio::time::timeout(PATIENCE, connects).await.expect("in time");
            let error = given_up.expect("no panic").expect_err("cancelled");
            assert!(matches!(error, Error::Session(SessionError::Abandoned)), "{error:?}");
        }
    }
    Ok(())
}
