//! A socket whose connection has failed, kept open for a moment so that its last bytes arrive.

use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use ws_common::ConnectionId;
use ws_common::adapter::new_connection_id;

use crate::clock::now;
use crate::poller::Interest;
use crate::retry::is_timeout;
use crate::sys;
use crate::warden::{Plan, Watched, warden};

/// The longest time for which the socket is kept.
const LINGER: Duration = Duration::from_secs(2);

struct KeptSocket {
    tcp: Arc<TcpStream>,
    until: Duration,
}

/// Shuts down the writing side and has the warden discard further input: closing a socket with unread input
/// sends a reset, which would overtake a TLS alert.
pub(crate) fn keep(tcp: &Arc<TcpStream>) {
    // Fails if the peer is gone.
    let _ = tcp.shutdown(Shutdown::Write);
    if warden().is_crowded() {
        return;
    }
    let until = now().saturating_add(LINGER);
    let interest = Some((Interest::Read, Arc::clone(tcp)));
    let plan = Plan { deadline: Some(until), interest, lingers: true };
    let kept = KeptSocket { tcp: Arc::clone(tcp), until };
    warden().watch(new_connection_id(), Arc::new(kept), plan);
}

impl Watched for KeptSocket {
    fn on_ready(&self, id: ConnectionId) {
        let mut buffer = [0; 16 << 10];
        let goes_on = match sys::read_now(&self.tcp, &mut buffer) {
            Ok(read) => read > 0,
            Err(error) => is_timeout(&error),
        };
        if !goes_on || now() >= self.until {
            warden().forget(id);
        }
    }
}
