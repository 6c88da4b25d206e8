//! A `close_notify` alert, on a stream that takes nothing at the moment.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncReadExt, DuplexStream, ReadBuf, duplex};
use ws_common::rustls::pki_types::PrivateKeyDer;
use ws_common::rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig};
use ws_common::{ClientTls, ServerTls};

use super::*;

/// A stream that takes bytes only while it is open to them, and records whether its writing side was shut down.
struct Gate {
    stream: DuplexStream,
    open: bool,
    shut: bool,
}

impl AsyncRead for Gate {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Gate {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.open {
            true => Pin::new(&mut self.stream).poll_write(context, bytes),
            false => Poll::Pending,
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.shut = true;
        Poll::Ready(Ok(()))
    }
}

/// Configurations that trust each other, for `localhost`.
pub(crate) fn configs() -> (ClientTls, ServerTls) {
    let made = rcgen::generate_simple_self_signed(["localhost".into()]).expect("a certificate");
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let certificate = made.cert.der().clone();
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).expect("a certificate");
    let client = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let server = ServerConfig::builder().with_no_client_auth();
    let server = server.with_single_cert(vec![certificate], key).expect("a key");
    (client.into(), server.into())
}

/// Passes on what both ends have written, until the client has nothing more to say.
async fn exchange(client: &mut ClientConnection, far: &mut DuplexStream, io: &mut Io<Gate>) {
    for _ in 0..4 {
        while client.wants_write() {
            let mut wire = Vec::new();
            client.write_tls(&mut wire).expect("into memory");
            tokio::io::AsyncWriteExt::write_all(far, &wire).await.expect("room");
        }
        io.retry();
        let read = io.try_read(&mut [0; 100]);
        assert!(read.is_err_and(|error| would_block(&error)), "only the handshake");
        let mut wire = [0; 1 << 14];
        let waits = Waker::noop();
        let mut buffer = ReadBuf::new(&mut wire);
        let mut context = Context::from_waker(waits);
        if Pin::new(&mut *far).poll_read(&mut context, &mut buffer).is_ready() {
            let mut read = buffer.filled();
            while !read.is_empty() {
                client.read_tls(&mut read).expect("from memory");
                client.process_new_packets().expect("valid");
            }
        }
    }
}

#[tokio::test]
async fn a_close_notify_that_waits_leaves_before_the_end_of_the_stream() {
    let (client, server) = configs();
    let mut client = client.begin("localhost").expect("a name");
    let (stream, mut far) = duplex(1 << 16);
    let gate = Gate { stream, open: true, shut: false };
    let tls = TlsState::new(server.begin().expect("a configuration").into());
    let mut io = Io::new(gate, |_| None, &Arc::default()).over_tls(Some(tls));
    exchange(&mut client, &mut far, &mut io).await;
    assert!(!client.is_handshaking());

    let gate = |io: &mut Io<Gate>, open| io.stream.as_mut().expect("not closed").open = open;
    gate(&mut io, false);
    io.shutdown();
    assert!(io.is_writing() && !io.stream.as_ref().expect("not closed").shut, "it waits");
    io.retry();
    assert!(io.is_writing());
    gate(&mut io, true);
    io.retry();
    assert!(!io.is_writing() && io.stream.as_ref().expect("not closed").shut);
    drop(io);
    let mut wire = Vec::new();
    far.read_to_end(&mut wire).await.expect("the end");
    let mut rest = &wire[..];
    client.read_tls(&mut rest).expect("from memory");
    assert!(client.process_new_packets().expect("valid").peer_has_closed());
}
