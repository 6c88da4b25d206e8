//! Waits for several sockets, and for wake-ups from other threads.

#[cfg(unix)]
pub(crate) use by_poll::Poller;
#[cfg(not(unix))]
pub(crate) use by_time::Poller;

/// The event to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interest {
    /// Input, or its end.
    Read,
    /// Room for output.
    Write,
}

#[cfg(unix)]
mod by_poll {
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::os::unix::net::UnixStream;
    use std::sync::Arc;
    use std::time::Duration;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use ws_common::ConnectionId;

    use super::Interest;

    /// Waits with `poll`; a byte through a socket pair wakes it.
    pub(crate) struct Poller {
        /// `None` if the process had no descriptors left; `wait` then returns every [`LOOK`].
        wake: Option<(UnixStream, UnixStream)>,
    }

    /// The longest wait without a socket pair.
    const LOOK: Duration = Duration::from_millis(50);

    impl Poller {
        pub(crate) fn new() -> Self {
            let pair = UnixStream::pair().and_then(|(from, to)| {
                from.set_nonblocking(true)?;
                to.set_nonblocking(true)?;
                Ok((from, to))
            });
            Self { wake: pair.ok() }
        }

        /// Ends the current wait, or the next one if none is running.
        pub(crate) fn wake(&self) {
            if let Some((_, to)) = &self.wake {
                // If the buffer is full, `poll` returns anyway.
                let _ = (&*to).write(&[1]);
            }
        }

        /// Waits until a socket is ready, `limit` has passed, or [`wake`](Self::wake) is called. Returns the
        /// ids of the ready sockets.
        pub(crate) fn wait(
            &self,
            sockets: &[(ConnectionId, Interest, Arc<TcpStream>)],
            limit: Option<Duration>,
        ) -> Vec<ConnectionId> {
            let limit = match self.wake {
                Some(_) => limit,
                None => Some(limit.map_or(LOOK, |limit| limit.min(LOOK))),
            };
            // A `Timespec` keeps nanoseconds: a remainder below 1 ms must not become zero and spin.
            let timeout = limit.and_then(|limit| Timespec::try_from(limit).ok());
            let mut polled: Vec<_> = sockets
                .iter()
                .map(|(_, interest, tcp)| PollFd::new(&**tcp, flags(*interest)))
                .collect();
            if let Some((from, _)) = &self.wake {
                polled.push(PollFd::new(from, PollFlags::IN));
            }
            // A signal only ends the wait.
            let _ = poll(&mut polled, timeout.as_ref());
            if let Some((from, _)) = &self.wake {
                while matches!((&*from).read(&mut [0; 64]), Ok(1..)) {}
            }
            let ready = sockets.iter().zip(&polled).filter(|(_, fd)| !fd.revents().is_empty());
            ready.map(|((id, ..), _)| *id).collect()
        }
    }

    const fn flags(interest: Interest) -> PollFlags {
        match interest {
            Interest::Read => PollFlags::IN,
            Interest::Write => PollFlags::OUT,
        }
    }
}

#[cfg(not(unix))]
mod by_time {
    use std::net::TcpStream;
    use std::sync::Arc;
    use std::time::Duration;

    use parking_lot::{Condvar, Mutex};
    use ws_common::ConnectionId;

    use super::Interest;

    /// Reports all sockets as ready every 5 ms, if there are any.
    #[derive(Default)]
    pub(crate) struct Poller {
        woken: Mutex<bool>,
        changed: Condvar,
    }

    const PAUSE: Duration = Duration::from_millis(5);

    impl Poller {
        pub(crate) fn new() -> Self {
            Self::default()
        }

        pub(crate) fn wake(&self) {
            *self.woken.lock() = true;
            self.changed.notify_one();
        }

        pub(crate) fn wait(
            &self,
            sockets: &[(ConnectionId, Interest, Arc<TcpStream>)],
            limit: Option<Duration>,
        ) -> Vec<ConnectionId> {
            let limit = match sockets {
                [] => limit,
                _ => Some(limit.map_or(PAUSE, |limit| limit.min(PAUSE))),
            };
            let mut woken = self.woken.lock();
            while !*woken {
                match limit {
                    None => self.changed.wait(&mut woken),
                    Some(limit) => {
                        self.changed.wait_for(&mut woken, limit);
                        break;
                    }
                }
            }
            *woken = false;
            sockets.iter().map(|(id, ..)| *id).collect()
        }
    }
}
