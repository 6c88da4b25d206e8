//! Connecting to a server before the opening handshake: the steps of a [`Dial`] as a future.

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use parking_lot::Mutex;
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::Instant;
use ws_common::Error;
use ws_common::adapter::logging::debug;
use ws_common::adapter::{Dial, DialStep, Lookup, Resolver, Route, Target, is_connected};

use crate::alarm::{Alarm, after};
use crate::io::Polled;
use crate::tasks::Tasks;
use crate::websocket::Transported;

/// Opens a stream to the host of a URL; TLS with the server has sent nothing yet. A dropped future drops all sockets.
pub(crate) async fn dial(target: &Mutex<Target>) -> Result<Transported<TcpStream>, Error> {
    let start = Instant::now();
    let (dial, cancel) = {
        let mut target = target.lock();
        (Dial::new(&mut target, start.elapsed())?, target.options().cancel.clone())
    };
    let tasks = Arc::<Tasks>::default();
    let woken = Arc::clone(&tasks);
    let on_cancel = cancel.as_ref().map(|cancel| {
        let wake = move || woken.wake_carrier();
        cancel.on_cancel(wake)
    });
    let mut dialing =
        Dialing { dial, start, lookup: None, attempts: Vec::new(), alarm: Alarm::default() };
    let tcp = poll_fn(|context| {
        Handle::try_current().map_err(io::Error::other)?;
        tasks.register_carrier(context);
        dialing.poll(context)
    })
    .await?;
    drop(on_cancel);
    Ok(Transported {
        as_tcp: |tcp| Some(tcp),
        peer: tcp.peer_addr().ok(),
        client: None,
        #[cfg(feature = "tls")]
        tls: dialing.dial.take_tls(),
        stream: tcp,
    })
}

/// The look-up and the sockets of an attempt to reach a server.
struct Dialing {
    dial: Dial,
    start: Instant,
    lookup: Option<(Lookup, oneshot::Receiver<Found>)>,
    /// The connecting sockets, or the one connected to a proxy, by the numbers of their attempts.
    attempts: Vec<(usize, TcpStream)>,
    alarm: Alarm,
}

type Found = io::Result<Vec<SocketAddr>>;

impl Dialing {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<TcpStream, Error>> {
        loop {
            self.poll_results(context);
            let now = self.start.elapsed();
            match self.dial.next(now)? {
                DialStep::Resolve { host, port } => match look_up(&host, port) {
                    Ok(lookup) => self.lookup = Some(lookup),
                    Err(error) => self.dial.resolved(Err(error), now),
                },
                DialStep::Connect { attempt, route } => {
                    debug!("connecting: {route:?}");
                    match connect(&route) {
                        Ok(tcp) => self.attempts.push((attempt, tcp)),
                        Err(error) => self.dial.failed(attempt, error, now),
                    }
                }
                DialStep::Wait if self.waits(context) => return Poll::Pending,
                DialStep::Wait => {}
                DialStep::Tunnel { attempt } => {
                    self.attempts.retain(|(number, _)| *number == attempt);
                    let waker = context.waker();
                    let exchanged = match self.attempts.first_mut() {
                        Some((_, tcp)) => {
                            let start = self.start;
                            let mut proxy = &Polled::new(tcp, waker);
                            self.dial.exchange(&mut proxy, || start.elapsed())
                        }
                        None => Err(ErrorKind::NotConnected.into()),
                    };
                    match exchanged {
                        Ok(()) => {}
                        Err(error) if error.kind() == ErrorKind::WouldBlock => {
                            if self.waits(context) {
                                return Poll::Pending;
                            }
                        }
                        Err(error) => self.dial.failed(attempt, error, now),
                    }
                }
                DialStep::Ready { attempt } => {
                    let mut attempts = std::mem::take(&mut self.attempts).into_iter();
                    let won = attempts.find(|(number, _)| *number == attempt);
                    let won = won.ok_or_else(|| io::Error::from(ErrorKind::NotConnected))?;
                    return Poll::Ready(Ok(won.1));
                }
            }
        }
    }

    /// Returns whether the deadline of the dial is still ahead. The task is woken at the deadline.
    fn waits(&mut self, context: &mut Context<'_>) -> bool {
        let deadline = after(self.start, self.dial.deadline());
        !self.alarm.poll(context, deadline)
    }

    /// Reports the results of the look-up and of the attempts to the dial.
    fn poll_results(&mut self, context: &mut Context<'_>) {
        let (now, dial) = (self.start.elapsed(), &mut self.dial);
        if let Some((_, found)) = &mut self.lookup
            && let Poll::Ready(found) = Pin::new(found).poll(context)
        {
            debug!("the look-up has found {found:?}");
            self.lookup = None;
            // Without an answer, the thread of the resolver has panicked.
            dial.resolved(found.unwrap_or_else(|error| Err(io::Error::other(error))), now);
        }
        self.attempts.retain(|(attempt, tcp)| match poll_connected(tcp, context) {
            Poll::Pending => true,
            Poll::Ready(Ok(())) => {
                dial.connected(*attempt);
                true
            }
            Poll::Ready(Err(error)) => {
                debug!("cannot connect: {error}");
                dial.failed(*attempt, error, now);
                false
            }
        });
    }
}

/// Waits until a socket whose connecting began is connected.
fn poll_connected(tcp: &TcpStream, context: &mut Context<'_>) -> Poll<io::Result<()>> {
    loop {
        std::task::ready!(tcp.poll_write_ready(context))?;
        if is_connected(tcp)? {
            return Poll::Ready(Ok(()));
        }
        // Not yet: forgets the readiness, and waits for the next.
        let not_yet = || Err::<(), _>(ErrorKind::WouldBlock.into());
        let _ = tcp.try_io(Interest::WRITABLE, not_yet);
    }
}

/// Starts to look up a name in the shared threads.
fn look_up(host: &str, port: u16) -> io::Result<(Lookup, oneshot::Receiver<Found>)> {
    let (sender, found) = oneshot::channel();
    // The send fails if the dial has ended.
    let lookup = Resolver::shared().resolve(host, port, move |found| drop(sender.send(found)))?;
    Ok((lookup, found))
}

fn connect(route: &Route) -> io::Result<TcpStream> {
    TcpStream::from_std(route.connect()?.into())
}
