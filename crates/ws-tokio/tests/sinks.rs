//! The contracts of `Sink` and `Stream`.

mod support;

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use futures_util::{Sink, SinkExt, StreamExt, stream};
use support::{Far, REQUEST, accept, frame, frames, settle};
use ws_tokio::wsproto::Config;
use ws_tokio::{Error, Message, Sender};

async fn ready(sink: &mut Sender) -> Result<(), Error> {
    poll_fn(|context| Pin::new(&mut *sink).poll_ready(context)).await
}

/// A sink that is ready takes a message, although others have used up the room meanwhile: one for each sink.
#[tokio::test(start_paused = true)]
async fn a_ready_sink_takes_a_message() -> Result<(), Error> {
    let far = Far::new(REQUEST, usize::MAX);
    let ws = accept(&far, Config::new().high_water_mark(20)).await;
    settle().await;
    far.change(|state| state.room = state.written.len());
    let mut sinks = [(); 3].map(|()| ws.sender().clone());
    for sink in &mut sinks {
        ready(sink).await?;
    }
    let mut texts: Vec<String> = Vec::new();
    while ws.try_send("somebody else").is_ok() {
        texts.push("somebody else".into());
    }
    for (number, sink) in sinks.iter_mut().enumerate() {
        let text = format!("sink {number}");
        Pin::new(&mut *sink).start_send(text.clone().into())?;
        texts.push(text);
        // Without another wait, it is as any other sender.
        let refused = Pin::new(sink).start_send("too much".into());
        assert!(matches!(refused, Err(Error::WouldExceed(Some(_)))), "{refused:?}");
    }
    far.change(|state| state.room = usize::MAX);
    ws.flush().await?;
    assert_eq!(far.sent(), frames(&texts));
    // A connection that closes meanwhile takes none.
    ready(&mut sinks[0]).await?;
    ws.handle().close(None)?;
    assert!(matches!(Pin::new(&mut sinks[0]).start_send("late".into()), Err(Error::Send(_))));
    Ok(())
}

/// Streams that are forwarded from several threads all arrive.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn streams_are_forwarded_at_once() -> Result<(), Error> {
    const EACH: usize = 2000;
    let (here, there) = tokio::io::duplex(1000);
    let (client, server) = tokio::join!(
        ws_tokio::client(here, support::request(), Config::new().high_water_mark(200)),
        ws_tokio::accept(there)
    );
    let (client, mut server) = (client?, server?);
    let forwards: Vec<_> = (0..4)
        .map(|_| {
            let sink = client.sender().clone();
            let messages = stream::iter((0..EACH).map(|_| Ok(Message::from("forwarded message"))));
            tokio::spawn(messages.forward(sink))
        })
        .collect();
    let receives = tokio::spawn(async move {
        let mut received = 0;
        while let Some(message) = server.recv().await? {
            assert_eq!(message, "forwarded message".into());
            received += 1;
        }
        Ok::<_, Error>(received)
    });
    let mut complete = 0;
    for forward in forwards {
        // The first stream that ends closes the connection.
        match forward.await.expect("no panic") {
            Ok(()) => complete += 1,
            Err(Error::Send(_)) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
    drop(client);
    assert!(complete > 0 && receives.await.expect("no panic")? >= EACH);
    Ok(())
}

/// After its end, the stream yields nothing more.
#[tokio::test(start_paused = true)]
async fn the_stream_is_fused() -> Result<(), Error> {
    let far = Far::new(REQUEST, usize::MAX);
    let mut ws = accept(&far, Config::new()).await;
    far.change(|state| {
        state.input.extend(frame(0x81, b"last"));
        state.input.extend(frame(0x88, &[]));
    });
    assert_eq!(ws.next().await.expect("a message")?, "last".into());
    for _ in 0..3 {
        assert!(ws.next().await.is_none());
        assert!(poll_fn(|context| Poll::Ready(ws.poll_recv(context))).await.is_ready());
    }
    // Closing again does nothing; it has been flushed.
    SinkExt::close(&mut ws).await?;
    SinkExt::flush(&mut ws).await?;
    assert!(matches!(SinkExt::send(&mut ws, "late".into()).await, Err(Error::Send(_))));
    Ok(())
}
