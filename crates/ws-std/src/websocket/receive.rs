//! The receiving thread: waits for input, room or a change, whichever comes first.
//!
//! No wake-up is lost. [`WebSocket::plan_wait`] decides under the lock of the connection which event to wait for.
//! Another thread that queues output later writes it itself, and leaves the rest to the warden; while
//! `waits_for_room` is set, this thread waits for room instead. Other changes count in the signal, whose
//! count was read before the connection was looked at. The end of a session shuts the socket down.

use std::io::{self, ErrorKind};
use std::ops::ControlFlow;
use std::time::Duration;

use ws_common::Error;
use ws_common::adapter::{Driver, Held, Link, WRITE_MOST, shed_outbox};
use wsproto::{Advice, Role};

use crate::clock::{CallTimeout, now};
use crate::driver::{Blocking, BlockingDriver};
use crate::retry::{is_timeout, retry};
use crate::sys::{self, Wait};
use crate::warden::warden;
use crate::{Stream, WebSocket};

/// The result of a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waited {
    /// Look at the connection again.
    Again,
    /// The connection is over.
    Over,
}

/// The event that the receiving thread waits for.
enum WaitFor {
    /// Input, and with `room` also room for pending output.
    Input { room: bool },
    /// Room for output; nothing is read before.
    Room,
    /// A change that another thread makes.
    Change { deadline: Option<Duration> },
    /// A decision on the request. The warden waits for input of the socket.
    Decision,
}

/// How the receiving thread waits.
struct WaitPlan {
    wait_for: WaitFor,
    /// Whether the warden waits for input meanwhile, because a decision must end the wait, and a read would not.
    is_watched: bool,
    /// The deadline of the connection.
    deadline: Option<Duration>,
    is_tcp: bool,
}

impl WaitPlan {
    /// Plans to wait for the next progress of a connection that has nothing to do now.
    fn new<R: Role>(link: &Link<R, Stream>) -> Self {
        let (endpoint, transport) = (link.endpoint(), link.transport());
        let (is_tcp, written) = (transport.tcp().is_some(), endpoint.unwritten() == 0);
        let deadline = endpoint.deadline();
        // After both Closes, input is meaningless. Write our Close first: the end of input must not stop it.
        let answers = !is_tcp && endpoint.advice() != Advice::KeepOpen && !written;
        let wants_read = endpoint.wants_read() && !answers;
        let is_watched = wants_read && endpoint.session().is_postponed();
        let wait_for = match wants_read && !is_watched {
            true => WaitFor::Input { room: !written && is_tcp && transport.takes_output() },
            false if is_watched && is_tcp => WaitFor::Decision,
            // The warden handles the deadlines of sockets, and the output of one whose owner has paused: a wait for
            // room would not end when the pause does.
            false if written || is_tcp && endpoint.is_paused() => {
                WaitFor::Change { deadline: deadline.filter(|_| !is_tcp) }
            }
            false => WaitFor::Room,
        };
        Self { wait_for, is_watched, deadline, is_tcp }
    }

    const fn waits_for_room(&self) -> bool {
        matches!(self.wait_for, WaitFor::Room | WaitFor::Input { room: true })
    }
}

impl<R: Role> WebSocket<R> {
    /// Waits for input, room for output, or a change that another thread has made since `seen`. A read
    /// error is kept in `failed`, to be reported with the end.
    pub(crate) fn wait(&mut self, seen: u64, timeout: &mut CallTimeout) -> Result<Waited, Error> {
        let plan = match self.plan_wait(timeout)? {
            ControlFlow::Continue(plan) => plan,
            ControlFlow::Break(waited) => return Ok(waited),
        };
        let outcome = match plan.wait_for {
            WaitFor::Input { room } => self.read(Wait { room, limit: timeout.left() }),
            WaitFor::Room => self.wait_for_room(timeout),
            WaitFor::Decision => self.wait_for_decision(seen, timeout),
            WaitFor::Change { deadline } => {
                let until = deadline.map(|at| at.saturating_sub(now()));
                let limit = until.into_iter().chain(timeout.left()).min();
                self.connection.driver().signal().wait(seen, limit);
                Ok(Waited::Again)
            }
        };
        match self.end_wait(&plan) {
            true => Ok(Waited::Again),
            false => outcome,
        }
    }

