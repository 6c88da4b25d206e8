//! Writes of a link: which slices leave together, and how many bytes.

#[cfg(any(target_os = "android", target_os = "linux"))]
use socket2::SockRef;
use wsproto::{PreparedMessage, Server};

use super::*;

/// Accepts all bytes, and records the lengths of the slices of each write.
#[derive(Default)]
struct Sink {
    writes: Vec<Vec<usize>>,
    bytes: Vec<u8>,
    is_blocked: bool,
}

impl Transport for Sink {
    fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.try_write_vectored(&[IoSlice::new(bytes)])
    }

    fn try_write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.writes.push(slices.iter().map(|slice| slice.len()).collect());
        slices.iter().for_each(|slice| self.bytes.extend_from_slice(slice));
        Ok(slices.iter().map(|slice| slice.len()).sum())
    }

    fn is_blocked(&self) -> bool {
        self.is_blocked
    }

    fn shutdown(&mut self) {}
}

/// A socket that nobody reads from.
#[cfg(any(target_os = "android", target_os = "linux"))]
struct Tcp(std::net::TcpStream);

#[cfg(any(target_os = "android", target_os = "linux"))]
impl Transport for Tcp {
    fn try_write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(ErrorKind::WouldBlock.into())
    }

    fn socket(&self) -> Option<SockRef<'_>> {
        Some((&self.0).into())
    }

    fn is_blocked(&self) -> bool {
        true
    }

    fn shutdown(&mut self) {}
}

#[test]
#[cfg(any(target_os = "android", target_os = "linux"))]
fn a_socket_holds_as_much_unsent_as_the_configuration_says() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    let limit = |config: wsproto::Config| {
        let tcp = std::net::TcpStream::connect(address).expect("a listener");
        let before = SockRef::from(&tcp).tcp_notsent_lowat().expect("TCP");
        let link = Link::new(Endpoint::<Server>::server(config, Duration::ZERO), Tcp(tcp));
        let socket = link.transport().socket().expect("TCP");
        (before, socket.tcp_notsent_lowat().expect("TCP"))
    };
    let config = wsproto::Config::new();
    assert_eq!(limit(config.clone()).1, 128 << 10);
    assert_eq!(limit(config.clone().max_unsent(Some(1 << 20))).1, 1 << 20);
    assert_eq!(limit(config.clone().max_unsent(Some(usize::MAX))).1, u32::MAX);
    let (before, after) = limit(config.max_unsent(None));
    assert_eq!(after, before);
}

fn open() -> Endpoint<Server> {
    let mut endpoint = Endpoint::<Server>::server(wsproto::Config::new(), Duration::ZERO);
    let mut request = *b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Version: 13\r\n\r\n";
    let mut input = &mut request[..];
    while let Some(event) = endpoint.next_event(Duration::ZERO, &mut input) {
        if let SessionEvent::Upgrade = event {
            let accept = wsproto::handshake::Accept::new();
            endpoint.accept(&accept, Duration::ZERO).expect("an upgrade");
        }
    }
    endpoint
}

#[test]
fn prepared_messages_leave_in_one_write_with_what_is_sent_between_them() {
    let mut link = Link::new(open(), Sink::default());
    link.write(Duration::ZERO, usize::MAX);
    *link.transport_mut() = Sink::default();
    let message = PreparedMessage::binary(&[7; 4000]);
    let mut expected = Vec::new();
    for text in ["a", "b", "c"] {
        let now = || Duration::ZERO;
        link.send(&mut Outgoing::Prepared(&message), now).expect("open");
        link.send(&mut Outgoing::Text(text), now).expect("open");
        expected.extend([0x82, 126, 15, 160]);
        expected.extend([7; 4000]);
        expected.extend([0x81, 1, text.as_bytes()[0]]);
    }
    let unwritten = link.endpoint().unwritten();
    assert_eq!(unwritten, expected.len());
    // At the limit, a slice is cut.
    assert_eq!(link.write(Duration::ZERO, 5000), Written::Limit);
    assert_eq!(link.endpoint().unwritten(), unwritten - 5000);
    assert_eq!(link.write(Duration::ZERO, usize::MAX), Written::All);
    let sink = link.transport();
    assert_eq!(sink.writes, [vec![4004, 3, 993], vec![3011, 3, 4004, 3]]);
    assert!(sink.bytes == expected);
}

#[test]
fn little_output_may_wait_and_all_that_cannot_be_written() {
    let mut link = Link::new(open(), Sink::default());
    link.write(Duration::ZERO, usize::MAX);
    // A quarter of the default mark.
    link.endpoint_mut().send_binary(vec![7; (16 << 10) - 4]).expect("open");
    assert!(link.may_wait());
    link.endpoint_mut().send_binary(vec![]).expect("open");
    assert!(!link.may_wait());
    link.transport_mut().is_blocked = true;
    assert!(link.may_wait());
    link.transport_mut().is_blocked = false;
    link.write(Duration::ZERO, usize::MAX);
    assert!(link.may_wait());
}

#[test]
fn writing_is_bounded_however_much_the_transport_takes() {
    // L21
    let mut endpoint = open();
    endpoint.send_binary(vec![7; 10 << 20]).expect("open");
    let mut link = Link::new(endpoint, Sink::default());
    assert_eq!(link.write(Duration::ZERO, 1 << 20), Written::Limit);
    assert_eq!(link.transport().bytes.len(), 1 << 20);
    while link.write(Duration::ZERO, 1 << 20) == Written::Limit {}
    let all = link.transport().bytes.len();
    assert!(all > 10 << 20 && link.endpoint().unwritten() == 0);
}
