//! Outboxes of the thread that no connection uses.

use std::cell::RefCell;

use wsproto::{Endpoint, Outbox, Role};

/// How much memory a thread keeps in unused outboxes, in bytes: that of some 2000 which have held small messages.
const MOST: usize = 1 << 20;

/// The largest outbox that is kept, in bytes, when there are others.
const LARGEST: usize = 8 << 10;

/// The largest outbox that a waiting thread keeps, in bytes.
const WAITING: usize = 4 << 10;

thread_local! {
    static UNUSED: RefCell<Unused> = const { RefCell::new(Unused { outboxes: Vec::new(), memory: 0 }) };
}

#[expect(clippy::vec_box, reason = "endpoints hold boxes, which move in and out")]
struct Unused {
    outboxes: Vec<Box<Outbox>>,
    memory: usize,
}

/// Lends an outbox of the thread to an endpoint that has none. So a message to thousands of connections allocates
/// nothing for each, if they have been written to before.
#[inline]
pub fn lend_outbox<R: Role>(endpoint: &mut Endpoint<R>) {
    if !endpoint.wants_outbox() {
        return;
    }
    // Fails while the thread ends.
    let _ = UNUSED.try_with(|unused| {
        let mut unused = unused.borrow_mut();
        let Some(outbox) = unused.outboxes.pop() else { return };
        unused.memory -= outbox.memory();
        endpoint.lend(&mut Some(outbox));
    });
}

/// Takes an outbox without data or state back for the thread: an idle connection has none.
#[inline]
pub fn reclaim_outbox<R: Role>(endpoint: &mut Endpoint<R>) {
    let Some(outbox) = endpoint.reclaim() else { return };
    // Fails while the thread ends.
    let _ = UNUSED.try_with(|unused| {
        let mut unused = unused.borrow_mut();
        let memory = outbox.memory();
        // A single one is kept whatever its size: it serves one connection after the other.
        if unused.outboxes.is_empty() || memory <= LARGEST && unused.memory + memory <= MOST {
            unused.memory += memory;
            unused.outboxes.push(outbox);
        }
    });
}

/// Drops the memory of an outbox without data if it takes more than 4 KiB: for a thread that waits with one connection,
/// and has no other that could use it.
pub fn shed_outbox<R: Role>(endpoint: &mut Endpoint<R>) {
    if endpoint.outbox_memory() > WAITING {
        drop(endpoint.reclaim());
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use wsproto::handshake::Agreed;
    use wsproto::{Client, Config};

    use super::*;
    use crate::adapter::opened_client_endpoint;

    /// Returns how many outboxes the thread keeps, and their memory.
    fn kept() -> (usize, usize) {
        UNUSED.with_borrow(|unused| {
            let memory = unused.outboxes.iter().map(|outbox| outbox.memory()).sum();
            assert_eq!(unused.memory, memory, "it is counted");
            (unused.outboxes.len(), memory)
        })
    }

    /// Sends to all endpoints before any is written, then takes their outboxes back.
    fn broadcast(endpoints: &mut [Endpoint<Client>], message: &[u8]) {
        for endpoint in &mut *endpoints {
            lend_outbox(endpoint);
            endpoint.send_binary(message).expect("it is open");
        }
        for endpoint in endpoints {
            reclaim_outbox(endpoint);
            assert!(!endpoint.wants_outbox(), "it holds data");
            let len = endpoint.pending().len();
            endpoint.wrote(len, Duration::ZERO);
            reclaim_outbox(endpoint);
            assert!(endpoint.wants_outbox());
        }
    }

    #[test]
    fn a_thread_that_waits_keeps_a_small_outbox_and_all_data() {
        let changes: [fn(&mut Endpoint<Client>); 2] = [|_| (), Endpoint::pause];
        for (change, len) in
            changes.into_iter().flat_map(|change| [(change, 100), (change, WAITING + 1)])
        {
            let mut endpoint =
                opened_client_endpoint(Agreed::default(), Config::new(), Duration::ZERO)
                    .expect("random bytes");
            change(&mut endpoint);
            endpoint.send_binary(vec![0; len].as_slice()).expect("it is open");
            shed_outbox(&mut endpoint);
            let written = endpoint.pending().len();
            assert!(written > len, "it holds data");
            endpoint.wrote(written, Duration::ZERO);
            let (before, paused) = (endpoint.outbox_memory(), endpoint.is_paused());
            shed_outbox(&mut endpoint);
            let after = endpoint.outbox_memory();
            match len {
                100 => assert_eq!(after, before, "it is small"),
                _ => assert!(after < 1000, "{after} bytes are kept"),
            }
            assert_eq!(endpoint.is_paused(), paused);
        }
    }

    #[test]
    fn a_thread_keeps_small_outboxes_up_to_a_limit() {
        let open = || opened_client_endpoint(Agreed::default(), Config::new(), Duration::ZERO);
        let mut endpoints: Vec<_> = (0..6000).map(|_| open().expect("random bytes")).collect();
        let (few, _) = endpoints.split_at_mut(100);
        broadcast(few, &[0; 100]);
        assert_eq!(kept().0, 100);
        broadcast(few, &[0; 100]);
        assert_eq!(kept().0, 100, "they were used again");
        broadcast(&mut endpoints, &[0; 100]);
        let (count, memory) = kept();
        assert!(count > 1000 && memory <= MOST && memory > MOST - LARGEST, "{count} with {memory}");
        // Large ones are dropped, but for the only one.
        broadcast(&mut endpoints, &[0; LARGEST]);
        assert_eq!(kept().0, 1);
    }
}
