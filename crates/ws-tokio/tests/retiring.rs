//! The task of a connection, which ends when it has no work and is spawned again for the next: no message is left.

mod support;

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use support::{Far, REQUEST, accept, pair, runtimes, settle};
use tokio::runtime::Handle;
use tokio::time::timeout;
use ws_tokio::wsproto::Config;
use ws_tokio::{Message, TimerId, WebSocketConnection};

/// Nothing waits longer, except if it hangs.
const PATIENCE: Duration = Duration::from_secs(60);

const ROUNDS: usize = 3000;

/// A thread sends the next message as soon as it learns that the one before has arrived, or a little later: when the
/// task has just written, retires, or is gone.
#[test]
fn a_send_that_meets_a_retiring_task_is_written() {
    for runtime in runtimes() {
        let (mut client, server) = runtime.block_on(pair());
        let (arrived, arrivals) = mpsc::channel();
        let handle = server.handle().clone();
        let sending = thread::spawn(move || {
            for round in 0..ROUNDS {
                (0..round % 97 * 10).for_each(|_| std::hint::spin_loop());
                handle.send(round.to_string()).expect("open");
                let arrived = arrivals.recv_timeout(PATIENCE).expect("it arrives");
                assert_eq!(arrived, Some(Message::from(round.to_string())));
            }
            handle.close(None).expect("open");
        });
        // Nobody receives at the server: its task alone writes.
        runtime.block_on(async {
            while let Some(message) = client.recv().await.expect("no error") {
                let _ = arrived.send(Some(message));
            }
        });
        sending.join().expect("no panic");
        drop(server);
    }
}

/// The same with a flush after each message, which waits for that task.
#[test]
fn a_flush_that_meets_a_retiring_task_ends() {
    for runtime in runtimes() {
        let (mut client, server) = runtime.block_on(pair());
        let receives = runtime.spawn(async move { client.closed().await });
        let sends = runtime.spawn(async move {
            let sender = server.sender().clone();
            for round in 0..ROUNDS {
                sender.send("it").await.expect("open");
                timeout(PATIENCE, sender.flush()).await.expect("in time").expect("open");
                (0..round % 97 * 10).for_each(|_| std::hint::spin_loop());
            }
            server
        });
        // It closes the connection when it is dropped.
        runtime.block_on(async { drop(sends.await.expect("no panic")) });
        let end = runtime.block_on(async { timeout(PATIENCE, receives).await });
        assert!(end.expect("in time").expect("no panic").is_ok());
    }
}

/// Records the timers that expire.
struct Timers(mpsc::Sender<TimerId>);

impl ws_tokio::ConnectionHandler for Timers {
    fn on_message(&mut self, _: &WebSocketConnection, _: Message) {}

    fn on_timer(&mut self, _: &WebSocketConnection, timer: TimerId) {
        let _ = self.0.send(timer);
    }
}

/// A timer without a handler is not kept, and keeps no task. With one, it is.
#[tokio::test(start_paused = true)]
async fn a_timer_without_a_handler_is_not_kept() {
    let far = Far::new(REQUEST, usize::MAX);
    let ws = accept(&far, Config::new()).await;
    let handle = ws.handle().clone();
    for _ in 0..100 {
        let timer = handle.set_timer(Duration::from_secs(1));
        assert!(!handle.cancel_timer(timer));
        settle().await;
        assert_eq!(Handle::current().metrics().num_alive_tasks(), 0, "it is idle");
    }
    let (told, expired) = mpsc::channel();
    let runs = tokio::spawn(ws.run(Timers(told)));
    settle().await;
    let timer = handle.set_timer(Duration::from_secs(1));
    tokio::time::sleep(PATIENCE).await;
    assert_eq!(expired.try_iter().collect::<Vec<_>>(), [timer]);
    runs.abort();
}
