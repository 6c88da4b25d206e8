//! A connection as the warden watches it.

use std::sync::atomic::Ordering;
use std::time::Duration;

use ws_common::ConnectionId;
use ws_common::adapter::{Link, WRITE_MOST};
use wsproto::Role;

use super::Blocking;
use crate::clock::now;
use crate::warden::{RETRY, Watched};
use crate::{Stream, sys};

impl<R: Role> Watched for Blocking<R> {
    fn on_ready(&self, _: ConnectionId) {
        let driver = self.driver();
        let mut held = self.lock();
        let (now, over) = (now(), held.is_over());
        // The receiving thread looks for itself once it is notified.
        driver.set_watches_input(false);
        if let Some(link) = held.link_mut() {
            if over && !driver.is_released() {
                discard(link, now);
            }
            if link.endpoint().deadline().is_some_and(|deadline| deadline <= now) {
                // The unread input may contain the Pong. If a thread waits for room, only reading by the peer
                // counts: otherwise that thread could wait forever.
                if driver.senders.load(Ordering::Relaxed) == 0 && link.transport().has_input() {
                    link.endpoint_mut().ping_delayed(now);
                }
                link.endpoint_mut().handle_timeout(now);
            }
        }
        driver.write_and_plan(&mut held, WRITE_MOST);
        let gone = held.take_lingered();
        if gone.is_some() {
            driver.write_and_plan(&mut held, WRITE_MOST);
        }
        if let Some(link) = held.link_mut()
            && link.endpoint().deadline().is_some_and(|deadline| deadline <= now)
        {
            // Nothing was due after all; the warden must not spin.
            let mut plan = driver.plan(link, over);
            plan.deadline = plan.deadline.map(|_| now.saturating_add(RETRY));
            driver.tell(plan);
        }
        drop(held);
        drop(gone);
        driver.signal.notify();
    }

    fn on_tick(&self) -> bool {
        self.driver().write_late(self)
    }
}

/// Discards input of a lingering transport.
fn discard<R: Role>(link: &mut Link<R, Stream>, now: Duration) {
    let mut buffer = [0; 16 << 10];
    match link.transport().socket().map(|tcp| sys::read_now(tcp, &mut buffer)) {
        Some(Ok(1..)) => {}
        Some(Err(error)) if crate::retry::is_timeout(&error) => {}
        _ => link.endpoint_mut().end_of_input(now),
    }
}