    /// Writes pending output, then leaves the connection to the warden until the end of the wait. Returns the result
    /// if there is nothing to wait for.
    fn plan_wait(&self, timeout: &mut CallTimeout) -> Result<ControlFlow<Waited, WaitPlan>, Error> {
        let driver = self.connection.driver();
        let mut held = self.connection.lock();
        driver.end_collecting();
        driver.write_and_plan(&mut held, WRITE_MOST);
        let timer_is_due = held.next_timer().is_some_and(|at| at <= now());
        let Some(link) = held.link_mut() else { return Ok(ControlFlow::Break(Waited::Over)) };
        if link.endpoint().has_input() || driver.is_drained(link) || timer_is_due {
            return Ok(ControlFlow::Break(Waited::Again));
        }
        if let Some(waited) = end_of_link(link) {
            return Ok(ControlFlow::Break(waited));
        }
        if !timeout.may_wait() {
            return Err(io::Error::from(ErrorKind::TimedOut).into());
        }
        shed_outbox(link.endpoint_mut());
        let plan = WaitPlan::new(link);
        if plan.is_watched {
            driver.set_watches_input(true);
            driver.write_and_plan(&mut held, 0);
        }
        if plan.waits_for_room() {
            // Under the lock: from here on this thread waits for room, and the warden does not.
            driver.set_waits_for_room(true);
            driver.write_and_plan(&mut held, 0);
        }
        held.end_work();
        Ok(ControlFlow::Continue(plan))
    }

    /// Takes the connection back from the warden after a wait. Returns whether its deadline has passed.
    fn end_wait(&self, plan: &WaitPlan) -> bool {
        let driver = self.connection.driver();
        let mut held = self.connection.lock();
        held.begin_work();
        driver.set_waits_for_room(false);
        driver.set_watches_input(false);
        // The warden cannot watch a stream without a socket, so its deadline is handled here.
        if !plan.is_tcp
            && plan.deadline.is_some_and(|deadline| deadline <= now())
            && let Some(link) = held.link_mut()
        {
            link.endpoint_mut().handle_timeout(now());
            return true;
        }
        if !plan.is_tcp || plan.waits_for_room() {
            // Write now, or leave the rest to the warden: the caller may not call again for a while.
            driver.write_and_plan(&mut held, WRITE_MOST);
        }
        false
    }

    fn read(&mut self, wait: Wait) -> Result<Waited, Error> {
        let read = match self.read_payload() {
            Some(read) => read.map(Some),
            None => retry(|| self.input.read(wait)),
        };
        match read {
            Ok(Some(0)) => {
                // `release` sets the flag and shuts the socket down under this lock. If it did, the peer has
                // not ended.
                let mut held = self.connection.lock();
                if !self.connection.driver().is_released()
                    && let Some(link) = held.link_mut()
                {
                    link.endpoint_mut().end_of_input(now());
                }
            }
            Ok(read) => {
                if let (Some(read), Some(traffic)) = (read, self.connection.driver().traffic()) {
                    traffic.received(0, read as u64);
                }
            }
            Err(error) if is_timeout(&error) => return Err(error.into()),
            Err(error) => {
                let mut held = self.connection.lock();
                if error.kind() == ErrorKind::InvalidData
                    && let Some(socket) = self.input.stream.socket()
                {
                    self.connection.driver().keep_socket(socket);
                }
                if let Some(error) = held.link_mut().and_then(|link| link.input_failed(error)) {
                    self.failed.get_or_insert(error);
                }
            }
        }
        Ok(Waited::Again)
    }

