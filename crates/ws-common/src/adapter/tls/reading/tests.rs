//! The plaintext does not depend on the cuts of the ciphertext; calls and records are counted.

use std::cell::Cell;
use std::collections::VecDeque;
use std::io::IoSlice;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use super::*;
use crate::{ClientTls, ServerTls};

/// The size of the buffers of adapters.
const BUFFER: usize = crate::adapter::READ_SIZE;

/// A stream of zeros, which no TLS record begins with.
struct Zeros {
    shut_down: Cell<bool>,
    discarded: Cell<usize>,
}

impl Read for &Zeros {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if self.shut_down.get() {
            self.discarded.set(self.discarded.get() + to.len());
        }
        to.fill(0);
        Ok(to.len())
    }
}

/// One direction of a socket, which counts calls.
#[derive(Default)]
struct Pipe {
    /// The maximum number of bytes that each read finds.
    parts: VecDeque<Vec<u8>>,
    ended: bool,
    reads: usize,
    writes: usize,
}

impl Pipe {
    fn joined(&self) -> Vec<u8> {
        self.parts.iter().flatten().copied().collect()
    }

    /// Cuts what is in it anew.
    fn cut(&mut self, size: usize) {
        self.parts = self.joined().chunks(size).map(<[u8]>::to_vec).collect();
    }

    /// Returns the lengths of the records.
    fn records(&self) -> Vec<usize> {
        let bytes = self.joined();
        let (mut rest, mut lengths) = (&bytes[..], Vec::new());
        while let [_, _, _, high, low, after @ ..] = rest {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            lengths.push(length);
            rest = &after[length..];
        }
        assert!(rest.is_empty(), "whole records");
        lengths
    }
}

impl Read for Pipe {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        self.reads += 1;
        let Some(mut part) = self.parts.pop_front() else {
            return if self.ended { Ok(0) } else { Err(ErrorKind::WouldBlock.into()) };
        };
        let rest = part.split_off(part.len().min(to.len()));
        to[..part.len()].copy_from_slice(&part);
        if !rest.is_empty() {
            self.parts.push_front(rest);
        }
        Ok(part.len())
    }
}

impl Write for Pipe {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(from)])
    }

    fn write_vectored(&mut self, from: &[IoSlice<'_>]) -> io::Result<usize> {
        self.writes += 1;
        self.parts.push_back(from.iter().flat_map(|slice| slice.iter().copied()).collect());
        Ok(from.iter().map(|slice| slice.len()).sum())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Both ends, and what is on the way.
struct Ends {
    client: TlsState,
    server: TlsState,
    to_client: Pipe,
    to_server: Pipe,
}

fn states() -> [TlsState; 2] {
    let made = rcgen::generate_simple_self_signed(["localhost".into()]).expect("a certificate");
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).expect("a certificate");
    let provider = || Arc::new(ring::default_provider());
    let client = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let server = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("a key");
    let client = ClientTls::from(client).begin("localhost").expect("a name");
    let server = ServerTls::from(server).begin().expect("a configuration");
    [TlsState::new(client.into()), TlsState::new(server.into())]
}

impl Ends {
    /// Both have shaken hands.
    fn open() -> Self {
        let [client, server] = states();
        let (to_client, to_server) = (Pipe::default(), Pipe::default());
        let mut ends = Self { client, server, to_client, to_server };
        ends.shake_hands();
        ends
    }

    /// As [`open`](Self::open), over another connection.
    fn open_over_another() -> Self {
        let Self { client: outer_client, server: outer_server, .. } = Self::open();
        let [client, server] = states();
        let (client, server) = (client.over(outer_client), server.over(outer_server));
        let (to_client, to_server) = (Pipe::default(), Pipe::default());
        let mut ends = Self { client, server, to_client, to_server };
        ends.shake_hands();
        ends
    }

    fn shake_hands(&mut self) {
        self.client.flush(&mut self.to_server).expect("room");
        while !(self.to_server.parts.is_empty() && self.to_client.parts.is_empty()) {
            let Self { client, server, to_client, to_server } = self;
            let reads = [
                server.read_from(&mut [0; BUFFER], to_server, to_client, || ()),
                client.read_from(&mut [0; BUFFER], to_client, to_server, || ()),
            ];
            assert!(reads.iter().all(|read| !matches!(read, Ok(Some(_)))), "{reads:?}");
        }
        assert!(!self.client.is_handshaking() && !self.server.is_handshaking());
        (self.to_client, self.to_server) = (Pipe::default(), Pipe::default());
    }

    /// The client sends, in writes of this many bytes.
    fn send(&mut self, bytes: &[u8], size: usize) {
        for part in bytes.chunks(size) {
            let mut sent = 0;
            while sent < part.len() {
                let slices = [IoSlice::new(&part[sent..])];
                sent += self.client.try_write(&slices, &mut self.to_server).expect("room");
            }
        }
    }

    /// The server reads once, into a buffer of this size.
    fn read(&mut self, size: usize) -> io::Result<Option<Vec<u8>>> {
        let mut buffer = vec![0; size];
        let Self { server, to_client, to_server, .. } = self;
        let read = server.read_from(&mut buffer, to_server, to_client, || ())?;
        Ok(read.map(|read| buffer[..read].to_vec()))
    }

    /// The server reads until it would have to wait, as event loops do: after a read that says that there is no more, not
    /// even once.
    fn read_all(&mut self, size: usize) -> Vec<u8> {
        let mut all = Vec::new();
        while !self.to_server.parts.is_empty() || self.server.has_more() {
            match self.read(size) {
                Ok(read) => all.extend(read.unwrap_or_default()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => panic!("{error}"),
            }
        }
        all
    }
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at % 251) as u8).collect()
}

