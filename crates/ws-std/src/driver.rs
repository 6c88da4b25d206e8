//! A connection whose owner blocks: how it is written, watched and waited for.

use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::thread::{self, ThreadId};
use std::time::Duration;

use ws_common::adapter::{Acceptor, Connection, Driver, Held, Link, Outgoing};
use ws_common::{ConnectionId, Error, SendStatus};
use wsproto::url::WsUrl;
use wsproto::{Advice, Endpoint, Role};

use crate::calls::{Caller, Calls, tell_drained_elsewhere};
use crate::clock::{Patience, now};
use crate::poller::Interest;
use crate::signal::Signal;
use crate::warden::{Plan, Watched, warden};
use crate::{Stream, remains, sys};

/// A connection whose owner blocks.
pub(crate) type Blocking<R> = Connection<R, Owner<R>>;

/// The owner of a connection, as its handles see it. What is atomic is written while the connection is
/// locked, except for the patience.
pub(crate) struct Owner<R: Role> {
    acceptor: Option<Arc<Acceptor>>,
    url: Option<Box<WsUrl>>,
    /// How long sending waits for room, in nanoseconds; [`FOREVER`] is as long as it takes.
    patience: AtomicU64,
    /// The handler, if there is one.
    calls: OnceLock<Weak<Calls>>,
    /// The thread that calls it.
    caller: Caller,
    /// Whether another thread is about to tell the handler that there is room again.
    telling: AtomicBool,
    /// Whether the thread that receives waits for room, too, so that the warden need not.
    waits_for_room: AtomicBool,
    /// Whether the reading side was shut down, to wake the thread that receives.
    released: AtomicBool,
    /// Whether the socket is kept for a moment, although the connection has failed.
    kept: AtomicBool,
    /// The plan that the warden has, so that it is told of changes only.
    told: Mutex<Told>,
    signal: Signal,
    this: Weak<Blocking<R>>,
}

const FOREVER: u64 = u64::MAX;

/// How much the warden writes for one connection before it looks after the others.
const TURN: usize = 1 << 20;

/// How long to wait at least for a deadline that has passed, and has moved nothing.
const RETRY: Duration = Duration::from_millis(50);

#[derive(Debug, Default, PartialEq)]
struct Told {
    deadline: Option<Duration>,
    interest: Option<Interest>,
}

impl<R: Role> Owner<R> {
    /// Begins a connection.
    pub(crate) fn begin(
        acceptor: Option<Arc<Acceptor>>,
        url: Option<WsUrl>,
        endpoint: Endpoint<R>,
        stream: Stream,
        peer: Option<SocketAddr>,
    ) -> Arc<Blocking<R>> {
        let peer = peer.or_else(|| stream.tcp().and_then(|tcp| tcp.peer_addr().ok()));
        Arc::new_cyclic(|this| {
            let owner = Self {
                acceptor,
                url: url.map(Box::new),
                patience: AtomicU64::new(FOREVER),
                calls: OnceLock::new(),
                caller: Mutex::default(),
                telling: AtomicBool::new(false),
                waits_for_room: AtomicBool::new(false),
                released: AtomicBool::new(false),
                kept: AtomicBool::new(false),
                told: Mutex::default(),
                signal: Signal::default(),
                this: Weak::clone(this),
            };
            Connection::new(owner, Link::new(endpoint, stream), peer)
        })
    }

    pub(crate) fn set_patience(&self, patience: Option<Duration>) {
        let nanos = |limit: Duration| u64::try_from(limit.as_nanos()).unwrap_or(FOREVER);
        self.patience.store(patience.map_or(FOREVER, nanos), Ordering::Relaxed);
    }

    pub(crate) fn patience(&self) -> Option<Duration> {
        match self.patience.load(Ordering::Relaxed) {
            FOREVER => None,
            nanos => Some(Duration::from_nanos(nanos)),
        }
    }

    /// Notes the handler of the connection.
    pub(crate) fn set_calls(&self, calls: &Arc<Calls>) {
        let _ = self.calls.set(Arc::downgrade(calls));
    }

    /// Notes the thread that calls the handler from now on.
    pub(crate) fn set_caller(&self, thread: ThreadId) {
        *self.caller.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
    }

