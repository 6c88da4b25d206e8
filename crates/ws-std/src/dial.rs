//! The way to a server, before its handshake: does the steps of a [`Dial`] with calls that block.

#[cfg(unix)]
mod attempts;
#[cfg(any(not(unix), test))]
mod one_by_one;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use log::debug;
use ws_common::adapter::{Dial, DialStep, Resolver, Target};

use crate::patience::HARDLY;
use crate::pipe::{is_timeout, retry};
use crate::{Error, Stream};

#[cfg(unix)]
use attempts::Attempts;
#[cfg(not(unix))]
use one_by_one::Attempts;

/// The bytes of a proxy's answer that one read takes at most.
const READ_SIZE: usize = 4096;

/// Opens a stream to the host of a URL; TLS has not sent anything yet.
pub(crate) fn dial(target: &Target) -> Result<Stream, Error> {
    // Before a socket is opened.
    #[cfg(feature = "tls")]
    let tls = target.begin_tls()?;
    let mut dial = Dial::new(target, Duration::ZERO);
    let tcp = open(&mut dial, Attempts::default())?;
    #[cfg(feature = "tls")]
    if let Some(tls) = tls {
        return Ok(Stream::over_tls(tcp, tls.into()));
    }
    Ok(tcp.into())
}

/// The sockets of the attempts that are running.
trait Connect {
    /// Begins an attempt. `dial` is to be told how it goes, now or by [`wait`](Self::wait).
    fn begin(
        &mut self,
        attempt: usize,
        address: std::net::SocketAddr,
        dial: &mut Dial,
        now: Instants,
    );

    /// Waits for an attempt to end, or for the dial's deadline.
    fn wait(&mut self, dial: &mut Dial, now: Instants);

    /// Returns the stream of an attempt that has connected, which blocks; drops the others.
    fn take(&mut self, attempt: usize) -> std::io::Result<TcpStream>;
}

/// The dial's time.
#[derive(Clone, Copy)]
struct Instants(Instant);

impl Instants {
    fn now(self) -> Duration {
        self.0.elapsed()
    }

    /// How long a call may wait: to the dial's deadline, and never zero, which would be no limit.
    fn left(self, dial: &Dial) -> Option<Duration> {
        dial.deadline().map(|deadline| deadline.saturating_sub(self.now()).max(HARDLY))
    }
}

fn open(dial: &mut Dial, mut attempts: impl Connect) -> Result<TcpStream, Error> {
    let time = Instants(Instant::now());
    let mut opened = None;
    loop {
        match dial.next(time.now())? {
            DialStep::Resolve { host, port } => look_up(&host, port, dial, time),
            DialStep::Connect { attempt, address } => {
                debug!("connecting to {address}");
                attempts.begin(attempt, address, dial, time);
            }
            DialStep::Wait => attempts.wait(dial, time),
            step @ (DialStep::Tunnel { attempt } | DialStep::Ready { attempt }) => {
                let tcp = match opened.take().map_or_else(|| attempts.take(attempt), Ok) {
                    Ok(tcp) => tcp,
                    Err(error) => {
                        dial.failed(attempt, error, time.now());
                        continue;
                    }
                };
                if matches!(step, DialStep::Ready { .. }) {
                    // From here on, the connection sets its own.
                    tcp.set_read_timeout(None)?;
                    tcp.set_write_timeout(None)?;
                    return Ok(tcp);
                }
                exchange(&tcp, attempt, dial, time);
                opened = Some(tcp);
            }
        }
    }
}

fn look_up(host: &str, port: u16, dial: &mut Dial, time: Instants) {
    let (sender, found) = mpsc::channel();
    // Nobody may wait for the answer any more.
    let lookup = Resolver::shared().resolve(host, port, move |found| drop(sender.send(found)));
    let _lookup = match lookup {
        Ok(lookup) => lookup,
        Err(error) => return dial.resolved(Err(error), time.now()),
    };
    let found = match time.left(dial) {
        Some(left) => found.recv_timeout(left).ok(),
        None => found.recv().ok(),
    };
    // Without an answer, the dial's time is over.
    if let Some(found) = found {
        debug!("{host} is {found:?}");
        dial.resolved(found, time.now());
    }
}

