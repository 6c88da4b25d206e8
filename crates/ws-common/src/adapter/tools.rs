//! Codec states for compressed messages, shared by the threads of the process.

use std::sync::OnceLock;
use std::thread;

use parking_lot::Mutex;
use wsproto::{DeflateTools, Role};

use super::{Link, Transport};

/// The sets that no thread uses at the moment. Only connections that compress lock it.
static POOL: Mutex<Vec<DeflateTools>> = Mutex::new(Vec::new());

fn take() -> DeflateTools {
    POOL.lock().pop().unwrap_or_default()
}

/// Returns a set. At most one for each processor is kept: more threads cannot use more at a time.
fn put(tools: DeflateTools) {
    static MOST: OnceLock<usize> = OnceLock::new();
    let most = *MOST.get_or_init(|| thread::available_parallelism().map_or(1, usize::from));
    let mut pool = POOL.lock();
    if pool.len() < most {
        pool.push(tools);
    }
}

impl<R: Role, T: Transport> Link<R, T> {
    /// Calls `work` with codec states lent to the endpoint, if it could use some and has none.
    #[inline]
    pub(super) fn with_tools<O>(&mut self, work: impl FnOnce(&mut Self) -> O) -> O {
        if !self.endpoint().wants_tools() {
            return work(self);
        }
        let mut tools = take();
        self.endpoint_mut().lend_tools(&mut tools);
        let result = work(self);
        self.endpoint_mut().reclaim_tools(&mut tools);
        put(tools);
        result
    }
}