    /// Whether this thread must not wait for room: a client reads whatever happens, and its handler is
    /// called by the thread that reads.
    fn must_not_wait(&self) -> bool {
        let caller = || *self.caller.lock().unwrap_or_else(PoisonError::into_inner);
        !R::is_server() && self.calls.get().is_some() && caller() == Some(thread::current().id())
    }

    /// Notes whether the thread that receives waits for room, too.
    pub(crate) fn set_waits_for_room(&self, waits: bool) {
        self.waits_for_room.store(waits, Ordering::Relaxed);
    }

    /// Whether the reading side was shut down from here, so that its end says nothing of the peer.
    pub(crate) fn is_released(&self) -> bool {
        self.released.load(Ordering::Relaxed)
    }

    /// Keeps the socket of a connection that has failed for a moment, so that a TLS alert arrives.
    pub(crate) fn keep_socket(&self, socket: &Arc<TcpStream>) {
        self.kept.store(true, Ordering::Relaxed);
        remains::keep(socket);
    }

    /// Writes what there is to write, up to about `most` bytes, and has the warden look after the rest.
    pub(crate) fn settle(&self, held: &mut Held<'_, R, Self>, most: usize) {
        let (over, busy) = (held.is_over(), held.is_busy());
        let Some(link) = held.link_mut() else { return self.tell(Plan::default()) };
        if link.endpoint().advice() != Advice::Drop {
            link.write(now(), most);
        }
        if link.endpoint().session().is_over() {
            self.release(link, over || busy);
        }
        if !busy && !over && !self.waits_for_room.load(Ordering::Relaxed) && self.is_drained(link) {
            self.tell_drained();
        }
        let plan = self.plan(link, over);
        self.tell(plan);
    }

    /// Wakes the threads that wait for a connection that is closed.
    fn release(&self, link: &mut Link<R, Stream>, nobody_reads: bool) {
        if link.endpoint().advice() != Advice::Flush && link.endpoint().unwritten() > 0 {
            // The peer takes nothing, so there is no use in lingering.
            link.endpoint_mut().abort();
        }
        match link.endpoint().advice() {
            Advice::Drop if self.kept.load(Ordering::Relaxed) => {}
            // Those that wait for room, too. Nothing would be read any more.
            Advice::Drop => link.transport().release(true),
            Advice::Flush => {}
            // There is something to report, and the thread that receives waits for input.
            _ if !nobody_reads => {
                self.released.store(true, Ordering::Relaxed);
                link.transport().release(false);
            }
            _ => {}
        }
    }

    /// Whether the handler is to be told that there is room again.
    pub(crate) fn is_drained(&self, link: &mut Link<R, Stream>) -> bool {
        let drained = self.calls.get().is_some() && link.endpoint_mut().take_drained();
        if drained {
            // It is told by a call of its own.
            link.endpoint_mut().await_drained();
        }
        drained
    }

    fn tell_drained(&self) {
        let calls = self.calls.get().and_then(Weak::upgrade);
        if let (Some(this), Some(calls)) = (self.this.upgrade(), calls)
            && !self.telling.swap(true, Ordering::Relaxed)
        {
            tell_drained_elsewhere(this, calls);
        }
    }

    /// Notes that the handler is told now; what is drained from now on is told anew.
    pub(crate) fn begin_telling(&self) {
        self.telling.store(false, Ordering::Relaxed);
    }

    /// Returns what the warden is to wait for.
    fn plan(&self, link: &mut Link<R, Stream>, over: bool) -> Plan {
        // Nothing can be waited for on a stream of which nothing is known, and writing it may wait.
        let Some(socket) = link.transport().socket().cloned() else { return Plan::default() };
        let waits = !link.endpoint_mut().pending().is_empty() && link.transport().takes_output()
            || link.transport().owes_output();
        let advice = link.endpoint().advice();
        let interest = match advice {
            Advice::Drop => None,
            // A reading side that was shut down has always ended; only time is left to wait for.
            _ if over && advice != Advice::Flush => (!self.is_released()).then_some(Interest::Read),
            _ if self.waits_for_room.load(Ordering::Relaxed) => None,
            _ => waits.then_some(Interest::Write),
        };
        // A deadline that has passed, and is there still, must not keep the warden busy.
        let deadline = link.endpoint().deadline().filter(|_| advice != Advice::Drop);
        let deadline =
            deadline.map(|at| if at <= now() { now().saturating_add(RETRY) } else { at });
        Plan { deadline, interest: interest.map(|interest| (interest, socket)) }
    }

