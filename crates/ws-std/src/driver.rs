//! The driver of a blocking connection: writing, planning for the warden, waiting for room.
//!
//! Output that the socket does not take at once is left to the receiving thread if that has set
//! `waits_for_room`, otherwise to the warden. Both the flag and the warden's plan change under the lock of
//! the connection.

mod collected;
mod collector;
mod planned;
mod watched;

use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use ws_common::adapter::{
    Acceptor, Connection, Driver, Held, Link, Outgoing, Traffic, TrafficLease,
};
use ws_common::{Error, SendStatus};
use wsproto::handshake::Response;
use wsproto::url::WsUrl;
use wsproto::{Endpoint, Role};

use self::collector::Collector;
use self::planned::SentPlan;
use crate::calls::Calls;
use crate::clock::{CallTimeout, now};
use crate::origin::Origin;
use crate::signal::Signal;
use crate::{Stream, kept, sync, sys};

/// A connection on a blocking stream.
pub(crate) type Blocking<R> = Connection<R, BlockingDriver<R>>;

/// The driver's state of a connection. The atomics are written while the connection is locked, except for
/// `send_timeout`, `calling`, and the decrement of `senders`: the warden may count a thread that has just stopped
/// waiting.
pub(crate) struct BlockingDriver<R: Role> {
    origin: Origin,
    /// The counts of a server's messages and bytes.
    traffic: Option<TrafficLease>,
    /// How long sending waits for room, in nanoseconds; [`FOREVER`] means no limit.
    send_timeout: AtomicU64,
    /// The handler, if there is one.
    calls: OnceLock<Weak<Calls>>,
    /// How many threads wait for room to send.
    senders: AtomicUsize,
    /// Whether a thread was started for calls of the handler that are due, and has not begun to make them.
    calling: AtomicBool,
    /// Whether the receiving thread also waits for room, so the warden does not.
    waits_for_room: AtomicBool,
    /// Whether the warden waits for input: the receiving thread waits for a change, such as a decision.
    watches_input: AtomicBool,
    /// Whether the reading side was shut down locally, to wake the receiving thread. Set before the
    /// shutdown, so the read that it ends finds it set.
    released: AtomicBool,
    /// Whether [`kept`] keeps the socket of this failed connection.
    kept: AtomicBool,
    /// The warden's current plan, so that only changes are sent.
    sent_plan: Mutex<SentPlan>,
    collector: Collector,
    signal: Signal,
    this: Weak<Blocking<R>>,
}

const FOREVER: u64 = u64::MAX;

fn nanos(timeout: Option<Duration>) -> u64 {
    let nanos = |limit: Duration| u64::try_from(limit.as_nanos()).unwrap_or(FOREVER);
    timeout.map_or(FOREVER, nanos)
}

impl<R: Role> BlockingDriver<R> {
    /// Creates a connection.
    pub(crate) fn begin(
        origin: Origin,
        endpoint: Endpoint<R>,
        stream: Stream,
        peer: Option<SocketAddr>,
    ) -> Arc<Blocking<R>> {
        let send_timeout = nanos(endpoint.session().config().write_timeout);
        let peer = peer.or_else(|| stream.tcp().and_then(|tcp| tcp.peer_addr().ok()));
        Arc::new_cyclic(|this| {
            let driver = Self {
                traffic: origin.acceptor.as_deref().map(Acceptor::traffic),
                origin,
                send_timeout: AtomicU64::new(send_timeout),
                calls: OnceLock::new(),
                senders: AtomicUsize::new(0),
                calling: AtomicBool::new(false),
                waits_for_room: AtomicBool::new(false),
                watches_input: AtomicBool::new(false),
                released: AtomicBool::new(false),
                kept: AtomicBool::new(false),
                sent_plan: Mutex::default(),
                collector: Collector::default(),
                signal: Signal::default(),
                this: Weak::clone(this),
            };
            Connection::new(driver, Link::new(endpoint, stream), peer)
        })
    }

    pub(crate) fn set_send_timeout(&self, timeout: Option<Duration>) {
        self.send_timeout.store(nanos(timeout), Ordering::Relaxed);
    }

    pub(crate) fn send_timeout(&self) -> Option<Duration> {
        match self.send_timeout.load(Ordering::Relaxed) {
            FOREVER => None,
            nanos => Some(Duration::from_nanos(nanos)),
        }
    }

    /// Sets the handler of the connection.
    pub(crate) fn set_calls(&self, calls: &Arc<Calls>) {
        let _ = self.calls.set(Arc::downgrade(calls));
    }

