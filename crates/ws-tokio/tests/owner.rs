//! The owner of a connection and the connection's task, which share its stream.

mod support;

use std::future::poll_fn;
use std::io::ErrorKind;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use support::{Far, REQUEST, accept, frame, poll_and_drop, settle};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, timeout};
use ws_tokio::wsproto::{Config, KeepAlive};
use ws_tokio::{Error, Message, WebSocket, WebSocketConnection};

const HALF_A_MINUTE: Duration = Duration::from_secs(30);

/// Nothing waits longer, except if it hangs.
const PATIENCE: Duration = Duration::from_secs(3600);

fn keep_alive() -> Config {
    Config::new().keep_alive(Some(KeepAlive::new(HALF_A_MINUTE, HALF_A_MINUTE)))
}

async fn receive(ws: &mut WebSocket) -> Result<Option<Message>, Error> {
    timeout(PATIENCE, ws.recv()).await.expect("something happens")
}

/// The connection's task reads at a deadline, because the Pong may have arrived. Its input comes after
/// the input that the owner has read and not taken yet, wherever that is cut.
#[tokio::test(start_paused = true)]
async fn messages_stay_in_order_across_a_deadline() -> Result<(), Error> {
    let (first, second) = (frame(0x81, b"second"), frame(0x81, b"third"));
    for cut in 0..=first.len() {
        let far = Far::new(REQUEST, usize::MAX);
        let mut ws = accept(&far, keep_alive()).await;
        far.change(|state| {
            state.input.extend(frame(0x81, b"first"));
            state.input.extend(&first[..cut]);
        });
        assert_eq!(receive(&mut ws).await?, Some("first".into()));
        far.change(|state| {
            state.input.extend(&first[cut..]);
            state.input.extend(&second);
        });
        // A Ping leaves, and the time for its Pong passes.
        sleep(HALF_A_MINUTE * 3).await;
        assert_eq!(receive(&mut ws).await?, Some("second".into()), "cut at {cut}");
        assert_eq!(receive(&mut ws).await?, Some("third".into()), "cut at {cut}");
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn an_owner_that_waits_learns_that_reading_goes_on() -> Result<(), Error> {
    let far = Far::new(REQUEST, usize::MAX);
    let mut ws = accept(&far, Config::new()).await;
    let handle = ws.handle().clone();
    let waits = tokio::spawn(async move { receive(&mut ws).await });
    settle().await;
    handle.pause();
    far.change(|state| state.input.extend(frame(0x81, b"later")));
    settle().await;
    assert!(!waits.is_finished());
    handle.resume();
    settle().await;
    assert!(waits.is_finished());
    assert_eq!(waits.await.expect("no panic")?, Some("later".into()));
    Ok(())
}

/// Input that arrives before the owner pauses, meanwhile or afterwards is received once it goes on, although the stream
/// has woken its task before.
#[tokio::test(start_paused = true)]
async fn a_paused_owner_misses_nothing() -> Result<(), Error> {
    for arrives in 0..3 {
        let far = Far::new(REQUEST, usize::MAX);
        let mut ws = accept(&far, Config::new()).await;
        let arrive = |moment| {
            if moment == arrives {
                far.change(|state| state.input.extend(frame(0x81, b"late")));
            }
        };
        // The stream has refused a read.
        assert!(poll_and_drop(2, ws.recv()).await.is_none());
        arrive(0);
        ws.handle().pause();
        assert!(poll_and_drop(2, ws.recv()).await.is_none());
        arrive(1);
        assert!(poll_and_drop(2, ws.recv()).await.is_none());
        ws.handle().resume();
        arrive(2);
        assert_eq!(receive(&mut ws).await?, Some("late".into()), "{arrives}");
    }
    Ok(())
}

/// Whichever of the two tasks notices it.
#[tokio::test(start_paused = true)]
async fn a_failure_to_read_is_told_once() {
    for idle in [Duration::ZERO, HALF_A_MINUTE * 3] {
        let far = Far::new(REQUEST, usize::MAX);
        let mut ws = accept(&far, keep_alive()).await;
        far.change(|state| state.fails = Some(ErrorKind::ConnectionReset));
        sleep(idle).await;
        match receive(&mut ws).await {
            Err(Error::Io(error)) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
            result => panic!("after {idle:?}: {result:?}"),
        }
        assert_eq!(receive(&mut ws).await.expect("told once"), None);
    }
}

/// A loop that always has something to do must let other tasks run.
#[tokio::test]
async fn a_busy_owner_leaves_time_for_others() -> Result<(), Error> {
    const MANY: usize = 5000;
    let far = Far::new(REQUEST, usize::MAX);
    let mut ws = accept(&far, Config::new()).await;
    let turns = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&turns);
    let other = tokio::spawn(async move {
        loop {
            counted.fetch_add(1, Ordering::Relaxed);
            yield_now().await;
        }
    });
    far.change(|state| (0..MANY).for_each(|_| state.input.extend(frame(0x82, b""))));
    let receives = tokio::spawn(async move {
        for _ in 0..MANY {
            ws.recv().await?;
        }
        Ok::<_, Error>(ws)
    });
    let ws = receives.await.expect("no panic")?;
    let turns_while_receiving = turns.swap(0, Ordering::Relaxed);
    assert!(turns_while_receiving > 10, "{turns_while_receiving}");

    let sends = tokio::spawn(async move {
        for _ in 0..MANY {
            ws.send(Vec::new()).await?;
        }
        Ok::<_, Error>(ws)
    });
    drop(sends.await.expect("no panic")?);
    let turns_while_sending = turns.load(Ordering::Relaxed);
    assert!(turns_while_sending > 10, "{turns_while_sending}");
    other.abort();
    Ok(())
}

/// Other output that the peer takes is progress, too.
#[tokio::test(start_paused = true)]
async fn a_sender_waits_as_long_as_the_peer_reads() -> Result<(), Error> {
    let far = Far::new(REQUEST, usize::MAX);
    let config = Config::new().high_water_mark(100);
    let limit = config.write_timeout.expect("a limit");
    let ws = accept(&far, config).await;
    settle().await;
    far.change(|state| state.room = state.written.len());
    let (mut receiver, sender) = ws.into_split();
    sender.send(vec![7; 1000]).await?;
    sender.try_send(vec![7; 1]).expect_err("no room");
    let receives = tokio::spawn(async move { receiver.recv().await });
    let start = Instant::now();
    let waits = tokio::spawn(async move { sender.send("it").await });
    for _ in 0..10 {
        sleep(limit / 2).await;
        // Pongs and a byte of room: there is more to write each time.
        far.change(|state| {
            state.input.extend(frame(0x89, b"12345678"));
            state.room += 1;
        });
    }
    assert!(start.elapsed() > limit * 4);
    if waits.is_finished() {
        panic!("{:?}", waits.await);
    }
    far.change(|state| state.room = usize::MAX);
    waits.await.expect("no panic")?;
    receives.abort();
    Ok(())
}

/// Neither the owner nor the connection's task runs while both wait for a peer that does not read.
#[tokio::test]
async fn two_tasks_that_wait_leave_each_other_alone() {
    for closes in [false, true] {
        let far = Far::new(REQUEST, usize::MAX);
        let mut ws = accept(&far, Config::new().high_water_mark(100)).await;
        settle().await;
        far.change(|state| {
            state.room = state.written.len() + 1;
            state.input.extend([frame(0x82, &[7; 90]), frame(0x82, &[7; 90])].concat());
        });
        let polls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&polls);
        let waits = tokio::spawn(async move {
            for _ in 0..2 {
                let message = ws.recv().await.expect("no error").expect("a message");
                ws.send(message).await.expect("there is room");
            }
            if closes {
                ws.handle().close(None).expect("it may");
            }
            let mut waits = pin!(ws.recv());
            poll_fn(|context| {
                counted.fetch_add(1, Ordering::Relaxed);
                waits.as_mut().poll(context)
            })
            .await
        });
        settle().await;
        let before = polls.load(Ordering::Relaxed);
        settle().await;
        assert!(!waits.is_finished() && before > 0);
        assert_eq!(polls.load(Ordering::Relaxed), before, "closing: {closes}");
        waits.abort();
    }
}

