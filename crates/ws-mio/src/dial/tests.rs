//! Dialing on the test's own loop, to given addresses in place of those of a look-up.

use std::net::TcpListener;
use std::time::Instant;

use mio::{Events, Poll};
use socket2::{Domain, Socket, Type};

use super::*;

struct Loop {
    poll: Poll,
    now: Duration,
}

impl Loop {
    fn new() -> Self {
        Self { poll: Poll::new().expect("a poll"), now: Duration::ZERO }
    }

    fn context(&self) -> DialContext<'_> {
        let wake: &dyn Fn() -> Box<dyn FnOnce() + Send> = &|| Box::new(|| {});
        DialContext { key: 7, registry: self.poll.registry(), now: self.now, wake }
    }

    /// Dials, as the loop does, to these addresses.
    fn run(
        &mut self,
        addresses: &[SocketAddr],
        options: ClientOptions,
    ) -> Result<TcpStream, Error> {
        let url = WsUrl::parse("ws://host.example/").expect("a URL");
        let mut target = adapter::Target::new(ClientRequest::new(url), options).expect("a target");
        let (mut dialing, mut events) = (Dialing::default(), Events::with_capacity(8));
        let (start, began) = (Instant::now(), self.now);
        let mut dial = Dial::new(&mut target, self.now).expect("a configuration");
        assert!(matches!(dial.next(self.now), Ok(DialStep::Resolve { .. })));
        dial.resolved(Ok(addresses.into()), self.now);
        dialing.dial = Some(dial);
        loop {
            self.now = began + start.elapsed();
            if let Some(tcp) = dialing.advance(&mut target, &self.context())? {
                assert!(dialing.attempts.is_empty(), "the others are dropped");
                return Ok(tcp);
            }
            assert!(!dialing.again);
            let deadline = dialing.dial.as_ref().and_then(Dial::deadline);
            let timeout = deadline.map(|deadline| deadline.saturating_sub(self.now));
            self.poll.poll(&mut events, timeout).expect("events");
        }
    }
}

/// A listener with a full backlog: the kernel drops further SYNs. Returned with the streams that fill it.
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
    // L9: a connect to the silent address alone would take minutes to fail.
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
        assert!(Stream::from(tcp).tcp().nodelay()?);
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