    /// Whether this thread must not wait for room: it runs a client's handler, and usually is the thread
    /// that reads. If both ends waited for room, neither would read.
    fn must_not_wait(&self) -> bool {
        !R::is_server() && self.calls().is_some_and(|calls| calls.is_this_thread())
    }

    fn calls(&self) -> Option<Arc<Calls>> {
        self.calls.get()?.upgrade()
    }

    /// Sets whether the receiving thread also waits for room.
    pub(crate) fn set_waits_for_room(&self, waits: bool) {
        self.waits_for_room.store(waits, Ordering::Relaxed);
    }

    /// Sets whether the warden waits for input on behalf of the receiving thread, which it then notifies.
    pub(crate) fn set_watches_input(&self, watches: bool) {
        self.watches_input.store(watches, Ordering::Relaxed);
    }

    /// Whether the reading side was shut down locally, so that its end says nothing about the peer.
    pub(crate) fn is_released(&self) -> bool {
        self.released.load(Ordering::Relaxed)
    }

    /// Keeps the socket of a failed connection open for a moment, so that a TLS alert arrives.
    pub(crate) fn keep_socket(&self, socket: &Arc<TcpStream>) {
        self.kept.store(true, Ordering::Relaxed);
        kept::keep(socket);
    }

    /// Returns the signal of changes other than input.
    pub(crate) const fn signal(&self) -> &Signal {
        &self.signal
    }

    /// Waits until the peer has read some output, or until `timeout` is over. Returns `false` if it cannot
    /// wait: for a stream without a socket, and during a TLS handshake.
    pub(crate) fn wait_for_room(connection: &Connection<R, Self>, timeout: CallTimeout) -> bool {
        let mut held = connection.lock();
        let Some(link) = held.link_mut() else { return true };
        if link.endpoint_mut().pending().is_empty() {
            // Another thread has written the output.
            return true;
        }
        let socket = link.transport().socket().cloned();
        let Some(socket) = socket.filter(|_| link.transport().takes_output()) else { return false };
        // Under the lock, so the warden knows of this thread when it looks at the deadline.
        connection.driver().senders.fetch_add(1, Ordering::Relaxed);
        drop(held);
        sys::wait_writable(&socket, timeout.left());
        connection.driver().senders.fetch_sub(1, Ordering::Relaxed);
        true
    }
}

impl<R: Role> Driver<R> for BlockingDriver<R> {
    type Transport = Stream;

    fn now(&self) -> Duration {
        now()
    }

    fn changed(&self, mut held: Held<'_, R, Self>) {
        self.write_or_keep(&mut held);
        drop(held);
        self.signal.notify();
    }

    fn input_goes_on(&self, goes_on: bool) {
        self.collector.set(goes_on);
    }

    fn acceptor(&self) -> Option<&Acceptor> {
        self.origin.acceptor.as_deref()
    }

    fn traffic(&self) -> Option<&Traffic> {
        self.traffic.as_deref()
    }

    fn url(&self) -> Option<WsUrl> {
        self.origin.url.as_deref().cloned()
    }

    fn follows(&self, response: &Response) -> bool {
        self.origin.follows(response)
    }

    /// Waits for room. A wait ends no later than the session: the warden handles its deadline, and
    /// [`release`](BlockingDriver::release) then shuts the socket down, which wakes the thread.
    fn send(
        connection: &Connection<R, Self>,
        mut outgoing: Outgoing<'_>,
    ) -> Result<SendStatus, Error> {
        let driver = connection.driver();
        let limit =
            || if driver.must_not_wait() { Some(Duration::ZERO) } else { driver.send_timeout() };
        let mut waiting = None;
        while let Err(error) = connection.try_send(&mut outgoing) {
            let (timeout, unwritten) =
                waiting.get_or_insert_with(|| (CallTimeout::new(limit()), usize::MAX));
            let left = connection.lock().link().map_or(0, |link| link.endpoint().unwritten());
            if left < *unwritten {
                // The peer has read something.
                (*timeout, *unwritten) = (CallTimeout::new(limit()), left);
            }
            let may_wait = matches!(error, Error::WouldExceed(_)) && !timeout.is_over();
            if !may_wait || !Self::wait_for_room(connection, *timeout) {
                return Err(error);
            }
        }
        if driver.has_kept() {
            return Ok(SendStatus::Sent);
        }
        let mut held = connection.lock();
        Ok(match held.live() {
            Ok(link) if link.endpoint().unwritten() > 0 => {
                link.endpoint_mut().await_drained();
                SendStatus::Queued
            }
            _ => SendStatus::Sent,
        })
    }
}