/// One task that waits for a message and for something else of the same connection sleeps until the peer acts.
#[tokio::test]
async fn a_task_that_waits_for_two_things_sleeps() {
    for waits_for in ["room", "flush", "the end"] {
        let far = Far::new(REQUEST, usize::MAX);
        let ws = accept(&far, Config::new().high_water_mark(100)).await;
        settle().await;
        far.change(|state| state.room = state.written.len() + 1);
        let (mut receiver, sender) = ws.into_split();
        sender.send(vec![7; 200]).await.expect("there is room");
        let polls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&polls);
        let (tell, told) = tokio::sync::oneshot::channel();
        let mut tell = Some(tell);
        let waits = tokio::spawn(async move {
            let mut receives = pin!(receiver.recv());
            let mut waits = pin!(async {
                match waits_for {
                    "room" => sender.send("more").await.expect("there is room"),
                    "flush" => sender.flush().await.expect("it is written"),
                    _ => drop(sender.closed().await),
                }
            });
            poll_fn(|context| {
                counted.fetch_add(1, Ordering::Relaxed);
                let _ = tell.take().map(|tell| tell.send(context.waker().clone()));
                let received = receives.as_mut().poll(context);
                match waits.as_mut().poll(context) {
                    Poll::Pending if waits_for == "the end" => received.map(drop),
                    polled => polled,
                }
            })
            .await;
        });
        let task = told.await.expect("it runs");
        settle().await;
        // Something else that the task waits for, such as a timer.
        task.wake_by_ref();
        settle().await;
        let before = polls.load(Ordering::Relaxed);
        settle().await;
        assert!(!waits.is_finished() && before > 0);
        assert_eq!(polls.load(Ordering::Relaxed), before, "waits for {waits_for}");
        far.change(|state| (state.room, state.ends) = (usize::MAX, waits_for == "the end"));
        timeout(PATIENCE, waits).await.expect("it is woken").expect("no panic");
    }
}

