//! Name look-ups by the operating system, which block, in a small thread pool.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::panics::catch;

/// The maximum number of threads of the shared resolver. Each can be held up by one name whose server does
/// not answer, for as long as the system's resolver tries, often 10 to 30 s.
const MOST_THREADS: usize = 64;

/// How long a thread of the shared resolver waits for another name before it ends.
const IDLE: Duration = Duration::from_secs(10);

/// The result of a look-up.
type Found = io::Result<Vec<SocketAddr>>;

type Done = Box<dyn FnOnce(Found) + Send>;

type LookUp = Box<dyn Fn(&str) -> Found + Send + Sync>;

/// Looks up names in a pool of threads, which start on demand and end when idle. Concurrent requests for the
/// same name share one look-up, whatever their ports, so that a slow name occupies one thread only. If all
/// threads are busy, names wait and are looked up in the order of their requests. Clones share the pool.
#[derive(Clone)]
pub struct Resolver(Arc<Pool>);

struct Pool {
    look_up: LookUp,
    most_threads: usize,
    idle: Duration,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    threads: usize,
    idle_threads: usize,
    next_id: u64,
}

/// A name to look up, and the requests for it.
struct Job {
    host: String,
    started: bool,
    askers: Vec<Asker>,
}

struct Asker {
    id: u64,
    port: u16,
    done: Done,
}

/// A request for a look-up. Dropping it gives it up; a look-up that has not started and that no other
/// request shares is then never started.
#[must_use = "dropping it gives it up"]
pub struct Lookup {
    pool: Arc<Pool>,
    id: u64,
}

impl Resolver {
    /// Returns the resolver that all adapters in the process share. It has at most 64 threads, which end after
    /// 10 s without a name. So 64 names whose servers do not answer hold up all others, until the system gives one
    /// of them up; clients that wait meanwhile fail at their
    /// [`connect_timeout`](crate::ClientOptions::connect_timeout), and leave the queue.
    #[must_use]
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Resolver> = OnceLock::new();
        SHARED.get_or_init(|| {
            Self::new(MOST_THREADS, IDLE, |host| (host, 0).to_socket_addrs().map(Iterator::collect))
        })
    }

    /// Creates a resolver with at most `most_threads` threads, at least one, which end after waiting `idle`
    /// for a name. For tests, and for other ways to look up names; the ports that `look_up` returns are
    /// replaced.
    #[must_use]
    pub fn new(
        most_threads: usize,
        idle: Duration,
        look_up: impl Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Pool {
            look_up: Box::new(look_up),
            most_threads: most_threads.max(1),
            idle,
            state: Mutex::default(),
            changed: Condvar::new(),
        }))
    }

    /// Looks up a name in a thread of the pool, which calls `done` with the result; `done` must not block.
    /// If the [`Lookup`] is dropped, `done` is dropped, unless the thread is about to call it.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if the pool has no thread and none can be started.
    pub fn resolve(
        &self,
        host: &str,
        port: u16,
        done: impl FnOnce(io::Result<Vec<SocketAddr>>) + Send + 'static,
    ) -> io::Result<Lookup> {
        let mut state = self.0.lock();
        let id = state.next_id;
        state.next_id += 1;
        let asker = Asker { id, port, done: Box::new(done) };
        match state.jobs.iter_mut().find(|job| job.host == host) {
            Some(job) => job.askers.push(asker),
            None => {
                let askers = vec![asker];
                state.jobs.push_back(Job { host: host.into(), started: false, askers });
            }
        }
        let waiting = state.jobs.iter().filter(|job| !job.started).count();
        if waiting > state.idle_threads && state.threads < self.0.most_threads {
            let pool = Arc::clone(&self.0);
            match thread::Builder::new().name("resolver".into()).spawn(move || pool.work()) {
                Ok(_) => state.threads += 1,
                // The running threads do the work.
                Err(_) if state.threads > 0 => {}
                Err(error) => {
                    let given_up = state.remove(id);
                    drop(state);
                    drop(given_up);
                    return Err(error);
                }
            }
        }
        // The job was added under the lock. A worker looks for jobs and begins to wait under the same
        // lock, so it either sees the job or gets this wake-up.
        drop(state);
        self.0.changed.notify_one();
        Ok(Lookup { pool: Arc::clone(&self.0), id })
    }

    /// Returns the current number of threads.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.0.lock().threads
    }

    /// Returns the number of names that are being looked up or wait for a thread.
    #[must_use]
    pub fn names(&self) -> usize {
        self.0.lock().jobs.len()
    }
}

impl Pool {
    /// Looks up names until none arrives for the idle time.
    fn work(&self) {
        let mut state = self.lock();
        loop {
            let Some(job) = state.jobs.iter_mut().find(|job| !job.started) else {
                state.idle_threads += 1;
                let waited = self.changed.wait_for(&mut state, self.idle);
                state.idle_threads -= 1;
                if waited.timed_out() && state.jobs.iter().all(|job| job.started) {
                    state.threads -= 1;
                    return;
                }
                continue;
            };
            job.started = true;
            let host = job.host.clone();
            drop(state);
            let found = catch(|| (self.look_up)(&host))
                .unwrap_or_else(|_| Err(io::Error::other("the look-up has panicked")));
            state = self.lock();
            let is_it = |job: &Job| job.started && job.host == host;
            let job = state.jobs.iter().position(is_it).and_then(|at| state.jobs.remove(at));
            drop(state);
            for Asker { port, done, .. } in job.into_iter().flat_map(|job| job.askers) {
                // Catch a panic of one callback, so that the others get the result.
                let _ = catch(|| done(copy(&found, port)));
            }
            state = self.lock();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

impl State {
    /// Removes a request, and its name if no other request shares it and its look-up has not started. Returns
    /// the callback; drop it without the lock.
    fn remove(&mut self, id: u64) -> Option<Done> {
        let asks = |job: &Job| job.askers.iter().position(|asker| asker.id == id);
        let (at, asker) =
            self.jobs.iter().enumerate().find_map(|(at, job)| Some((at, asks(job)?)))?;
        let job = &mut self.jobs[at];
        let Asker { done, .. } = job.askers.swap_remove(asker);
        if job.askers.is_empty() && !job.started {
            self.jobs.remove(at);
        }
        Some(done)
    }
}

/// Copies a result for a request with this port.
fn copy(found: &Found, port: u16) -> Found {
    let with_port = |address: &SocketAddr| {
        let mut address = *address;
        address.set_port(port);
        address
    };
    match found {
        Ok(addresses) => Ok(addresses.iter().map(with_port).collect()),
        Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
    }
}

impl Drop for Lookup {
    fn drop(&mut self) {
        let given_up = self.pool.lock().remove(self.id);
        // The callback is the caller's code: drop it without the lock.
        drop(given_up);
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver")
            .field("threads", &self.threads())
            .field("names", &self.names())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lookup").field("id", &self.id).finish_non_exhaustive()
    }
}
