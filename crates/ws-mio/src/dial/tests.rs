//! Connections that are dialed on a loop of the test's own, to addresses that were looked up.

use std::net::TcpListener;

use mio::{Events, Poll};
use socket2::{Domain, Socket, Type};
use ws_common::ClientOptions;
use wsproto::handshake::ClientRequest;
use wsproto::url::WsUrl;

use super::*;

const WAKER: Token = Token(usize::MAX);

struct Loop {
    poll: Poll,
    shared: Arc<Shared>,
}

impl Loop {
    fn new() -> Self {
        let poll = Poll::new().expect("a poll");
        let shared = Arc::new(Shared::new(poll.registry(), WAKER).expect("a waker"));
        Self { poll, shared }
    }

    fn context(&self) -> DialContext<'_> {
        DialContext {
            key: 7,
            id: ConnectionId::new(),
            shared: &self.shared,
            registry: self.poll.registry(),
            now: self.shared.now(),
        }
    }

    /// Dials, as the loop does, to these addresses.
    fn run(
        &mut self,
        addresses: &[SocketAddr],
        options: ClientOptions,
    ) -> Result<TcpStream, Error> {
        let url = WsUrl::parse("ws://host.example/").expect("a URL");
        let target = Target::new(ClientRequest::new(url), options).expect("a target");
        let (mut dialing, mut events) = (Dialing::new(), Events::with_capacity(8));
        let mut dial = Dial::new(&target, self.shared.now());
        assert!(matches!(dial.next(self.shared.now()), Ok(DialStep::Resolve { .. })));
        dialing.dial = Some(dial);
        dialing.resolved(Ok(addresses.into()), self.shared.now());
        loop {
            if let Some(tcp) = dialing.advance(&target, &self.context())? {
                assert!(dialing.attempts.is_empty(), "the others are dropped");
                return Ok(tcp);
            }
            assert!(!dialing.is_again());
            let now = self.shared.now();
            let timeout = dialing.deadline().map(|deadline| deadline.saturating_sub(now));
            self.poll.poll(&mut events, timeout).expect("events");
        }
    }
}

/// A listener that takes no more connections: the kernel drops what arrives. Kept with those that fill it.
fn silent() -> io::Result<(Socket, Vec<std::net::TcpStream>, SocketAddr)> {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    listener.bind(&SocketAddr::from(([127, 0, 0, 3], 0)).into())?;
    listener.listen(0)?;
    let address = listener.local_addr()?.as_socket().expect("an Internet address");
    let mut filled = Vec::new();
    let soon = Duration::from_millis(200);
    while let Ok(tcp) = std::net::TcpStream::connect_timeout(&address, soon) {
        assert!(filled.len() < 100, "it takes everything");
        filled.push(tcp);
    }
    Ok((listener, filled, address))
}

fn within(timeout: Option<Duration>) -> ClientOptions {
    let mut options = ClientOptions::default();
    options.connect_timeout = timeout;
    options
}

#[test]
fn every_address_is_tried_whatever_the_others_do() -> io::Result<()> {
    // L9: a silent one would be waited for for minutes, if it was alone.
    let (_listener, _filled, silent) = silent()?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let alive = listener.local_addr()?;
    let dead = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let mut event_loop = Loop::new();
    for addresses in
        [&[alive][..], &[dead, alive], &[alive, dead], &[silent, alive], &[silent, dead, alive]]
    {
        let tcp = event_loop.run(addresses, within(None)).expect("one is alive");
        assert_eq!(tcp.peer_addr()?, alive);
        assert!(tcp.nodelay()?);
    }
    for (addresses, timeout, expected) in [
        (&[silent][..], Some(Duration::from_millis(50)), ErrorKind::TimedOut),
        (&[silent, dead], Some(Duration::from_millis(400)), ErrorKind::TimedOut),
        (&[dead, dead], None, ErrorKind::ConnectionRefused),
        (&[dead], Some(Duration::MAX), ErrorKind::ConnectionRefused),
    ] {
        let result = event_loop.run(addresses, within(timeout));
        let Err(Error::Connect { to, error }) = result else { panic!("{result:?}") };
        assert_eq!((&*to, error.kind()), ("host.example:80", expected));
    }
    Ok(())
}

#[test]
fn a_connection_that_is_given_up_leaves_nothing() -> io::Result<()> {
    // L11
    let (_listener, _filled, silent) = silent()?;
    let event_loop = Loop::new();
    let url = WsUrl::parse(&format!("ws://{silent}/")).expect("a URL");
    let target = Target::new(ClientRequest::new(url), within(None)).expect("a target");
    let mut dialing = Dialing::new();
    assert!(dialing.advance(&target, &event_loop.context()).expect("it waits").is_none());
    assert_eq!(dialing.attempts.len(), 1);
    dialing.give_up();
    assert!(dialing.attempts.is_empty() && dialing.lookup.is_none() && dialing.is_again());
    assert!(dialing.advance(&target, &event_loop.context()).is_err());
    assert_eq!(dialing.deadline(), None);
    Ok(())
}
