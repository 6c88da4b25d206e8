//! Cooperative scheduling of tokio may delay a wake-up but not lose it, whatever is left of the budget of a task.

mod support;

use std::time::Duration;

use support::{Far, REQUEST, accept, frame, request, settle};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::coop::consume_budget;
use tokio::time::timeout;
use ws_tokio::wsproto::Config;
use ws_tokio::{Error, Listener, ServerOptions};

/// More than the budget with which each poll of a task begins.
const MOST: usize = 140;

/// Nothing waits longer, except if it hangs.
const PATIENCE: Duration = Duration::from_secs(3600);

/// Uses up a part of the budget.
async fn spend(units: usize) {
    for _ in 0..units {
        consume_budget().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_send_gives_up_a_peer_that_does_not_read() {
    for spent in 0..MOST {
        let far = Far::new(REQUEST, usize::MAX);
        let ws = accept(&far, Config::new().high_water_mark(100)).await;
        settle().await;
        far.change(|state| state.room = state.written.len() + 10);
        ws.send(vec![7; 1000]).await.expect("there is room");
        let sends = tokio::spawn(async move {
            spend(spent).await;
            timeout(PATIENCE, ws.send("returned")).await
        });
        match sends.await.expect("no panic") {
            Ok(Err(Error::WouldExceed(Some(message)))) => assert_eq!(message, "returned".into()),
            other => panic!("after {spent} units: {other:?}"),
        }
    }
}

/// A message arrives once the receiver waits. On a socket, each read and each look at it takes a unit.
#[tokio::test]
async fn a_receiver_gets_its_message() -> Result<(), Error> {
    let tcp = TcpListener::bind("127.0.0.1:0").await?;
    for spent in 0..MOST {
        let stream = TcpStream::connect(tcp.local_addr()?).await?;
        let (accepted, _) = tcp.accept().await?;
        let (client, server) = tokio::join!(
            ws_tokio::client(stream, request(), Config::new()),
            ws_tokio::accept(accepted)
        );
        let (mut client, server) = (client?, server?);
        let receives = tokio::spawn(async move {
            spend(spent).await;
            let first = timeout(PATIENCE, client.recv()).await;
            spend(spent).await;
            let second = timeout(PATIENCE, client.recv()).await;
            (first, second)
        });
        for text in ["first", "second"] {
            settle().await;
            server.send(text).await?;
        }
        let (first, second) = receives.await.expect("no panic");
        assert_eq!(first.expect("in time")?, Some("first".into()), "after {spent} units");
        assert_eq!(second.expect("in time")?, Some("second".into()), "after {spent} units");
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_flush_and_a_close_end() -> Result<(), Error> {
    for spent in 0..MOST {
        let far = Far::new(REQUEST, usize::MAX);
        let mut ws = accept(&far, Config::new()).await;
        let ends = tokio::spawn(async move {
            spend(spent).await;
            ws.send("it").await?;
            timeout(PATIENCE, ws.flush()).await.expect("it is written")?;
            spend(spent).await;
            timeout(PATIENCE, ws.close(None)).await.expect("the peer answers")
        });
        settle().await;
        far.change(|state| state.input.extend(frame(0x88, &[])));
        assert!(ends.await.expect("no panic")?.was_clean, "after {spent} units");
        assert_eq!(far.sent(), b"\x81\x02it\x88\x00", "after {spent} units");
    }
    Ok(())
}

#[tokio::test]
async fn a_listener_accepts_and_ends() -> Result<(), Error> {
    for spent in 0..MOST {
        let mut listener = Listener::bind("127.0.0.1:0", ServerOptions::new()).await?;
        let (address, server) = (listener.local_addr(), listener.handle().clone());
        let (tell, accepted) = oneshot::channel();
        let serves = tokio::spawn(async move {
            spend(spent).await;
            let _ = tell.send(listener.accept().await?.is_some());
            spend(spent).await;
            let ended = listener.accept().await?.is_none();
            spend(spent).await;
            listener.ended().await;
            Ok::<_, std::io::Error>(ended)
        });
        settle().await;
        let peer = TcpStream::connect(address.expect("TCP")).await?;
        let accepted = timeout(PATIENCE, accepted).await.expect("in time");
        assert_eq!(accepted, Ok(true), "after {spent} units");
        settle().await;
        server.terminate(None);
        let ended = timeout(PATIENCE, serves).await.expect("in time").expect("no panic")?;
        assert!(ended && server.is_terminated(), "after {spent} units");
        drop(peer);
    }
    Ok(())
}
