//! A client that connects again.

use std::time::Duration;

use tokio::time::Instant;
use ws_common::adapter::{CloseOnCancel, NextAttempt};
use ws_common::{ClientOptions, Error, Reconnect, ReconnectEvent};
use wsproto::handshake::ClientRequest;
use wsproto::{CloseInfo, ReadyState, SendError};

use crate::{WebSocket, connect_with};

/// Connects and calls `run` with the connection, again and again, until `reconnect` gives up, which it does at the end
/// of a connection that `run` has closed. `tell` is called with each decision.
///
/// `run` has to begin everything anew that the server forgets with a connection, such as subscriptions. If it returns
/// `Ok` before the connection is closed, it is closed with an empty Close. If it returns an error, the connection is
/// dropped, and the error decides: to stop, return one that is final for [`Reconnect`]. Only after
/// [`SendError::Closed`], the end of the connection decides instead. To stop from elsewhere, drop the future, or cancel
/// the token of [`ClientOptions::cancel`], which gives up a wait and an attempt to connect, and closes an open connection
/// with an empty Close frame.
///
/// Set a keep-alive: without one, a client that only receives may never learn that the server is gone.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
/// use ws_tokio::wsproto::KeepAlive;
/// use ws_tokio::wsproto::handshake::ClientRequest;
/// use ws_tokio::{ClientOptions, Reconnect, WebSocket, reconnect};
///
/// let request = ClientRequest::parse("wss://example.com/prices")?;
/// let keep_alive = KeepAlive::new(Duration::from_secs(30), Duration::from_secs(30));
/// let options = ClientOptions::new().keep_alive(Some(keep_alive));
/// let policy = Reconnect::new().most_failures(10);
/// let tell = |event| eprintln!("{event:?}");
/// let end = reconnect(&request, options, policy, tell, async |ws: &mut WebSocket| {
///     ws.send(r#"{"subscribe":"gold"}"#).await?;
///     while let Some(message) = ws.recv().await? {
///         println!("{message:?}");
///     }
///     Ok(())
/// });
/// println!("{}", end.await?);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// The last error, if `reconnect` gives up after it: of [`connect_with`], or of `run`.
///
/// # Cancel safety
///
/// If the future is dropped, so is the connection, or the attempt to connect.
pub async fn reconnect(
    request: &ClientRequest,
    options: impl Into<ClientOptions>,
    mut reconnect: Reconnect,
    mut tell: impl FnMut(ReconnectEvent),
    mut run: impl AsyncFnMut(&mut WebSocket) -> Result<(), Error>,
) -> Result<CloseInfo, Error> {
    let options = options.into();
    let mut delay = options.delay;
    loop {
        let mut open = Duration::ZERO;
        let outcome = match connect_with(request.clone(), options.clone().delay(delay)).await {
            Ok(mut ws) => {
                let opened = Instant::now();
                let cancel = options.cancel.as_ref();
                let _closing = CloseOnCancel::new(cancel, ws.handle().clone());
                let ran = match ws.ready_state() {
                    ReadyState::Open => run(&mut ws).await,
                    _ => Ok(()),
                };
                let outcome = match ran {
                    // Does nothing if the connection is closed.
                    Ok(()) | Err(Error::Send(SendError::Closed)) => ws.close(None).await,
                    Err(error) => Err(error),
                };
                open = opened.elapsed();
                outcome
            }
            Err(error) => Err(error),
        };
        let next = NextAttempt::after(&mut reconnect, outcome.as_ref(), open);
        match next.tell(options.cancel.as_ref(), &mut tell) {
            Some(next) => delay = next.max(options.delay),
            None => return outcome,
        }
    }
}
