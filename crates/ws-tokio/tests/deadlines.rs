//! Deadlines follow the time of tokio, whatever the application waits for.

mod support;

use std::time::Duration;

use support::{Far, REQUEST, frame, settle};
use tokio::time::{Instant, sleep};
use ws_tokio::wsproto::handshake::Accept;
use ws_tokio::wsproto::{Config, KeepAlive, SessionError};
use ws_tokio::{Error, WebSocket};

const HALF_A_MINUTE: Duration = Duration::from_secs(30);

async fn accept(far: &Far, config: Config) -> WebSocket {
    let request = ws_tokio::server(far.stream(), config).await.expect("valid").expect("a request");
    request.accept(&Accept::new()).await.expect("an upgrade")
}

fn keep_alive() -> Config {
    let keep_alive = Some(KeepAlive::new(HALF_A_MINUTE, HALF_A_MINUTE));
    Config::new().keep_alive(keep_alive)
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_answers_no_ping_is_given_up() {
    let far = Far::new(REQUEST, usize::MAX);
    let mut ws = accept(&far, keep_alive()).await;
    let start = Instant::now();
    let error = ws.recv().await.expect_err("no Pong");
    assert!(matches!(error, Error::Session(SessionError::KeepAliveTimeout)), "{error}");
    assert_eq!(start.elapsed().as_secs(), 60);
    assert_eq!(ws.recv().await.expect("told once"), None);
}

#[tokio::test(start_paused = true)]
async fn a_ping_leaves_while_the_application_waits_for_something_else() {
    let far = Far::new(REQUEST, usize::MAX);
    let mut ws = accept(&far, keep_alive()).await;
    sleep(HALF_A_MINUTE + Duration::from_secs(1)).await;
    assert_eq!(far.sent()[0], 0x89, "a Ping");
    // The Pong arrives, and is not read for a long time.
    let payload = far.sent()[2..].to_vec();
    far.change(|state| {
        state.input.extend(frame(0x8A, &payload));
        state.input.extend(frame(0x81, b"here"));
    });
    sleep(HALF_A_MINUTE * 2).await;
    assert_eq!(ws.recv().await.expect("the Pong was there"), Some("here".into()));
}

/// The Pong is among messages that the application does not take for hours, wherever they were read meanwhile.
#[tokio::test(start_paused = true)]
async fn a_pong_among_untaken_messages_counts() {
    for early in [false, true] {
        for taken in 0..=2 {
            let far = Far::new(REQUEST, usize::MAX);
            let mut ws = accept(&far, keep_alive()).await;
            let messages = [b"0", b"1", b"2"].map(|text| frame(0x81, text));
            if early {
                far.change(|state| state.input.extend(&messages[0]));
                settle().await;
            }
            sleep(HALF_A_MINUTE + Duration::from_secs(1)).await;
            assert_eq!(far.sent()[0], 0x89, "a Ping");
            let payload = far.sent()[2..].to_vec();
            far.change(|state| {
                if !early {
                    state.input.extend(&messages[0]);
                }
                state.input.extend(&messages[1]);
                state.input.extend(frame(0x8A, &payload));
                state.input.extend(&messages[2]);
            });
            for number in 0..taken {
                assert_eq!(ws.recv().await.expect("alive"), Some(number.to_string().into()));
            }
            sleep(HALF_A_MINUTE * 1000).await;
            for number in taken..3 {
                let received = ws.recv().await;
                assert_eq!(received.expect("alive"), Some(number.to_string().into()), "{early}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_busy_connection_sends_no_ping() {
    let far = Far::new(REQUEST, usize::MAX);
    let ws = accept(&far, Config::new().keep_alive(None)).await;
    sleep(HALF_A_MINUTE * 100).await;
    assert!(far.sent().is_empty());
    ws.handle().set_keep_alive(keep_alive().keep_alive);
    sleep(HALF_A_MINUTE + Duration::from_secs(1)).await;
    assert_eq!(far.sent()[0], 0x89, "a change by a handle moves the alarm");
}

#[tokio::test(start_paused = true)]
async fn a_slow_request_is_given_up() {
    let far = Far::new(&REQUEST[..30], usize::MAX);
    let start = Instant::now();
    let error = ws_tokio::server(far.stream(), Config::new()).await.expect_err("too slow");
    assert!(matches!(error, Error::Session(SessionError::HandshakeTimeout)), "{error}");
    assert_eq!(
        Some(start.elapsed().as_secs()),
        Config::new().handshake_timeout.map(|t| t.as_secs())
    );
}

#[tokio::test(start_paused = true)]
async fn a_decision_has_a_deadline() {
    let far = Far::new(REQUEST, usize::MAX);
    let request = ws_tokio::server(far.stream(), Config::new()).await.expect("valid");
    sleep(HALF_A_MINUTE * 10).await;
    assert!(far.lock().written.starts_with(b"HTTP/1.1 503"));
    assert!(request.expect("a request").accept(&Accept::new()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_read_is_not_waited_for_forever() {
    let far = Far::new(REQUEST, usize::MAX);
    let config = Config::new().high_water_mark(100);
    let ws = accept(&far, config).await;
    settle().await;
    far.change(|state| state.room = state.written.len() + 10);
    ws.send(vec![7; 1000]).await.expect("there is room");
    let start = Instant::now();
    match ws.send("returned").await {
        Err(Error::WouldExceed(Some(message))) => assert_eq!(message, "returned".into()),
        result => panic!("{result:?}"),
    }
    assert_eq!(Some(start.elapsed().as_secs()), Config::new().write_timeout.map(|t| t.as_secs()));
}
