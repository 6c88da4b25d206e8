//! Buffers of the thread, which connections borrow while they have input.

use std::cell::{Cell, RefCell};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ws_common::adapter::{Lingering, READ_SIZE, TurnContext};

/// How many unused read buffers a thread keeps.
const KEPT: usize = 2;

/// A read buffer is kept for a rest of at least this part of it. A smaller rest is moved to a buffer of its own.
const LEAST_REST: usize = READ_SIZE / 4;

thread_local! {
    static CONTEXT: Cell<Option<Box<TurnContext>>> = const { Cell::new(None) };
    #[expect(clippy::vec_box, reason = "inputs hold boxes, which move in and out")]
    static UNUSED: RefCell<Vec<Box<Buffer>>> = const { RefCell::new(Vec::new()) };
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

/// Input that was read, and how much of it is consumed. It holds a buffer only while some is left. A small rest moves to
/// a buffer of its own size, because the application may take long until it consumes more.
#[derive(Default)]
pub(crate) struct Input(Option<Box<Buffer>>);

/// A read buffer, or the rest of one.
struct Buffer {
    bytes: Box<[u8]>,
    consumed: usize,
    filled: usize,
    /// When it was filled.
    at: Duration,
}

impl Buffer {
    /// Returns whether this is a read buffer, not the rest of one.
    fn is_whole(&self) -> bool {
        self.bytes.len() == READ_SIZE
    }
}

impl Input {
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Returns when the input was read; `None` if all of it is consumed.
    pub(crate) fn read_at(&self) -> Option<Duration> {
        self.0.as_ref().map(|buffer| buffer.at)
    }

    /// Passes the rest of the input to `take`, which consumes it from the front.
    #[inline(always)]
    pub(crate) fn with<T>(&mut self, take: impl FnOnce(&mut &mut [u8]) -> T) -> T {
        let mut rest = self.rest();
        let result = take(&mut rest);
        let left = rest.len();
        self.leave(left);
        result
    }

    /// Returns the rest of the input. After its front was consumed, call [`leave`](Self::leave).
    #[inline]
    pub(crate) fn rest(&mut self) -> &mut [u8] {
        let Some(buffer) = &mut self.0 else { return &mut [] };
        buffer.bytes.get_mut(buffer.consumed..buffer.filled).unwrap_or_default()
    }

    /// Leaves the last `left` bytes of the [rest](Self::rest).
    #[inline]
    pub(crate) fn leave(&mut self, left: usize) {
        let Some(buffer) = &mut self.0 else { return };
        buffer.consumed = buffer.filled - left;
        if left == 0 {
            self.give_back();
        } else if left < LEAST_REST && buffer.is_whole() {
            self.move_rest();
        }
    }

    /// Moves the rest to a buffer of its size, once for each read.
    #[inline(never)]
    fn move_rest(&mut self) {
        let Some(buffer) = &self.0 else { return };
        let rest = buffer.bytes.get(buffer.consumed..buffer.filled).unwrap_or_default();
        let (bytes, filled, at) = (rest.into(), rest.len(), buffer.at);
        self.give_back();
        self.0 = Some(Box::new(Buffer { bytes, consumed: 0, filled, at }));
    }

    /// Fills the buffer by `read`, which returns how much of it, from the front, has input. Call it only if all
    /// input is consumed.
    pub(crate) fn fill<E>(
        &mut self,
        now: Duration,
        read: impl FnOnce(&mut [u8]) -> Result<usize, E>,
    ) -> Result<usize, E> {
        let buffer = self.0.get_or_insert_with(borrow);
        let result = read(&mut buffer.bytes);
        let filled = *result.as_ref().unwrap_or(&0);
        (buffer.consumed, buffer.filled, buffer.at) = (0, filled, now);
        if filled == 0 {
            self.give_back();
        }
        result
    }

    fn give_back(&mut self) {
        let Some(buffer) = self.0.take().filter(|buffer| buffer.is_whole()) else { return };
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

fn borrow() -> Box<Buffer> {
    let unused = UNUSED.try_with(|unused| unused.borrow_mut().pop()).ok().flatten();
    unused.unwrap_or_else(|| {
        let bytes = vec![0; READ_SIZE].into();
        Box::new(Buffer { bytes, consumed: 0, filled: 0, at: Duration::ZERO })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Consumes `len` bytes, and returns them.
    fn consume(input: &mut Input, len: usize) -> Vec<u8> {
        input.with(|rest| {
            let (taken, left) = std::mem::take(rest).split_at_mut(len);
            *rest = left;
            taken.to_vec()
        })
    }

    #[test]
    fn a_small_rest_does_not_keep_the_read_buffer() {
        for read in [1, 2, 100, LEAST_REST, LEAST_REST + 1, READ_SIZE / 2, READ_SIZE] {
            for first in [1, read.min(10), read / 2, read - 1, read] {
                let bytes: Vec<u8> = (0..read).map(|at| (at % 251) as u8).collect();
                let mut input = Input::default();
                let at = Duration::from_secs(1);
                let filled = input.fill(at, |buffer| {
                    buffer[..read].copy_from_slice(&bytes);
                    Ok::<_, ()>(read)
                });
                assert_eq!(filled, Ok(read));
                let mut consumed = consume(&mut input, first);
                if let Some(buffer) = &input.0 {
                    let rest = read - first;
                    assert!(buffer.bytes.len() <= 4 * rest, "{first} of {read}");
                    assert_eq!(input.read_at(), Some(at));
                }
                while !input.is_empty() {
                    consumed.extend(consume(&mut input, 1));
                }
                assert!(consumed == bytes, "{first} of {read}");
            }
        }
        UNUSED.with_borrow(|unused| assert!(unused.iter().all(|buffer| buffer.is_whole())));
    }
}