/// Replies and other messages have room of their own: once the owner receives again, a task that waited for the room of
/// replies has that of other messages, although nothing was written.
#[tokio::test(start_paused = true)]
async fn a_task_has_room_once_the_owner_receives_again() {
    let far = Far::new(REQUEST, usize::MAX);
    let mut ws = accept(&far, Config::new().high_water_mark(100)).await;
    settle().await;
    far.change(|state| {
        state.room = state.written.len() + 1;
        state.input.extend(frame(0x82, &[7; 90]));
    });
    assert!(receive(&mut ws).await.expect("no error").is_some());
    ws.send(vec![7; 200]).await.expect("there is room");
    let sender = ws.sender().clone();
    let mut sends = tokio::spawn(async move { sender.send("more").await });
    settle().await;
    assert!(!sends.is_finished(), "the replies take all room");
    tokio::spawn(async move { ws.recv().await });
    timeout(PATIENCE, &mut sends).await.expect("there is room").expect("no panic").expect("open");
}

/// A task that waits for the end of a connection, as that of a handler's does, sleeps while messages come and go.
#[tokio::test]
async fn messages_do_not_wake_a_task_that_waits_for_the_end() {
    let far = Far::new(REQUEST, usize::MAX);
    let ws = accept(&far, Config::new()).await;
    let polls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&polls);
    let ends = tokio::spawn(async move {
        let mut runs = pin!(ws.run(|ws: &WebSocketConnection, message: Message| {
            ws.send(message).expect("open");
        }));
        poll_fn(|context| {
            counted.fetch_add(1, Ordering::Relaxed);
            runs.as_mut().poll(context)
        })
        .await
    });
    settle().await;
    let before = polls.load(Ordering::Relaxed);
    for _ in 0..10 {
        far.change(|state| state.input.extend(frame(0x82, b"echo")));
        settle().await;
    }
    assert_eq!(far.sent().len(), 10 * 6);
    assert_eq!(polls.load(Ordering::Relaxed), before);
    far.change(|state| state.input.extend(frame(0x88, &[])));
    assert!(timeout(PATIENCE, ends).await.expect("it is woken").expect("no panic").was_clean);
}

#[tokio::test]
async fn a_panic_of_the_application_closes_with_1011() {
    let far = Far::new(REQUEST, usize::MAX);
    let ws = accept(&far, Config::new()).await;
    let application = tokio::spawn(async move {
        let _ws = ws;
        yield_now().await;
        panic!("as the test wants");
    });
    assert!(application.await.is_err());
    settle().await;
    assert_eq!(far.sent(), [0x88, 2, 0x03, 0xF3]);
}

#[test]
fn nothing_is_connected_outside_of_a_runtime() {
    let mut connects = std::pin::pin!(ws_tokio::connect("ws://127.0.0.1:9/"));
    let mut context = Context::from_waker(Waker::noop());
    assert!(matches!(connects.as_mut().poll(&mut context), Poll::Ready(Err(Error::Io(_)))));
}
