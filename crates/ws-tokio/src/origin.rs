//! The origin of a connection: the adapter's part of it.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;
use ws_common::Error;
use ws_common::adapter::{Acceptor, Connection, Driver, Held, Link, Target, Traffic, TrafficLease};
use wsproto::Role;
use wsproto::handshake::Response;
use wsproto::url::WsUrl;

use crate::buffers::Input;
use crate::io::{AsyncStream, Io};
use crate::tasks::Tasks;

/// A connection on a stream of the type `S`.
pub(crate) type Carried<R, S> = Connection<R, Origin<S>>;

/// The origin of a connection: a server's acceptor, a client's URL, or neither for a single stream.
pub(crate) struct Origin<S> {
    pub(crate) tasks: Arc<Tasks>,
    /// The origin of the connection's times.
    pub(crate) start: Instant,
    pub(crate) parts: OriginParts,
    traffic: Option<TrafficLease>,
    stream: PhantomData<fn(S)>,
}

/// The part of an origin that does not depend on the stream.
#[derive(Default)]
pub(crate) struct OriginParts {
    pub(crate) acceptor: Option<Arc<Acceptor>>,
    pub(crate) url: Option<Box<WsUrl>>,
    /// The request whose redirects are followed.
    pub(crate) target: Option<Arc<Mutex<Target>>>,
}

impl<S> Origin<S> {
    pub(crate) fn new(parts: OriginParts, start: Instant) -> Self {
        let traffic = parts.acceptor.as_ref().map(|acceptor| acceptor.traffic());
        Self { tasks: Arc::default(), start, parts, traffic, stream: PhantomData }
    }

    /// Reads once for the owner, into `input` or straight into a large message, and counts the bytes. The connection is
    /// locked.
    pub(crate) fn read<R: Role>(
        &self,
        link: &mut Link<R, Io<S>>,
        input: &mut Input,
        now: Duration,
    ) -> Result<usize, Error>
    where
        S: AsyncStream,
    {
        let read = match link.read_payload(now) {
            Some(read) => read?,
            None => input.fill(now, |buffer| link.read(buffer, now).map(|read| read.len()))?,
        };
        if let Some(traffic) = &self.traffic {
            traffic.received(0, read as u64);
        }
        Ok(read)
    }

    /// Counts the output that was written since the last call. The connection is locked.
    pub(crate) fn count_output<R: Role>(&self, link: &mut Link<R, Io<S>>)
    where
        S: AsyncStream,
    {
        let counts = link.endpoint_mut().take_output_counts();
        if let Some(traffic) = &self.traffic {
            traffic.sent(counts);
        }
    }

    /// Returns the time since the start.
    pub(crate) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}

impl<R: Role, S: AsyncStream> Driver<R> for Origin<S> {
    type Transport = Io<S>;

    fn now(&self) -> Duration {
        self.elapsed()
    }

    /// The lock is released before the task is woken. No wake-up is lost: see [`Held::begin_notice`].
    #[inline]
    fn changed(&self, mut held: Held<'_, R, Self>) {
        if held.begin_notice().is_some() {
            drop(held);
            self.tasks.wake_carrier();
        }
    }

    fn acceptor(&self) -> Option<&Acceptor> {
        self.parts.acceptor.as_deref()
    }

    fn traffic(&self) -> Option<&Traffic> {
        self.traffic.as_deref()
    }

    fn url(&self) -> Option<WsUrl> {
        self.parts.url.as_deref().cloned()
    }

    fn follows(&self, response: &Response) -> bool {
        self.parts.target.as_ref().is_some_and(|target| target.lock().follows(response))
    }
}