#[test]
fn a_broken_peer_is_shut_down_and_its_input_discarded_up_to_a_limit() {
    for size in [100, BUFFER] {
        let client = ClientTls::default().begin("localhost").expect("a name");
        let (mut state, mut written) = (TlsState::new(client.into()), Vec::new());
        let zeros = Zeros { shut_down: Cell::new(false), discarded: Cell::new(0) };
        let shut_down = || assert!(!zeros.shut_down.replace(true), "once");
        let read = state.read_from(&mut vec![0; size], &mut &zeros, &mut written, shut_down);
        assert_eq!(read.expect_err("no TLS").kind(), ErrorKind::InvalidData);
        assert_eq!(zeros.discarded.get(), DRAIN);
        // The record of an alert (RFC 8446 section 5.1).
        assert!(written.windows(3).any(|bytes| bytes == [21, 3, 3]), "an alert was written");
    }
}

#[test]
fn plaintext_is_the_same_however_it_was_cut() {
    let sent = pattern(150_000);
    for over_another in [false, true] {
        let mut ends = if over_another { Ends::open_over_another() } else { Ends::open() };
        for records in [1 << 10, 16 << 10, 100_000] {
            for reads in [1000, 5000, 16 << 10, 18_437, 60_000, 1 << 20] {
                for buffer in [100, 20_000, BUFFER] {
                    ends.send(&sent, records);
                    ends.to_server.cut(reads);
                    let received = ends.read_all(buffer);
                    assert!(received == sent, "{records}, {reads}, {buffer}: {}", received.len());
                }
            }
        }
    }
}

#[test]
fn a_read_of_one_byte_at_a_time_loses_nothing() {
    let mut ends = Ends::open();
    let sent = pattern(20_000);
    ends.send(&sent, 7000);
    ends.to_server.cut(1);
    assert!(ends.read_all(BUFFER) == sent);
}

