//! Two endpoints without the operating system's TCP: two `smoltcp` stacks joined by a wire in memory, with
//! socket buffers of 64 KiB and virtual time. Each end does what the documentation of [`Endpoint`] says,
//! and nothing else.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use smoltcp::iface::{Config as InterfaceConfig, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::tcp::{RecvError, Socket, SocketBuffer};
use smoltcp::time::Instant;
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr};
use wsproto::{
    Advice, Client, CloseInfo, Config, Endpoint, Event, ReadyState, Server, SessionEvent,
};
use wsproto_testing::End;

/// The socket buffer of each direction, in bytes.
const SIZE: usize = 64 << 10;

type Packets = Rc<RefCell<VecDeque<Vec<u8>>>>;

/// One end of the wire.
struct Wire {
    arrives: Packets,
    leaves: Packets,
}

struct Arrived(Vec<u8>);
struct Leaving(Packets);

impl RxToken for Arrived {
    fn consume<T, F: FnOnce(&[u8]) -> T>(self, read: F) -> T {
        read(&self.0)
    }
}

impl TxToken for Leaving {
    fn consume<T, F: FnOnce(&mut [u8]) -> T>(self, len: usize, write: F) -> T {
        let mut packet = vec![0; len];
        let result = write(&mut packet);
        self.0.borrow_mut().push_back(packet);
        result
    }
}

impl Device for Wire {
    type RxToken<'a> = Arrived;
    type TxToken<'a> = Leaving;

    fn receive(&mut self, _now: Instant) -> Option<(Arrived, Leaving)> {
        let packet = self.arrives.borrow_mut().pop_front()?;
        Some((Arrived(packet), Leaving(Rc::clone(&self.leaves))))
    }

    fn transmit(&mut self, _now: Instant) -> Option<Leaving> {
        Some(Leaving(Rc::clone(&self.leaves)))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = 1500;
        capabilities
    }
}

