//! Messages to and from `Bytes` (feature `bytes`).

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex};
use ws_tokio::bytes::Bytes;
use ws_tokio::wsproto::Config;
use ws_tokio::wsproto::handshake::{Accept, ClientRequest};
use ws_tokio::{Error, Message, WebSocket};

const LARGE: usize = 1 << 20;

/// The address and the length of each slice that a stream was given.
type Places = Arc<Mutex<Vec<(usize, usize)>>>;

/// A stream that records the places of the bytes that it takes.
struct Recorded(DuplexStream, Places);

impl AsyncRead for Recorded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Recorded {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let slice = slices.iter().find(|slice| !slice.is_empty()).expect("something to write");
        let written = std::task::ready!(Pin::new(&mut self.0).poll_write(context, slice))?;
        self.1.lock().expect("no panic").push((slice.as_ptr() as usize, written));
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

/// Opens both ends on a stream with this much room, and returns them with the places of what the server writes.
async fn pair(room: usize) -> (WebSocket, WebSocket, Places) {
    let ((here, there), places) = (duplex(room), Places::default());
    let request = ClientRequest::parse("ws://localhost/").expect("a URL");
    let stream = Recorded(there, Arc::clone(&places));
    let (client, server) =
        tokio::join!(ws_tokio::client(here, request, Config::new()), ws_tokio::accept(stream));
    (client.expect("a client"), server.expect("a server"), places)
}

/// Returns how many bytes of a payload the stream took from where it lies.
fn taken_in_place(places: &Places, payload: &Bytes) -> usize {
    let start = payload.as_ptr() as usize;
    let inside = |place: &&(usize, usize)| (start..start + payload.len()).contains(&place.0);
    places.lock().expect("no panic").iter().filter(inside).map(|(_, len)| len).sum()
}

#[tokio::test]
async fn a_large_payload_of_a_server_is_not_copied() -> Result<(), Error> {
    let (mut client, server, places) = pair(5000).await;
    let payload = Bytes::from(vec![7; LARGE]);
    for round in 1..=3 {
        server.send_bytes(&payload).await?;
        let received = client.recv().await?.expect("open");
        assert!(received.as_bytes() == payload);
        assert_eq!(taken_in_place(&places, &payload), round * LARGE);
    }
    server.flush().await?;
    assert!(payload.is_unique(), "it is shared no longer than necessary");

    server.sender().send_bytes(&Bytes::from_static(b"small")).await?;
    assert_eq!(client.recv().await?, Some(Message::from(&b"small"[..])));
    client.send_bytes(&payload).await?;
    assert!(payload.is_unique(), "a client masks a copy");
    Ok(())
}

#[tokio::test]
async fn a_received_message_becomes_bytes_without_a_copy() -> Result<(), Error> {
    let (client, mut server, _) = pair(1 << 16).await;
    let sent = [Message::from("small"), vec![1; 100].into(), vec![8; LARGE].into()];
    for message in sent {
        client.send(message.clone()).await?;
        let received = server.recv().await?.expect("open");
        assert_eq!(received, message);
        let lies_at = received.as_bytes().as_ptr();
        let bytes = Bytes::from(received);
        assert!(bytes.as_ptr() == lies_at && bytes == message.as_bytes());
        // As memory that nobody else has, it comes back in the same way.
        let whole = Message::from(bytes);
        assert!(whole.as_bytes().as_ptr() == lies_at);
    }
    Ok(())
}

/// A peer that does not read: the message waits for room, and is taken whole then.
#[tokio::test]
async fn sending_waits_for_room() -> Result<(), Error> {
    let (here, there) = duplex(1000);
    let request = ClientRequest::parse("ws://localhost/").expect("a URL");
    let (client, server) = tokio::join!(ws_tokio::client(here, request, Config::new()), async {
        let config = Config::new().high_water_mark(LARGE);
        let request = ws_tokio::server(there, config).await.expect("valid").expect("a request");
        request.accept(&Accept::new()).await
    });
    let (mut client, server) = (client?, server?);
    let payload = Bytes::from(vec![7; LARGE]);
    for _ in 0..2 {
        server.send_bytes(&payload).await?;
    }
    let third = tokio::spawn({
        let (sender, payload) = (server.sender().clone(), payload.clone());
        async move { sender.send_bytes(&payload).await }
    });
    tokio::task::yield_now().await;
    assert!(!third.is_finished() && server.buffered_amount() > LARGE);
    for _ in 0..3 {
        assert!(client.recv().await?.expect("open").as_bytes() == payload);
    }
    third.await.expect("no panic")
}
