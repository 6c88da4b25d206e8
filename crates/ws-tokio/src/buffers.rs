//! Buffers of the thread, which connections borrow while they have input.

use std::cell::{Cell, RefCell};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ws_common::adapter::{Lingering, READ_SIZE, TurnContext};

/// How many unused read buffers a thread keeps.
const KEPT: usize = 2;

thread_local! {
    static CONTEXT: Cell<Option<Box<TurnContext>>> = const { Cell::new(None) };
    static UNUSED: RefCell<Vec<Box<[u8]>>> = const { RefCell::new(Vec::new()) };
}

/// Calls `turn` with the thread's context at `now`. A turn within a turn gets one of its own.
pub(crate) fn with_context<T>(now: Duration, turn: impl FnOnce(&mut TurnContext) -> T) -> T {
    static LINGERING: OnceLock<Arc<Lingering>> = OnceLock::new();
    let kept = CONTEXT.try_with(Cell::take).ok().flatten();
    let mut context = kept.unwrap_or_else(|| {
        let lingering = Arc::clone(LINGERING.get_or_init(Arc::default));
        Box::new(TurnContext::with_lingering(now, lingering))
    });
    context.now = now;
    let result = turn(&mut context);
    // Fails while the thread ends.
    let _ = CONTEXT.try_with(|kept| kept.set(Some(context)));
    result
}

/// Input that was read, and how much of it is consumed. It has a buffer only while some is left.
#[derive(Default)]
pub(crate) struct Input {
    buffer: Option<Box<[u8]>>,
    consumed: usize,
    filled: usize,
    /// When it was read.
    pub(crate) at: Duration,
}

impl Input {
    pub(crate) const fn is_empty(&self) -> bool {
        self.consumed == self.filled
    }

    /// Passes the rest of the input to `take`, which consumes it from the front.
    #[inline(always)]
    pub(crate) fn with<T>(&mut self, take: impl FnOnce(&mut &mut [u8]) -> T) -> T {
        let Some(buffer) = &mut self.buffer else { return take(&mut &mut [][..]) };
        let mut rest = buffer.get_mut(self.consumed..self.filled).unwrap_or_default();
        let result = take(&mut rest);
        self.consumed = self.filled - rest.len();
        if self.is_empty() {
            self.give_back();
        }
        result
    }

    /// Fills the buffer by `read`, which returns the front of it that has input.
    pub(crate) fn fill<E>(
        &mut self,
        now: Duration,
        read: impl FnOnce(&mut [u8]) -> Result<usize, E>,
    ) -> Result<usize, E> {
        let buffer = self.buffer.get_or_insert_with(borrow);
        let result = read(buffer);
        (self.consumed, self.filled, self.at) = (0, *result.as_ref().unwrap_or(&0), now);
        if self.is_empty() {
            self.give_back();
        }
        result
    }

    fn give_back(&mut self) {
        (self.consumed, self.filled) = (0, 0);
        let Some(buffer) = self.buffer.take() else { return };
        // Fails while the thread ends.
        let _ = UNUSED.try_with(|unused| {
            let mut unused = unused.borrow_mut();
            if unused.len() < KEPT {
                unused.push(buffer);
            }
        });
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        self.give_back();
    }
}

fn borrow() -> Box<[u8]> {
    let unused = UNUSED.try_with(|unused| unused.borrow_mut().pop()).ok().flatten();
    unused.unwrap_or_else(|| vec![0; READ_SIZE].into())
}
