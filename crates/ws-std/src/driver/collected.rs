//! Output that is collected while a thread handles input that it has already read.
//!
//! A read may bring many messages. The answers to all but the last are kept, and leave in one write with the answer to
//! the last, so a server that receives 16 messages at once makes two system calls, not 17. Kept output leaves with the
//! first byte above 64 KiB, before the thread waits, and after two [ticks](crate::warden::TICK) of the warden at the
//! latest: a handler that is slow with one message does not hold back the answer to another.

use ws_common::adapter::{Held, WRITE_MOST};
use wsproto::{Advice, Role};

use super::{Blocking, BlockingDriver};
use crate::warden::warden;

impl<R: Role> BlockingDriver<R> {
    /// Writes pending output, unless this thread collects it.
    pub(crate) fn write_or_keep(&self, held: &mut Held<'_, R, Self>) {
        let collects = self.collector.is_this_thread();
        self.write_unless(collects, held);
    }

    /// Writes pending output before the application gets a message, unless this thread collects it, or some is kept:
    /// the answer to the last message of a read leaves with the answers to the others.
    pub(crate) fn write_before_message(&self, held: &mut Held<'_, R, Self>) {
        let collects = self.collector.is_this_thread() || self.collector.has_kept();
        self.write_unless(collects, held);
    }

    fn write_unless(&self, collects: bool, held: &mut Held<'_, R, Self>) {
        if !(collects && self.may_keep(held)) {
            self.write_and_plan(held, WRITE_MOST);
        } else if self.collector.keep() {
            warden().start_ticks(self.this.clone());
        }
    }

    /// Returns whether the output of this thread was kept: the socket is not blocked, and the output leaves soon.
    pub(super) fn has_kept(&self) -> bool {
        self.collector.is_this_thread() && self.collector.has_kept()
    }

    /// Returns whether output may be kept. That of a connection that is closing leaves at once, and so does that of a
    /// stream without a socket, which the warden could not write in time.
    fn may_keep(&self, held: &mut Held<'_, R, Self>) -> bool {
        held.live().is_ok_and(|link| {
            self.collector.has_room(link.endpoint().unwritten())
                && link.endpoint().advice() == Advice::KeepOpen
                && link.transport().socket().is_some()
        })
    }

    /// Writes kept output, whichever thread has kept it, so that it leaves before the stream ends.
    pub(crate) fn write_kept(&self, held: &mut Held<'_, R, Self>) {
        if self.collector.has_kept() {
            self.write_and_plan(held, WRITE_MOST);
        }
    }

    /// Ends collecting output. The caller then writes the kept output.
    pub(crate) fn end_collecting(&self) {
        self.collector.set(false);
    }

    /// Writes output that was kept before the last tick. Returns whether more ticks are wanted.
    pub(super) fn write_late(&self, connection: &Blocking<R>) -> bool {
        self.collector.on_tick(|| self.write_kept(&mut connection.lock()))
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::sync::Arc;
    use std::time::Duration;

    use ws_common::adapter::opened_client_endpoint;
    use wsproto::handshake::Agreed;
    use wsproto::{Client, Config};

    use super::*;
    use crate::warden::Watched;

    fn connected() -> (Arc<Blocking<Client>>, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let tcp = TcpStream::connect(listener.local_addr().expect("bound")).expect("a listener");
        let (peer, _) = listener.accept().expect("a peer");
        let endpoint = opened_client_endpoint(Agreed::default(), Config::new(), Duration::ZERO);
        let endpoint = endpoint.expect("random bytes");
        (BlockingDriver::begin(None.into(), endpoint, tcp.into(), None), peer)
    }

    /// The application keeps a handle of a connection that has ended, and so the connection.
    #[test]
    fn ticks_end_with_the_connection_whatever_was_kept() {
        let ends: [fn(&Arc<Blocking<Client>>); 2] = [
            |connection| connection.handle().abort(),
            |connection| {
                let mut held = connection.lock();
                held.live().expect("open").endpoint_mut().abort();
                drop(held.finish(ws_common::adapter::unknown_end()));
            },
        ];
        for end in ends {
            let (connection, _peer) = connected();
            connection.lock().begin_work();
            connection.driver().collector.set(true);
            connection.handle().send("kept").expect("open");
            assert!(connection.driver().has_kept());
            end(&connection);
            // The warden may call, too.
            assert!((0..1000).any(|_| !connection.on_tick()), "it ticks for ever");
            assert!(!connection.driver().has_kept());
        }
    }
}
