//! Connections without a network: notices to the adapter, turns, and the end of a connection.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Waker};
use std::thread;
use std::time::{Duration, Instant};

use wsproto::handshake::{Accept, ClientRequest, Response};
use wsproto::url::WsUrl;
use wsproto::{Client, CloseInfo, Endpoint, ReadyState, SendError, Server, Session, SessionError};

use super::{
    Acceptor, Connection, Connections, Conversation, Driver, Duplex, Held, Link, Step, Transport,
    TurnContext, WRITE_MOST, Written, client_endpoint, server_handle,
};
use crate::{
    ConnectionHandler, Decision, Error, IncomingRequest, InvalidAnswer, Message, ServerHandle,
    ServerHandler, ServerOptions, WebSocketConnection,
};

/// A transport that accepts all bytes; its content is the input.
#[derive(Default)]
struct Void(Vec<u8>);

impl Transport for Void {
    fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn is_blocked(&self) -> bool {
        false
    }

    fn shutdown(&mut self) {}
}

impl Duplex for Void {
    fn try_read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.len() {
            0 => Err(ErrorKind::WouldBlock.into()),
            len => {
                buffer[..len].copy_from_slice(&self.0);
                self.0.clear();
                Ok(len)
            }
        }
    }

    fn is_readable(&self) -> bool {
        !self.0.is_empty()
    }
}

/// Counts notices.
#[derive(Default)]
struct Counter(AtomicUsize);

impl Counter {
    fn take(&self) -> usize {
        self.0.swap(0, Ordering::SeqCst)
    }
}

impl Driver<Client> for Counter {
    type Transport = Void;

    fn now(&self) -> Duration {
        Duration::ZERO
    }

