//! Connecting to a server before the opening handshake: the steps of a [`Dial`] as blocking calls.

#[cfg(unix)]
mod attempts;
#[cfg(any(not(unix), test))]
mod one_by_one;
#[cfg(test)]
mod tests;

use std::io::{self, ErrorKind};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use ws_common::Cancel;
use ws_common::adapter::{Dial, DialStep, OnCancel, Resolver, Route, Target};

use crate::retry::is_timeout;
use crate::{Error, Stream};

#[cfg(unix)]
use attempts::Attempts;
#[cfg(not(unix))]
use one_by_one::Attempts;

/// The shortest socket timeout; the standard library rejects zero.
const MIN_WAIT: Duration = Duration::from_millis(1);

/// Opens a stream to the host of a URL; TLS with the server has sent nothing yet.
pub(crate) fn dial(target: &mut Target) -> Result<Stream, Error> {
    let mut dial = Dial::new(target, Duration::ZERO)?;
    let cancel = target.options().cancel.clone();
    let tcp = open(&mut dial, Attempts::new(cancel.as_ref()), cancel.as_ref())?;
    #[cfg(feature = "tls")]
    if let Some(tls) = dial.take_tls() {
        return Ok(Stream::over_tls(tcp, tls));
    }
    Ok(tcp.into())
}

/// The sockets of the running connection attempts.
trait Connect {
    /// Begins an attempt. Its outcome is reported to `dial`, now or by [`wait`](Self::wait).
    fn begin(&mut self, attempt: usize, route: &Route, dial: &mut Dial, now: Instants);

    /// Waits for an attempt to end, for the dial's deadline, or for the token to be cancelled.
    fn wait(&mut self, dial: &mut Dial, now: Instants);

    /// Returns the connected stream of an attempt, in blocking mode; drops the others.
    fn take(&mut self, attempt: usize) -> io::Result<TcpStream>;
}

/// The clock of a dial.
#[derive(Clone, Copy)]
struct Instants(Instant);

impl Instants {
    fn now(self) -> Duration {
        self.0.elapsed()
    }

    /// Returns the time to the dial's deadline, at least [`MIN_WAIT`]; `None` without a deadline.
    fn left(self, dial: &Dial) -> Option<Duration> {
        dial.deadline().map(|deadline| deadline.saturating_sub(self.now()).max(MIN_WAIT))
    }
}

fn open(
    dial: &mut Dial,
    mut attempts: impl Connect,
    cancel: Option<&Cancel>,
) -> Result<TcpStream, Error> {
    let time = Instants(Instant::now());
    let mut opened = None;
    loop {
        match dial.next(time.now())? {
            DialStep::Resolve { host, port } => {
                look_up(&host, port, dial, time, cancel);
            }
            DialStep::Connect { attempt, route } => {
                attempts.begin(attempt, &route, dial, time);
            }
            DialStep::Wait => attempts.wait(dial, time),
            ref step @ (DialStep::Tunnel { attempt } | DialStep::Ready { attempt }) => {
                let taken = opened.take().map_or_else(
                    || attempts.take(attempt).map(|tcp| (end_when_cancelled(&tcp, cancel), tcp)),
                    Ok,
                );
                let (on_cancel, tcp) = match taken {
                    Ok(taken) => taken,
                    Err(error) => {
                        dial.failed(attempt, error, time.now());
                        continue;
                    }
                };
                if matches!(step, DialStep::Ready { .. }) {
                    // The connection does not use socket timeouts. If the peer is gone, reading fails.
                    let _ = tcp.set_read_timeout(None);
                    let _ = tcp.set_write_timeout(None);
                    return Ok(tcp);
                }
                exchange(&tcp, attempt, dial, time);
                opened = Some((on_cancel, tcp));
            }
        }
    }
}

/// Ends the exchange with a proxy when the dial is cancelled.
fn end_when_cancelled(tcp: &TcpStream, cancel: Option<&Cancel>) -> Option<OnCancel> {
    let cancel = cancel?;
    let tcp = tcp.try_clone().ok()?;
    // Fails if the peer is gone.
    Some(cancel.on_cancel(move || drop(tcp.shutdown(Shutdown::Both))))
}

fn look_up(host: &str, port: u16, dial: &mut Dial, time: Instants, cancel: Option<&Cancel>) {
    let (sender, found) = mpsc::channel();
    let _on_cancel = cancel.map(|cancel| {
        let wake = sender.clone();
        // The look-up is given up, and `Dial::next` tells why.
        cancel.on_cancel(move || drop(wake.send(Err(ErrorKind::Interrupted.into()))))
    });
    // The send fails if the dial has timed out.
    let lookup = Resolver::shared().resolve(host, port, move |found| drop(sender.send(found)));
    let _lookup = match lookup {
        Ok(lookup) => lookup,
        Err(error) => return dial.resolved(Err(error), time.now()),
    };
    let found = match time.left(dial) {
        Some(left) => found.recv_timeout(left).ok(),
        None => found.recv().ok(),
    };
    // Without an answer, `Dial::next` reports the timeout.
    if let Some(found) = found {
        dial.resolved(found, time.now());
    }
}

/// Writes to the proxy or reads from it, once.
fn exchange(mut tcp: &TcpStream, attempt: usize, dial: &mut Dial, time: Instants) {
    let left = time.left(dial);
    let moved = tcp
        .set_read_timeout(left)
        .and_then(|()| tcp.set_write_timeout(left))
        .and_then(|()| dial.exchange(&mut tcp, || time.now()));
    match moved {
        Err(error) if !is_timeout(&error) => dial.failed(attempt, error, time.now()),
        // `Dial::next` reports the timeout, so that all adapters use one wording.
        _ => {}
    }
}