    fn tell(&self, plan: Plan) {
        let interest = plan.interest.as_ref().map(|(interest, _)| *interest);
        let told = Told { deadline: plan.deadline, interest };
        let mut before = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if *before == told {
            return;
        }
        *before = told;
        if let Some(this) = self.this.upgrade() {
            warden().watch(this.id(), this, plan);
        }
    }

    /// Returns what wakes threads that wait for something other than input.
    pub(crate) const fn signal(&self) -> &Signal {
        &self.signal
    }

    /// Waits for the peer to take something, no longer than the patience lasts. Returns whether that is
    /// possible: not with a stream of which nothing is known, nor in a TLS handshake.
    pub(crate) fn wait_for_room(connection: &Connection<R, Self>, patience: Patience) -> bool {
        let mut held = connection.lock();
        let Some(link) = held.link_mut() else { return true };
        if link.endpoint_mut().pending().is_empty() {
            // Another thread has written it meanwhile.
            return true;
        }
        let socket = link.transport().socket().cloned();
        let Some(socket) = socket.filter(|_| link.transport().takes_output()) else { return false };
        drop(held);
        sys::wait_writable(&socket, patience.left());
        true
    }
}

impl<R: Role> Driver<R> for Owner<R> {
    type Transport = Stream;

    fn now(&self) -> Duration {
        now()
    }

    fn changed(&self, mut held: Held<'_, R, Self>) {
        self.settle(&mut held, usize::MAX);
        drop(held);
        self.signal.notify();
    }

    fn acceptor(&self) -> Option<&Acceptor> {
        self.acceptor.as_deref()
    }

    fn url(&self) -> Option<WsUrl> {
        self.url.as_deref().cloned()
    }

    /// Waits for room. No wait for a peer outlasts the session's deadline, which the warden observes: when
    /// the session ends, the socket is shut down, and that ends the wait.
    fn send(
        connection: &Connection<R, Self>,
        mut outgoing: Outgoing<'_>,
    ) -> Result<SendStatus, Error> {
        let owner = connection.driver();
        let patience = if owner.must_not_wait() { Some(Duration::ZERO) } else { owner.patience() };
        let patience = Patience::new(patience);
        while let Err(error) = connection.try_send(&mut outgoing) {
            let may_wait = matches!(error, Error::WouldExceed(_)) && !patience.is_over();
            if !may_wait || !Self::wait_for_room(connection, patience) {
                return Err(error);
            }
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

impl<R: Role> Watched for Blocking<R> {
    fn tend(&self, _: ConnectionId) {
        let owner = self.driver();
        let mut held = self.lock();
        let (now, over) = (now(), held.is_over());
        if let Some(link) = held.link_mut() {
            if over && !owner.is_released() {
                discard(link, now);
            }
            if link.endpoint().deadline().is_some_and(|deadline| deadline <= now) {
                // A Pong may be among what the owner has not read yet.
                if link.transport().has_input() {
                    link.endpoint_mut().ping_delayed(now);
                }
                link.endpoint_mut().handle_timeout(now);
            }
        }
        owner.settle(&mut held, TURN);
        let gone = held.let_go();
        if gone.is_some() {
            owner.settle(&mut held, TURN);
        }
        drop(held);
        drop(gone);
        owner.signal.notify();
    }
}

/// Discards what a transport that lingers has brought.
fn discard<R: Role>(link: &mut Link<R, Stream>, now: Duration) {
    let mut buffer = [0; 16 << 10];
    match link.transport().socket().map(|tcp| sys::read_now(tcp, &mut buffer)) {
        Some(Ok(1..)) => {}
        Some(Err(error)) if crate::stream::is_timeout(&error) => {}
        _ => link.input_ended(now),
    }
}
