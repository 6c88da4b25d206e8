//! The end of a server whose loops leave or abandon it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use super::Acceptor;
use crate::adapter::{Connections, server_handle};
use crate::testing::MemoryBus;
use crate::{Decision, IncomingRequest, ServerHandle, ServerHandler, ServerOptions};

/// Counts the calls for the end, and whether it was dropped.
struct Last(Arc<AtomicUsize>, #[expect(dead_code, reason = "dropped")] Arc<()>);

impl ServerHandler for Last {
    type Handler = ();

    fn on_connection(&mut self, _: &ServerHandle, _: &IncomingRequest) -> Decision<()> {
        Decision::accept(())
    }

    fn on_terminate(&mut self, _: &ServerHandle) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A server whose last loop is gone ends, although its handle is kept: without the last call of its handler, unless it
/// has ended in order before.
#[test]
fn a_server_that_its_loops_abandon_ends() {
    for (loops, leave) in [(0, 0), (1, 0), (3, 0), (3, 1), (1, 1), (3, 3)] {
        let (calls, alive, wakes) = (Arc::default(), Arc::new(()), Arc::new(AtomicUsize::new(0)));
        let (woken, bus) = (Arc::clone(&wakes), MemoryBus::new());
        let options = ServerOptions::new().bus(bus.clone());
        let wake = move |_: &_| {
            woken.fetch_add(1, Ordering::SeqCst);
        };
        let registry = Connections::default();
        let server = server_handle(options, usize::MAX, None, registry, wake, Instant::now);
        let handler = Last(Arc::clone(&calls), Arc::clone(&alive));
        let acceptor = Acceptor::new(server.clone(), handler);
        acceptor.announce();
        (0..loops).for_each(|_| acceptor.join());
        for number in 0..loops {
            assert_eq!((bus.topics().len(), server.is_terminated()), (1, false));
            // Those that leave in order are the last.
            match number < loops - leave {
                true => acceptor.abandon(),
                false => acceptor.leave(),
            }
        }
        if loops > 0 {
            assert!(bus.topics().is_empty() && server.is_terminated(), "{loops} {leave}");
            assert_eq!(Arc::strong_count(&alive), 1, "the handler is dropped");
        }
        let before = wakes.load(Ordering::SeqCst);
        drop(acceptor);
        let wakes = wakes.load(Ordering::SeqCst) - before;
        assert!(bus.topics().is_empty() && server.is_terminated(), "{loops} {leave}");
        assert_eq!(Arc::strong_count(&alive), 1, "the handler is dropped");
        assert_eq!(calls.load(Ordering::SeqCst), usize::from(leave > 0), "{loops} {leave}");
        // Only a server without a loop may have a task that still waits for its timers.
        assert_eq!(wakes, usize::from(loops == 0), "{loops} {leave}");
    }
}
