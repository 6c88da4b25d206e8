//! Both ends of a connection on a stream in memory.

use tokio::io::duplex;
use ws_tokio::wsproto::handshake::ClientRequest;
use ws_tokio::wsproto::url::WsUrl;
use ws_tokio::wsproto::{CloseCode, CloseFrame, Config};
use ws_tokio::{Error, Message, WebSocket};

fn request() -> ClientRequest {
    ClientRequest::new(WsUrl::parse("ws://localhost/chat").expect("a URL"))
}

/// Opens both ends on a stream with this much room.
async fn pair(room: usize) -> (WebSocket, WebSocket) {
    let (here, there) = duplex(room);
    let (client, server) =
        tokio::join!(ws_tokio::client(here, request(), Config::new()), ws_tokio::accept(there),);
    (client.expect("a client"), server.expect("a server"))
}

#[tokio::test]
async fn messages_come_back_and_the_end_is_clean() -> Result<(), Error> {
    for room in [1, 7, 1 << 16] {
        let (mut client, mut server) = pair(room).await;
        let echo = tokio::spawn(async move {
            while let Some(message) = server.recv().await? {
                server.send(message).await?;
            }
            server.closed().await
        });
        for message in
            [Message::from("Hello"), vec![7; 100].into(), "".into(), vec![8; 3000].into()]
        {
            client.send(message.clone()).await?;
            assert_eq!(client.recv().await?, Some(message));
        }
        let info = client.close(CloseFrame::new(CloseCode::NORMAL, "done").ok()).await?;
        assert!(info.was_clean && info.code == CloseCode::NORMAL, "{info}");
        let info = echo.await.expect("no panic")?;
        assert!(info.was_clean && info.reason == "done", "{info}");
        assert!(matches!(client.send("late").await, Err(Error::Send(_))));
        assert_eq!(client.recv().await?, None);
    }
    Ok(())
}