    /// Reads straight into the large message to which the next bytes belong, if it is likely that some have arrived.
    /// `None` if they have not.
    fn read_payload(&mut self) -> Option<io::Result<usize>> {
        let tcp = self.input.stream.plain_tcp().filter(|_| self.input.is_filled())?;
        let mut held = self.connection.lock();
        let endpoint = held.link_mut()?.endpoint_mut();
        let read = |message: &mut Vec<u8>| sys::read_into_now(tcp, message);
        let read = endpoint.read_payload(now(), read)??;
        (!read.as_ref().is_err_and(is_timeout)).then_some(read)
    }

    /// Reads input that has arrived; if there is none, waits for a change since `seen`. The read comes first,
    /// because TLS may hold input that the socket no longer has, such as a `close_notify` right after the
    /// request.
    fn wait_for_decision(&mut self, seen: u64, timeout: &CallTimeout) -> Result<Waited, Error> {
        match self.read(Wait { room: false, limit: Some(Duration::ZERO) }) {
            Err(Error::Io(error)) if is_timeout(&error) => {
                self.connection.driver().signal().wait(seen, timeout.left());
                Ok(Waited::Again)
            }
            read => read,
        }
    }

    /// Waits for room for output, without reading.
    fn wait_for_room(&self, timeout: &CallTimeout) -> Result<Waited, Error> {
        match self.input.stream.tcp() {
            Some(tcp) => {
                sys::wait_writable(tcp, timeout.left());
                Ok(Waited::Again)
            }
            // Writes to the stream block, or have failed with `WouldBlock`.
            None => Err(io::Error::from(ErrorKind::WouldBlock).into()),
        }
    }

    /// Writes pending output.
    pub(crate) fn flush_now(&self) {
        let driver = self.connection.driver();
        driver.end_collecting();
        self.with_pending(|held| driver.write_and_plan(held, WRITE_MOST));
    }

    /// Writes pending output before the application gets a message, unless it is kept.
    pub(crate) fn flush_before_message(&self) {
        self.with_pending(|held| self.connection.driver().write_before_message(held));
    }

    /// Calls `write` if there is output.
    fn with_pending(&self, write: impl FnOnce(&mut Held<'_, R, BlockingDriver<R>>)) {
        let mut held = self.connection.lock();
        if held.link_mut().is_some_and(|link| !link.endpoint_mut().pending().is_empty()) {
            write(&mut held);
        }
    }
}

/// Returns the result of a wait for a connection that needs none, because it is over or its stream ends now.
fn end_of_link<R: Role>(link: &mut Link<R, Stream>) -> Option<Waited> {
    if link.endpoint().session().is_over() {
        // Only output was left, and it is written or left to the warden.
        return Some(Waited::Over);
    }
    let written = link.endpoint().unwritten() == 0;
    match link.endpoint().advice() {
        Advice::Drop => Some(Waited::Over),
        // A stream without a socket ends only when its driver drops it.
        Advice::Shutdown | Advice::AwaitEnd if written && link.transport().tcp().is_none() => {
            link.endpoint_mut().end_of_input(now());
            Some(Waited::Again)
        }
        _ => None,
    }
}

/// Hands the transport of a connection that is over to the warden if it lingers; drops it otherwise.
pub(crate) fn linger<R: Role>(connection: &Blocking<R>) {
    let driver = connection.driver();
    let mut held = connection.lock();
    held.end_work();
    let is_tcp = held.link_mut().is_some_and(|link| link.transport().tcp().is_some());
    if !is_tcp || warden().is_crowded() {
        held.stop_lingering();
    }
    driver.write_and_plan(&mut held, WRITE_MOST);
    let gone = held.take_lingered();
    driver.write_and_plan(&mut held, WRITE_MOST);
    drop(held);
    drop(gone);
}
