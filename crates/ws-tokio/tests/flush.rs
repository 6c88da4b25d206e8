//! Flushing: waiting until messages are written.

mod support;

use std::io::ErrorKind;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use futures_util::Sink;
use support::{Far, REQUEST, accept, settle};
use ws_tokio::wsproto::Config;
use ws_tokio::{Error, Message, WebSocketConnection};

/// Others may send without an end: flushing waits only for what was sent before it began.
#[tokio::test]
async fn flushing_a_sink_does_not_wait_for_later_messages() -> Result<(), Error> {
    let far = Far::new(REQUEST, usize::MAX);
    let mut ws = accept(&far, Config::new()).await;
    settle().await;
    far.change(|state| state.room = state.written.len());
    let mut context = Context::from_waker(Waker::noop());
    ws.try_send("first")?;
    settle().await;
    assert!(Pin::new(&mut ws).poll_flush(&mut context).is_pending());
    ws.handle().send("second")?;
    far.change(|state| state.room += 7);
    settle().await;
    assert!(Pin::new(&mut ws).poll_flush(&mut context).is_ready());
    // A message of the sink's own belongs to the next flush.
    assert!(Pin::new(&mut ws).poll_flush(&mut context).is_pending());
    far.change(|state| state.room += 8);
    Pin::new(&mut ws).start_send("third".into())?;
    settle().await;
    assert!(Pin::new(&mut ws).poll_flush(&mut context).is_pending());
    far.change(|state| state.room += 7);
    settle().await;
    assert!(matches!(Pin::new(&mut ws).poll_flush(&mut context), Poll::Ready(Ok(()))));
    Ok(())
}

/// A flush is over once its bytes are written, although later messages are lost before the waiting task looks again.
#[tokio::test]
async fn a_flush_tells_the_truth_after_the_end() -> Result<(), Error> {
    // The room, in bytes, for "first", which takes 7 of them, and "second".
    for (room, flushed) in [(7, true), (14, true), (6, false)] {
        for handled in [false, true] {
            let far = Far::new(REQUEST, usize::MAX);
            let ws = accept(&far, Config::new()).await;
            settle().await;
            far.change(|state| state.room = state.written.len());
            let mut context = Context::from_waker(Waker::noop());
            let (mut sink, handle) = (ws.sender().clone(), ws.handle().clone());
            let application = tokio::spawn(async move {
                if handled {
                    ws.run(|_: &WebSocketConnection, _: Message| {}).await;
                } else {
                    ws.into_split().0.closed().await.expect("no error of the peer");
                }
            });
            settle().await;
            handle.send("first")?;
            let flusher = sink.clone();
            let mut waits = pin!(flusher.flush());
            assert!(waits.as_mut().poll(&mut context).is_pending());
            assert!(Pin::new(&mut sink).poll_flush(&mut context).is_pending());
            handle.send("second")?;
            far.change(|state| state.room += room);
            settle().await;
            handle.abort();
            application.await.expect("no panic");
            settle().await;
            assert!(far.lock().dropped && handle.buffered_amount() > 0);
            let results =
                [waits.as_mut().poll(&mut context), Pin::new(&mut sink).poll_flush(&mut context)];
            for result in results {
                match result {
                    Poll::Ready(Ok(())) => assert!(flushed, "{room}, {handled}"),
                    Poll::Ready(Err(Error::Io(error))) if error.kind() == ErrorKind::BrokenPipe => {
                        assert!(!flushed, "{room}, {handled}");
                    }
                    other => panic!("{other:?}"),
                }
            }
            // A flush that begins now includes the second message.
            assert!(matches!(sink.flush().await, Err(Error::Io(_))));
        }
    }
    Ok(())
}