/// Writes to the proxy, or reads once.
fn exchange(mut tcp: &TcpStream, attempt: usize, dial: &mut Dial, time: Instants) {
    let left = time.left(dial);
    let mut buffer = [0; READ_SIZE];
    let moved = if dial.pending().is_empty() {
        tcp.set_read_timeout(left).and_then(|()| {
            let read = retry(|| tcp.read(&mut buffer))?;
            dial.received(&buffer[..read], time.now());
            Ok(())
        })
    } else {
        tcp.set_write_timeout(left).and_then(|()| match retry(|| tcp.write(dial.pending()))? {
            0 => Err(ErrorKind::WriteZero.into()),
            written => {
                dial.wrote(written);
                Ok(())
            }
        })
    };
    match moved {
        Err(error) if !is_timeout(&error) => dial.failed(attempt, error, time.now()),
        // That there is no time left, the dial says in the same words everywhere.
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::{io, thread};

    use ws_common::{ClientOptions, Proxy};
    use wsproto::handshake::ClientRequest;
    use wsproto::url::WsUrl;

    use super::one_by_one::Attempts as OneByOne;
    use super::*;

    fn target(url: &str, options: ClientOptions) -> Target {
        let request = ClientRequest::new(WsUrl::parse(url).expect("a URL"));
        Target::new(request, options).expect("a target")
    }

    /// Opens a stream in both ways there are; the second is for systems that are not Unix.
    fn open_both(url: &str, options: &ClientOptions) -> [Result<TcpStream, Error>; 2] {
        let target = target(url, options.clone());
        let mut dials = [(); 2].map(|()| Dial::new(&target, Duration::ZERO));
        let [first, second] = &mut dials;
        [open(first, Attempts::default()), open(second, OneByOne::default())]
    }

    #[test]
    fn a_stream_opens_and_blocks_without_a_timeout() -> io::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        for timeout in [None, Some(Duration::from_secs(60)), Some(Duration::MAX)] {
            let mut options = ClientOptions::default();
            options.connect_timeout = timeout;
            for host in ["127.0.0.1", "localhost"] {
                for tcp in open_both(&format!("ws://{host}:{port}/"), &options) {
                    let tcp = tcp.expect("a listener");
                    assert_eq!(tcp.peer_addr()?.port(), port);
                    assert_eq!((tcp.read_timeout()?, tcp.write_timeout()?), (None, None));
                    assert!(tcp.nodelay()?);
                }
            }
        }
        Ok(())
    }

    #[test]
    fn an_address_that_refuses_is_told() -> io::Result<()> {
        // Bound, and not listening any more.
        let dead = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        for result in open_both(&format!("ws://{dead}/"), &ClientOptions::default()) {
            let Err(Error::Connect { to, error }) = result else { panic!("{result:?}") };
            assert_eq!((to, error.kind()), (dead.to_string(), ErrorKind::ConnectionRefused));
        }
        Ok(())
    }

    #[test]
    fn a_tunnel_opens_through_small_writes() -> io::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let mut options = ClientOptions::default();
        options.connect_timeout = Some(Duration::MAX);
        options.proxy = Some(Proxy::new(&listener.local_addr()?.to_string()).expect("a proxy"));
        let proxy = thread::spawn(move || -> io::Result<()> {
            for _ in 0..2 {
                let (mut client, _) = listener.accept()?;
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    client.read_exact(&mut byte)?;
                    request.extend(byte);
                }
                for byte in b"HTTP/1.1 200 OK\r\n\r\n" {
                    client.write_all(&[*byte])?;
                }
            }
            Ok(())
        });
        for tcp in open_both("ws://server.example/", &options) {
            let tcp = tcp.expect("a tunnel");
            assert_eq!((tcp.read_timeout()?, tcp.write_timeout()?), (None, None));
        }
        proxy.join().expect("no panic")
    }
}