#[test]
fn a_message_of_16_kib_is_read_with_one_call_and_nobody_asks_for_more() {
    let mut ends = Ends::open();
    // With its header, as a client sends it.
    let message = pattern(8 + (16 << 10));
    for _ in 0..3 {
        ends.send(&message, message.len());
        ends.to_server.cut(1 << 20);
        ends.to_server.reads = 0;
        assert_eq!(ends.read(BUFFER).expect("input"), Some(message.clone()));
        assert_eq!((ends.to_server.reads, ends.server.has_more()), (1, false));
    }
    // As much as the buffer takes: there may be more.
    ends.send(&pattern(100_000), 100_000);
    ends.to_server.cut(1 << 20);
    assert!(ends.read(BUFFER).expect("input").is_some_and(|read| read.len() > 30_000));
    assert!(ends.server.has_more());
}

#[test]
fn the_end_behind_plaintext_is_found_without_waiting() {
    for over_another in [false, true] {
        let mut ends = if over_another { Ends::open_over_another() } else { Ends::open() };
        ends.send(b"Hello", 5);
        ends.client.close(&mut ends.to_server).expect("room");
        ends.to_server.cut(1 << 20);
        assert_eq!(ends.read(BUFFER).expect("input"), Some(b"Hello".to_vec()));
        assert!(ends.server.has_more());
        assert_eq!(ends.read(BUFFER).expect("the end"), Some(Vec::new()));
    }
}

#[test]
fn the_end_of_tcp_is_the_end() {
    for over_another in [false, true] {
        let mut ends = if over_another { Ends::open_over_another() } else { Ends::open() };
        ends.send(b"Hello", 5);
        ends.to_server.ended = true;
        assert_eq!(ends.read(BUFFER).expect("input"), Some(b"Hello".to_vec()));
        assert_eq!(ends.read(BUFFER).expect("the end"), Some(Vec::new()));
    }
}

#[test]
fn an_error_comes_after_the_plaintext_before_it() {
    for over_another in [false, true] {
        let mut ends = if over_another { Ends::open_over_another() } else { Ends::open() };
        ends.send(b"Hello", 5);
        ends.send(&pattern(50), 50);
        let last = ends.to_server.parts.back_mut().expect("a record");
        *last.last_mut().expect("a tag") ^= 1;
        ends.to_server.cut(1 << 20);
        assert_eq!(ends.read(BUFFER).expect("input"), Some(b"Hello".to_vec()));
        assert!(ends.server.has_more());
        let mut shut_down = false;
        let Ends { server, to_client, to_server, .. } = &mut ends;
        let mut buffer = vec![0; BUFFER];
        let read = server.read_from(&mut buffer, to_server, to_client, || shut_down = true);
        assert_eq!(read.expect_err("a wrong tag").kind(), ErrorKind::InvalidData);
        assert!(shut_down && to_client.writes > 0, "with an alert");
    }
}

#[test]
fn what_leaves_together_is_one_record_and_one_write() {
    let mut ends = Ends::open();
    // The bytes that encryption adds (RFC 8446 section 5.2).
    const ADDED: usize = 17;
    const FULL: usize = (16 << 10) + ADDED;
    let (header, payload) = ([0; 4], pattern(16 << 10));
    let cases: [(&[&[u8]], &[usize]); 4] = [
        // 16 small answers, which an outbox joins.
        (&[&[0; 16 * 127]], &[16 * 127 + ADDED]),
        // The header and the payload of a message.
        (&[&header, &payload[..1000]], &[1004 + ADDED]),
        // A record has at most 16 KiB.
        (&[&header, &payload], &[FULL, 4 + ADDED]),
        (&[&[0; 64 << 10]], &[FULL; 4]),
    ];
    for (slices, records) in cases {
        let slices: Vec<_> = slices.iter().map(|slice| IoSlice::new(slice)).collect();
        let length: usize = slices.iter().map(|slice| slice.len()).sum();
        ends.to_server = Pipe::default();
        let written = ends.client.try_write(&slices, &mut ends.to_server).expect("room");
        assert_eq!((written, ends.to_server.writes), (length, 1));
        assert_eq!(ends.to_server.records(), records);
        ends.to_server.cut(1 << 20);
        assert_eq!(ends.read_all(BUFFER).len(), length);
    }
}
