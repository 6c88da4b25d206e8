//! A client that connects again.

use std::time::{Duration, Instant};

use ws_common::adapter::{CloseOnCancel, NextAttempt};
use ws_common::{ClientOptions, Reconnect, ReconnectEvent};
use wsproto::handshake::ClientRequest;
use wsproto::{CloseInfo, ReadyState, SendError};

use crate::{Error, WebSocket, connect_with};

/// Connects and calls `run` with the connection, again and again, until `reconnect` gives up, which it does at
/// the end of a connection that `run` has closed. `tell` is called with each decision.
///
/// `run` must set up again everything that the server forgets with a connection, such as subscriptions. If `run`
/// returns `Ok` before the connection is closed, it is closed with an empty Close frame. If `run` returns an
/// error, the connection is dropped, and the error decides: to stop, return one that is final to `reconnect`. But
/// after [`SendError::Closed`], the way in which the connection was closed decides.
///
/// To stop from another thread, cancel the token of [`ClientOptions::cancel`]. That ends a wait or an attempt with
/// the error [`Abandoned`](wsproto::SessionError::Abandoned), and closes an open connection with an empty Close
/// frame; `run` then gets no more messages.
///
/// Set a keep-alive: without one, a client that only receives may never learn that the server is gone.
///
/// ```no_run
/// use std::time::Duration;
/// use ws_std::wsproto::KeepAlive;
/// use ws_std::wsproto::handshake::ClientRequest;
/// use ws_std::{Cancel, ClientOptions, Reconnect, reconnect};
///
/// let request = ClientRequest::parse("wss://example.com/prices")?;
/// let keep_alive = KeepAlive::new(Duration::from_secs(30), Duration::from_secs(30));
/// let cancel = Cancel::new(); // another thread stops the client with `cancel.clone()`
/// let options = ClientOptions::new().keep_alive(Some(keep_alive)).cancel(cancel.clone());
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
                let _closing = CloseOnCancel::new(options.cancel.as_ref(), ws.handle());
                if ws.ready_state() == ReadyState::Open
                    && let Err(error) = run(&mut ws)
                    && !matches!(error, Error::Send(SendError::Closed))
                {
                    return Err(error);
                }
                // Does nothing if the connection is closed.
                ws.close(None)?;
                ws.wait_closed().cloned()
            });
        let open = opened.map_or(Duration::ZERO, |opened: Instant| opened.elapsed());
        let next = NextAttempt::after(&mut reconnect, outcome.as_ref(), open);
        match next.tell(options.cancel.as_ref(), &mut tell) {
            Some(next) => delay = next.max(options.delay),
            None => return outcome,
        }
    }
}
