//! Panics in the application's code, which end the call in which they happen and nothing else.

use std::any::Any;
use std::mem;
use std::panic::{self, AssertUnwindSafe};

use super::logging::error;

/// The payload of a caught panic. Dropping it never panics, although the payload's own `Drop` may.
#[derive(Debug)]
pub struct Panic(Option<Box<dyn Any + Send>>);

impl Panic {
    /// Continues the panic in this thread.
    pub fn resume(mut self) -> ! {
        panic::resume_unwind(self.0.take().unwrap_or_else(|| Box::new(())))
    }
}

impl Drop for Panic {
    fn drop(&mut self) {
        let payload = self.0.take();
        if let Err(second) = panic::catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            // Its `Drop` may panic, too, and so on.
            mem::forget(second);
        }
    }
}

/// Runs the application's code, and catches its panic.
///
/// # Errors
///
/// The panic.
pub(crate) fn catch<T>(call: impl FnOnce() -> T) -> Result<T, Panic> {
    panic::catch_unwind(AssertUnwindSafe(call)).map_err(|payload| Panic(Some(payload)))
}

/// Runs a closure of the application outside any handler. A panic is logged, and affects nothing else.
pub fn run_guarded(call: impl FnOnce()) {
    if catch(call).is_err() {
        error!("a closure of the application has panicked");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Panics when it is dropped, with another one.
    struct Bomb(u32);

    impl Drop for Bomb {
        fn drop(&mut self) {
            if let Some(left) = self.0.checked_sub(1) {
                panic::panic_any(Self(left));
            }
        }
    }

    // B6
    #[test]
    fn a_payload_may_panic_when_it_is_dropped() {
        for bombs in [0, 1, 2, 10] {
            let caught = catch(|| panic::panic_any(Bomb(bombs)));
            assert!(caught.is_err());
            drop(caught);
        }
    }

    #[test]
    fn a_panic_may_go_on() {
        fn panics() {
            panic::panic_any(7_u32)
        }
        let caught = catch(panics).expect_err("it panics");
        let resumed = panic::catch_unwind(AssertUnwindSafe(|| caught.resume()));
        assert_eq!(resumed.expect_err("it goes on").downcast_ref(), Some(&7_u32));
    }
}
