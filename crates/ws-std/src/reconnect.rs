//! A client that connects again.

use std::time::{Duration, Instant};

use ws_common::adapter::tell_decision;
use ws_common::{ClientOptions, Reconnect, ReconnectEvent};
use wsproto::CloseInfo;
use wsproto::handshake::ClientRequest;

use crate::{Error, WebSocket, connect_with};

/// Connects and calls `run` with the connection, again and again, until `reconnect` gives up, which it does at
/// the end of a connection that `run` has closed. `tell` is called with each decision.
///
/// `run` has to begin everything anew that the server forgets with a connection, such as subscriptions. If it
/// returns `Ok` before the connection is closed, it is closed with an empty Close. If it returns an error, the
/// connection is dropped, and the error decides: return one that is final to `reconnect` to stop. To stop from
/// another thread, use [`ClientOptions::cancel`], and close the connection by its handle if it is open.
///
/// Set a keep-alive: without one, a client that only receives may never learn that the server is gone.
///
/// ```no_run
/// use std::time::Duration;
/// use ws_std::wsproto::KeepAlive;
/// use ws_std::wsproto::handshake::ClientRequest;
/// use ws_std::{ClientOptions, Reconnect, reconnect};
///
/// let request = ClientRequest::parse("wss://example.com/prices")?;
/// let keep_alive = KeepAlive::new(Duration::from_secs(30), Duration::from_secs(30));
/// let options = ClientOptions::new().keep_alive(Some(keep_alive));
/// let policy = Reconnect::new().most_failures(10);
/// let tell = |event| eprintln!("{event:?}");
/// let end = reconnect(&request, options, policy, tell, |ws| {
///     ws.send_text(r#"{"subscribe":"gold"}"#)?;
///     for message in ws {
///         println!("{:?}", message?);
///     }
///     Ok(())
/// })?;
/// println!("{end}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// The last error, if `reconnect` gives up after it: of [`connect_with`], or of `run`.
pub fn reconnect(
    request: &ClientRequest,
    options: impl Into<ClientOptions>,
    mut reconnect: Reconnect,
    mut tell: impl FnMut(ReconnectEvent),
    mut run: impl FnMut(&mut WebSocket) -> Result<(), Error>,
) -> Result<CloseInfo, Error> {
    let options = options.into();
    let mut delay = options.delay;
    loop {
        let mut opened = None;
        let outcome =
            connect_with(request.clone(), options.clone().delay(delay)).and_then(|mut ws| {
                opened = Some(Instant::now());
                run(&mut ws)?;
                // Does nothing if the connection is closed.
                ws.close(None)?;
                ws.wait_closed().cloned()
            });
        let open = opened.map_or(Duration::ZERO, |opened: Instant| opened.elapsed());
        let next = reconnect.after(outcome.as_ref(), open);
        let (cancel, failures) = (options.cancel.as_ref(), reconnect.failures());
        match tell_decision(next, failures, cancel, &mut tell) {
            Some(next) => delay = next.max(options.delay),
            None => return outcome,
        }
    }
}