    fn changed(&self, mut held: Held<'_, Client, Self>) {
        if held.begin_notice().is_some() {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn follows(&self, response: &Response) -> bool {
        response.status() == 302
    }
}

fn link() -> Link<Client, Void> {
    let request = ClientRequest::new(WsUrl::parse("ws://a.example/").expect("a URL"));
    let config = wsproto::Config::default();
    Link::new(
        client_endpoint(request, config, Duration::ZERO).expect("random bytes"),
        Void::default(),
    )
}

fn connection() -> Arc<Connection<Client, Counter>> {
    let connection = Arc::new(Connection::new(Counter::default(), link(), None));
    connection.lock().set_key(0);
    connection
}

/// Records each call with the state of the connection.
#[derive(Clone, Default)]
struct States(Arc<Mutex<Vec<(&'static str, ReadyState)>>>);

impl States {
    fn note(&self, call: &'static str, ws: &WebSocketConnection) {
        self.0.lock().expect("no panic").push((call, ws.ready_state()));
    }

    fn take(&self) -> Vec<(&'static str, ReadyState)> {
        std::mem::take(&mut *self.0.lock().expect("no panic"))
    }
}

impl ConnectionHandler for States {
    fn on_message(&mut self, _: &WebSocketConnection, _: Message) {}

    fn on_error(&mut self, ws: &WebSocketConnection, _: &Error) {
        self.note("error", ws);
    }

    fn on_terminate(&mut self, ws: &WebSocketConnection, _: &CloseInfo) {
        assert!(matches!(ws.send("late"), Err(Error::Send(SendError::Closed))));
        self.note("terminate", ws);
    }
}

#[test]
fn an_adapter_is_told_once_until_it_looks() {
    let connection = connection();
    connection.notify();
    connection.notify();
    assert_eq!(connection.driver().take(), 1);
    connection.lock().begin_work();
    assert!(!connection.lock().end_work(), "the work began after the change");
    connection.notify();
    assert_eq!(connection.driver().take(), 1);
}

#[test]
fn input_after_the_end_is_read_and_discarded() {
    // M23
    let (mut out, response) = (Vec::new(), Response::text(503, "full\n"));
    let session =
        Session::refusing(&response, wsproto::Config::default(), Duration::ZERO, &mut out);
    let late = b"GET / HTTP/1.1\r\n".to_vec();
    let mut link: Link<Server, _> = Link::new(Endpoint::new(session, out), Void(late.clone()));
    // Before the response is written, and afterwards.
    for most in [0, 1, WRITE_MOST] {
        let written = link.write(Duration::ZERO, most);
        assert_eq!(written == Written::All, most == WRITE_MOST);
        assert_eq!(link.endpoint().session().is_over(), most == WRITE_MOST);
        link.transport_mut().0.clone_from(&late);
        assert!(link.may_read());
        let read = link.read(&mut [0; 64], Duration::ZERO).expect("no failure").to_vec();
        assert_eq!((read, link.may_read()), (Vec::new(), false));
    }
}

/// The error contains the answer of the server, whichever rule it breaks.
#[test]
fn an_invalid_answer_is_kept() {
    for (answer, status) in [
        ("SSH-2.0-x\r\n", None),
        ("HTTP/1.1 101 Switching Protocols\r\nServer: x\r\n\r\n", Some(101)),
        ("HTTP/1.1 403 Forbidden\r\nContent-Length: x\r\n\r\n", Some(403)),
    ] {
        let mut link = link();
        let mut input = answer.as_bytes().to_vec();
        let step = link.next_other(Duration::ZERO, &mut &mut input[..]);
        let Some(Step::Error(error)) = step else { panic!("{step:?}") };
        let Error::InvalidAnswer { answer: kept, .. } = &*error else { panic!("{error}") };
        assert_eq!(kept.response().map(Response::status), status);
        if let InvalidAnswer::Bytes(bytes) = kept {
            assert_eq!(bytes, answer.as_bytes());
            assert_eq!(format!("{kept:?}"), "11 bytes");
        }
    }
}

#[test]
fn what_changes_during_the_work_is_not_lost() {
    let connection = connection();
    connection.lock().begin_work();
    connection.notify();
    connection.lock().begin_work();
    assert!(!connection.lock().end_work(), "the work began again after the change");

    connection.lock().begin_work();
    connection.lock().begin_work();
    connection.notify();
    assert_eq!(connection.driver().take(), 0, "the adapter is at work");
    assert!(connection.lock().end_work(), "the adapter must work again");
    connection.notify();
    assert_eq!(connection.driver().take(), 1);
}

#[test]
fn nobody_is_told_of_a_connection_that_is_not_known_yet() {
    let connection = Connection::new(Counter::default(), link(), None);
    connection.notify();
    connection.lock().set_key(7);
    assert_eq!(connection.driver().take(), 0);
    connection.lock().begin_work();
    connection.lock().end_work();
    assert_eq!(connection.lock().begin_notice(), Some(7));
}

#[test]
fn a_late_notice_makes_no_other_notice_wait() {
    let connection = connection();
    connection.lock().end_work();
    assert_eq!(connection.lock().begin_late_notice(), Some(0));
    assert_eq!(connection.lock().begin_late_notice(), None, "one is enough");
    assert_eq!(connection.lock().begin_notice(), Some(0), "this one is not late");
    assert_eq!(connection.lock().begin_notice(), None);
    assert_eq!(connection.lock().begin_late_notice(), None, "it is outstanding");
    connection.lock().begin_work();
    assert_eq!(connection.lock().begin_late_notice(), None, "the adapter is at work");
    assert!(connection.lock().end_work(), "the adapter must work again");
    assert_eq!(connection.lock().begin_late_notice(), Some(0));
    connection.lock().begin_work();
    assert!(!connection.lock().end_work(), "the work was for the notice");

    let unknown = Connection::new(Counter::default(), link(), None);
    assert_eq!(unknown.lock().begin_late_notice(), None);
}

#[test]
fn an_abort_ends_with_the_next_turn() {
    let (connection, states) = (connection(), States::default());
    let mut conversation = Conversation::client(states.clone());
    let mut context = TurnContext::new(Duration::ZERO);
    let outcome = conversation.turn(&connection, &mut context);
    assert!(!outcome.gone && !outcome.more && outcome.deadline.is_some());
    assert_eq!(outcome.due(Duration::ZERO), outcome.deadline);
    connection.handle().abort();
    assert_eq!(connection.driver().take(), 1);
    assert!(conversation.turn(&connection, &mut context).gone);
    assert_eq!(states.take().last(), Some(&("terminate", ReadyState::Closed)));
    assert!(conversation.is_over());
    assert!(conversation.turn(&connection, &mut context).gone, "a turn too many does no harm");
    assert_eq!(states.take(), []);
}

#[test]
fn a_connection_that_is_given_up_is_closed_for_its_handler() {
    let connection = Arc::new(Connection::<Client, _>::dialing(Counter::default()));
    let (handle, states) = (connection.handle(), States::default());
    assert_eq!(handle.ready_state(), ReadyState::Connecting);
    assert!(matches!(handle.send("early"), Err(Error::Send(SendError::NotOpen))));
    let mut conversation = Conversation::client(states.clone());
    conversation.give_up(&connection, &handle, &SessionError::Abandoned.into());
    let closed = ReadyState::Closed;
    assert_eq!(states.take(), [("error", closed), ("terminate", closed)]);
    assert!(connection.lock().is_gone() && conversation.is_over());
}

#[test]
fn a_redirect_asks_for_another_turn() {
    for (status, follows) in [(302, true), (403, false)] {
        let (connection, states) = (connection(), States::default());
        let mut conversation = Conversation::client(states.clone());
        let answer = format!("HTTP/1.1 {status} x\r\nContent-Length: 0\r\n\r\n");
        let mut held = connection.lock();
        held.link_mut().expect("a transport").transport_mut().0 = answer.into();
        drop(held);
        let outcome = conversation.turn(&connection, &mut TurnContext::new(Duration::ZERO));
        assert_eq!((outcome.more, outcome.gone), (follows, !follows), "{status}");
        assert_eq!(states.take().is_empty(), follows);
        assert_eq!(connection.lock().dialing_key().is_some(), follows);
    }
}

#[test]
fn a_connection_that_was_closed_is_not_dialed_anew() {
    let connection = connection();
    connection.handle().close(None).expect("it may be closed at any time");
    let left = connection.lock().redial();
    assert!(left.is_some());
    assert!(connection.lock().is_given_up());
    assert_eq!(connection.lock().dialing_key(), None);
    assert!(!connection.lock().connected(link(), None));
}

/// The driver of a server's connection; ignores notices.
struct Hosted(Acceptor);

impl Driver<Server> for Hosted {
    type Transport = Void;

    fn now(&self) -> Duration {
        Duration::ZERO
    }

    fn changed(&self, _: Held<'_, Server, Self>) {}

    fn acceptor(&self) -> Option<&Acceptor> {
        Some(&self.0)
    }
}

#[test]
fn a_lingering_transport_is_counted_once_and_as_long_as_it_lingers() {
    // The application that takes the events itself ends a connection before its first turn.
    for (ends_before, abandons) in [(false, false), (false, true), (true, false), (true, true)] {
        let acceptor = Acceptor::new(server(), Picky(Arc::default()));
        let endpoint = acceptor.endpoint(Duration::ZERO);
        let driver = Hosted(acceptor);
        let connection =
            Arc::new(Connection::new(driver, Link::new(endpoint, Void::default()), None));
        let mut conversation = Conversation::refused();
        let mut input = b"not HTTP\r\n\r\n".to_vec();
        let mut context = TurnContext::new(Duration::ZERO);
        if ends_before {
            let handle = connection.handle();
            conversation.react(&connection, &handle, Duration::ZERO, &mut &mut input[..]);
            connection.lock().link_mut().expect("live").write(Duration::ZERO, usize::MAX);
            conversation.react(&connection, &handle, Duration::ZERO, &mut &mut [][..]);
            assert!(connection.lock().is_over());
        } else {
            connection.lock().link_mut().expect("live").transport_mut().0 = input;
        }
        for _ in 0..2 {
            let outcome = conversation.turn(&connection, &mut context);
            assert!(outcome.over && !outcome.gone, "it lingers");
            assert_eq!(context.lingering(), 1, "ends before: {ends_before}");
        }
        if abandons {
            assert!(connection.lock().abandon().is_some());
        } else {
            connection.lock().stop_lingering();
        }
        assert!(conversation.turn(&connection, &mut context).gone);
        assert_eq!(context.lingering(), 0, "ends before: {ends_before}, abandons: {abandons}");
    }
}

/// Panics when it is dropped.
struct Fragile;

impl Drop for Fragile {
    fn drop(&mut self) {
        panic!("as you wish");
    }
}

impl ConnectionHandler for Fragile {
    fn on_message(&mut self, _: &WebSocketConnection, _: Message) {}
}

#[test]
fn a_handler_that_is_not_needed_may_panic_when_it_is_dropped() {
    let (server, reports) = (server(), Arc::new(AtomicUsize::new(0)));
    let acceptor = Acceptor::new(server, Picky(Arc::clone(&reports)));
    let (endpoint, mut conversation) = acceptor.accept(Duration::ZERO, None).expect("room");
    let link = Link::new(endpoint, Void::default());
    let connection = Arc::new(Connection::new(Hosted(acceptor), link, None));
    let mut request = b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        .to_vec();
    let handle = connection.handle();
    conversation.react(&connection, &handle, Duration::ZERO, &mut &mut request[..]);
    assert_eq!(reports.load(Ordering::SeqCst), 1);
    let mut held = connection.lock();
    let out = held.link_mut().expect("a transport").endpoint_mut().pending().to_vec();
    assert!(out.starts_with(b"HTTP/1.1 500 "));
}

/// Accepts with a subprotocol that was not offered, and counts the errors.
struct Picky(Arc<AtomicUsize>);

impl ServerHandler for Picky {
    type Handler = Fragile;

    fn on_connection(&mut self, _: &ServerHandle, _: &IncomingRequest) -> Decision<Fragile> {
        let accept = Accept::new().subprotocol("never.offered");
        Decision::accept_with(accept, Fragile)
    }

    fn on_error(&mut self, _: &ServerHandle, _: Option<SocketAddr>, _: &Error) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn server() -> ServerHandle {
    let options = ServerOptions::new();
    server_handle(options, usize::MAX, None, Connections::default(), |_: &_| {}, Instant::now)
}

/// Counts the calls of a connection's handler.
struct Called(Arc<AtomicUsize>);

impl ConnectionHandler for Called {
    fn on_open(&mut self, _: &WebSocketConnection) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn on_message(&mut self, _: &WebSocketConnection, _: Message) {}

    fn on_terminate(&mut self, _: &WebSocketConnection, _: &CloseInfo) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Once a loop was told that no handler is left at the deadline, none is called any more: its thread would wait for it.
#[test]
fn nothing_opens_after_the_deadline_of_the_end() {
    for late in [false, true] {
        let (server, calls) = (server(), Arc::<AtomicUsize>::default());
        let counted = Arc::clone(&calls);
        let decide = move |_: &_, _: &_| Decision::accept(Called(Arc::clone(&counted)));
        let acceptor = Acceptor::new(server.clone(), decide);
        acceptor.announce();
        acceptor.join();
        let (endpoint, mut conversation) = acceptor.accept(Duration::ZERO, None).expect("room");
        let link = Link::new(endpoint, Void::default());
        let connection = Arc::new(Connection::new(Hosted(acceptor), link, None));
        server.terminate(late.then_some(Duration::ZERO));
        let context = Context::from_waker(Waker::noop());
        assert_eq!(connection.driver().0.poll_ends(&context).is_ready(), late);
        let mut request =
            b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
                .to_vec();
        let handle = connection.handle();
        conversation.react(&connection, &handle, Duration::ZERO, &mut &mut request[..]);
        assert_eq!(calls.load(Ordering::SeqCst), usize::from(!late));
        assert_eq!(server.connections().len(), usize::from(!late));
        if late {
            let (leaves, left) = mpsc::channel();
            let leaving = Arc::clone(&connection);
            thread::spawn(move || {
                leaving.driver().0.leave();
                let _ = leaves.send(());
            });
            left.recv_timeout(Duration::from_secs(60)).expect("it waits for nothing");
            assert!(server.is_terminated());
        }
    }
}
