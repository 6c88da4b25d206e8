//! A connection whose owner blocks: how it is written, watched and waited for.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError, Weak};
use std::thread::{self, ThreadId};
use std::time::Duration;

use ws_common::adapter::{Acceptor, Connection, Driver, Held, Link, Outgoing};
use ws_common::{Error, SendStatus};
use wsproto::url::WsUrl;
use wsproto::{Advice, Endpoint, ReadyState, Role};

use crate::clock::{Patience, now};
use crate::poller::Interest;
use crate::warden::{Plan, Watched, warden};
use crate::{Stream, sys};

/// A connection whose owner blocks.
pub(crate) type Blocking<R> = Connection<R, Owner<R>>;

/// The owner of a connection, as its handles see it.
pub(crate) struct Owner<R: Role> {
    acceptor: Option<Arc<Acceptor>>,
    url: Option<Box<WsUrl>>,
    /// How long sending waits for room, in nanoseconds; [`FOREVER`] is as long as it takes.
    patience: AtomicU64,
    /// The thread that receives, and must not wait for room: a client's, that calls a handler.
    receiver: OnceLock<ThreadId>,
    /// The plan that the warden has, so that it is told of changes only.
    told: Mutex<Told>,
    signal: Signal,
    this: Weak<Blocking<R>>,
}

const FOREVER: u64 = u64::MAX;

#[derive(Debug, Default, PartialEq)]
struct Told {
    deadline: Option<Duration>,
    interest: Option<Interest>,
}

/// Wakes threads that wait for something other than input.
#[derive(Debug, Default)]
struct Signal {
    count: Mutex<u64>,
    changed: Condvar,
}

impl<R: Role> Owner<R> {
    /// Begins a connection.
    pub(crate) fn begin(
        acceptor: Option<Arc<Acceptor>>,
        url: Option<WsUrl>,
        endpoint: Endpoint<R>,
        stream: Stream,
    ) -> Arc<Blocking<R>> {
        let peer = stream.tcp().and_then(|tcp| tcp.peer_addr().ok());
        Arc::new_cyclic(|this| {
            let owner = Self {
                acceptor,
                url: url.map(Box::new),
                patience: AtomicU64::new(FOREVER),
                receiver: OnceLock::new(),
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

    /// Notes that this thread receives, and calls a client's handler, which must not wait: a client reads,
    /// whatever happens.
    pub(crate) fn receive_here(&self) {
        let _ = self.receiver.set(thread::current().id());
    }

    /// Writes what there is to write, and has the warden look after the rest.
    pub(crate) fn settle(&self, held: &mut Held<'_, R, Self>) {
        let (over, busy) = (held.is_over(), held.is_busy());
        let Some(link) = held.link_mut() else { return self.tell(Plan::default()) };
        link.write(now(), usize::MAX);
        if link.endpoint().ready_state() == ReadyState::Closed && !over && !busy {
            // There is something to report, and the thread that receives may wait for input.
            link.transport().release(link.endpoint().advice() == Advice::Drop);
        }
        let waits = !link.endpoint_mut().pending().is_empty();
        let interest = match (waits, over) {
            (_, true) => Some(Interest::Read),
            (true, false) => Some(Interest::Write),
            (false, false) => None,
        };
        let socket = link.transport().socket();
        let interest = interest.and_then(|interest| Some((interest, Arc::clone(socket?))));
        let deadline = link.endpoint().deadline();
        self.tell(Plan { deadline, interest });
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

    /// Waits until something has changed since `seen`, or the time has passed.
    pub(crate) fn wait(&self, seen: u64, limit: Option<Duration>) {
        let count = self.signal.count.lock().unwrap_or_else(PoisonError::into_inner);
        if *count != seen {
            return;
        }
        match limit {
            Some(limit) => drop(self.signal.changed.wait_timeout(count, limit)),
            None => drop(self.signal.changed.wait(count)),
        }
    }

    /// Returns a mark for [`wait`](Self::wait).
    pub(crate) fn seen(&self) -> u64 {
        *self.signal.count.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn notify(&self) {
        let mut count = self.signal.count.lock().unwrap_or_else(PoisonError::into_inner);
        *count = count.wrapping_add(1);
        drop(count);
        self.signal.changed.notify_all();
    }

    /// Waits for the peer to take something, no longer than the patience lasts.
    pub(crate) fn wait_for_room(connection: &Connection<R, Self>, patience: Patience) {
        let seen = connection.driver().seen();
        let mut held = connection.lock();
        let socket = held.link_mut().and_then(|link| {
            let waits = !link.endpoint_mut().pending().is_empty();
            waits.then(|| link.transport().socket().cloned()).flatten()
        });
        drop(held);
        match socket {
            Some(socket) => sys::wait_writable(&socket, patience.left()),
            // The thread that receives writes, and tells.
            None => connection.driver().wait(seen, patience.left()),
        }
    }
}

impl<R: Role> Driver<R> for Owner<R> {
    type Transport = Stream;

    fn now(&self) -> Duration {
        now()
    }

    fn changed(&self, mut held: Held<'_, R, Self>) {
        self.settle(&mut held);
        drop(held);
        self.notify();
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
        let receives = owner.receiver.get() == Some(&thread::current().id());
        let patience = if receives { Some(Duration::ZERO) } else { owner.patience() };
        let patience = Patience::new(patience);
        while let Err(error) = connection.try_send(&mut outgoing) {
            match error {
                Error::WouldExceed(_) if !patience.is_over() => {
                    Self::wait_for_room(connection, patience);
                }
                error => return Err(error),
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
    fn tend(&self) {
        let mut held = self.lock();
        let (now, over) = (now(), held.is_over());
        if let Some(link) = held.link_mut() {
            if over {
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
        self.driver().settle(&mut held);
        let gone = held.let_go();
        if gone.is_some() {
            self.driver().settle(&mut held);
        }
        drop(held);
        drop(gone);
        self.driver().notify();
    }
}

/// Discards what a transport that lingers has brought.
fn discard<R: Role>(link: &mut Link<R, Stream>, now: Duration) {
    let mut buffer = [0; 4096];
    match link.transport().socket().map(|tcp| sys::read_now(tcp, &mut buffer)) {
        Some(Ok(1..)) => {}
        Some(Err(error)) if crate::stream::is_timeout(&error) => {}
        _ => link.input_ended(now),
    }
}