/// The application: handles an event.
type App<R> = fn(&mut Endpoint<R>, &SessionEvent<Event<'_>>);

/// A stack with one socket, and the endpoint on it.
struct Stack<R: End> {
    interface: Interface,
    wire: Wire,
    sockets: SocketSet<'static>,
    socket: SocketHandle,
    endpoint: Endpoint<R>,
    app: App<R>,
    /// The message bytes received so far.
    received: usize,
    closed: Option<CloseInfo>,
    connected: bool,
    ended: bool,
    dropped: bool,
}

fn instant(now: Duration) -> Instant {
    Instant::from_micros(i64::try_from(now.as_micros()).expect("a short test"))
}

impl<R: End> Stack<R> {
    fn new(host: u8, wire: (&Packets, &Packets), app: App<R>) -> Self {
        let mut wire = Wire { arrives: Rc::clone(wire.0), leaves: Rc::clone(wire.1) };
        let config = InterfaceConfig::new(HardwareAddress::Ip);
        let mut interface = Interface::new(config, &mut wire, instant(Duration::ZERO));
        interface.update_ip_addrs(|addresses| {
            let address = IpCidr::new(IpAddress::v4(10, 0, 0, host), 24);
            addresses.push(address).expect("room for one");
        });
        let buffer = || SocketBuffer::new(vec![0; SIZE]);
        let mut sockets = SocketSet::new(Vec::new());
        let socket = sockets.add(Socket::new(buffer(), buffer()));
        let mut out = Vec::new();
        let session = R::session(&R::opening(), Config::new(), &mut out);
        Self {
            interface,
            wire,
            sockets,
            socket,
            endpoint: Endpoint::new(session, out),
            app,
            received: 0,
            closed: None,
            connected: false,
            ended: false,
            dropped: false,
        }
    }

    fn turn(&mut self, now: Duration) {
        self.interface.poll(instant(now), &mut self.wire, &mut self.sockets);
        let socket = self.sockets.get_mut::<Socket<'_>>(self.socket);
        self.connected |= socket.may_send();
        if !self.connected || self.dropped {
            return;
        }
        // May I read? (The four duties of the endpoint's documentation.)
        let mut buffer = [0; 16 << 10];
        if self.endpoint.wants_read() {
            match socket.recv_slice(&mut buffer) {
                Ok(len) => self.take_events(&mut buffer[..len], now),
                Err(RecvError::Finished | RecvError::InvalidState) => {
                    assert!(!self.ended, "told twice");
                    self.ended = true;
                    self.endpoint.end_of_input(now);
                    self.take_events(&mut [], now);
                }
            }
        }
        // When again?
        self.endpoint.handle_timeout(now);
        self.take_events(&mut [], now);
        // Must I write?
        let socket = self.sockets.get_mut::<Socket<'_>>(self.socket);
        let pending = self.endpoint.pending();
        if !pending.is_empty() {
            match socket.send_slice(pending) {
                Ok(len) => self.endpoint.wrote(len, now),
                Err(_) => self.endpoint.write_failed(),
            }
            self.take_events(&mut [], now);
        }
        // May I let go?
        let socket = self.sockets.get_mut::<Socket<'_>>(self.socket);
        match self.endpoint.advice() {
            Advice::Shutdown if self.endpoint.unwritten() == 0 => socket.close(),
            Advice::Drop => {
                socket.close();
                self.dropped = true;
            }
            _ => {}
        }
    }

    fn take_events(&mut self, mut input: &mut [u8], now: Duration) {
        while let Some(event) = self.endpoint.next_event(now, &mut input) {
            match &event {
                SessionEvent::Upgrade => R::answer_at(&mut R::opening(), &mut self.endpoint, now),
                SessionEvent::Received(Event::Binary(bytes)) => {
                    assert!(**bytes == payload(bytes.len()));
                    self.received += bytes.len();
                }
                SessionEvent::Closed(info) => self.closed = Some(info.clone()),
                SessionEvent::Error(error) => panic!("{error}"),
                _ => {}
            }
            (self.app)(&mut self.endpoint, &event);
        }
        assert!(input.is_empty());
    }
}

/// Returns a payload that shows reordered bytes.
fn payload(len: usize) -> Vec<u8> {
    (0..251).cycle().take(len).collect()
}

/// Both ends and the virtual clock.
struct Net {
    client: Stack<Client>,
    server: Stack<Server>,
    now: Duration,
}

impl Net {
    const TURN: Duration = Duration::from_millis(1);

    fn connect(client: App<Client>, server: App<Server>) -> Self {
        let (there, back) = (Packets::default(), Packets::default());
        let mut client = Stack::new(1, (&back, &there), client);
        let mut server = Stack::new(2, (&there, &back), server);
        server.sockets.get_mut::<Socket<'_>>(server.socket).listen(9001).expect("a port");
        let address = (IpAddress::v4(10, 0, 0, 2), 9001);
        let socket = client.sockets.get_mut::<Socket<'_>>(client.socket);
        socket.connect(client.interface.context(), address, 49_152).expect("an address");
        Self { client, server, now: Duration::ZERO }
    }

    /// Runs until `until` is true; panics after a virtual minute, which is ample.
    fn run(&mut self, what: &str, until: impl Fn(&Self) -> bool) {
        while !until(self) {
            assert!(self.now < Duration::from_secs(60), "{what}: {self}");
            self.client.turn(self.now);
            self.server.turn(self.now);
            self.now += Self::TURN;
        }
    }

    fn close(mut self) {
        self.client.endpoint.close(None, self.now).expect("open");
        self.run("the end", |net| net.client.dropped && net.server.dropped);
        for closed in [self.client.closed, self.server.closed] {
            assert!(closed.is_some_and(|info| info.was_clean));
        }
    }
}

impl std::fmt::Display for Net {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (client, server) = (&self.client, &self.server);
        write!(f, "{} bytes at the client, {} at the server", client.received, server.received)
    }
}

fn push<R: End>(ws: &mut Endpoint<R>, event: &SessionEvent<Event<'_>>) {
    if matches!(event, SessionEvent::Open) {
        ws.send_binary(payload(1 << 20)).expect("open");
    }
}

fn pipeline<R: End>(ws: &mut Endpoint<R>, event: &SessionEvent<Event<'_>>) {
    if matches!(event, SessionEvent::Open) {
        for _ in 0..4 {
            ws.send_binary(payload(2 << 20)).expect("open");
        }
    }
}

fn echo<R: End>(ws: &mut Endpoint<R>, event: &SessionEvent<Event<'_>>) {
    if let SessionEvent::Received(Event::Binary(bytes)) = event {
        ws.send_binary(bytes.to_vec()).expect("open");
    }
}

// L1d: each end sends 1 MiB at the opening.
#[test]
fn both_push_a_mebibyte() {
    let mut net = Net::connect(push, push);
    net.run("1 MiB each", |net| (net.client.received, net.server.received) == (1 << 20, 1 << 20));
    net.close();
}

// L1d: a pipelined echo of 2 MiB messages.
#[test]
fn a_pipelined_echo() {
    let mut net = Net::connect(pipeline, echo);
    net.run("four echoes by the server", |net| net.client.received == 8 << 20);
    net.close();
    let mut net = Net::connect(echo, pipeline);
    net.run("four echoes by the client", |net| net.server.received == 8 << 20);
    net.close();
}

// L13: a clean close, without waiting for a timeout.
#[test]
fn a_clean_close() {
    let mut net = Net::connect(|_, _| {}, |_, _| {});
    net.run("the opening", |net| net.client.endpoint.ready_state() == ReadyState::Open);
    net.close();
}
