//! Properties of the PROXY protocol's header: it is read to its last byte and no further, however it is cut.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use proptest::prelude::*;
use ws_common::adapter::{ProxyHeader, ProxyHeaderError, ProxyHeaderRead};

/// A header, and the client it names.
type Header = (Vec<u8>, Option<SocketAddr>);

fn binary(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
    let len = u16::try_from(body.len()).expect("short").to_be_bytes();
    [b"\r\n\r\n\0\r\nQUIT\n", &[command, family][..], &len, body].concat()
}

fn any_header() -> impl Strategy<Value = Header> {
    let v4 = any::<(Ipv4Addr, Ipv4Addr, u16, u16)>();
    let v6 = any::<(Ipv6Addr, Ipv6Addr, u16, u16)>();
    let tlvs = proptest::collection::vec(any::<u8>(), 0..400);
    prop_oneof![
        v4.clone().prop_map(|(from, to, port, to_port)| {
            let line = format!("PROXY TCP4 {from} {to} {port} {to_port}\r\n");
            (line.into_bytes(), Some((from, port).into()))
        }),
        v6.clone().prop_map(|(from, to, port, to_port)| {
            let line = format!("PROXY TCP6 {from} {to} {port} {to_port}\r\n");
            (line.into_bytes(), Some((from, port).into()))
        }),
        "( [ -~]{0,90})?".prop_map(|rest| (format!("PROXY UNKNOWN{rest}\r\n").into_bytes(), None)),
        (v4, tlvs.clone()).prop_map(|((from, to, port, to_port), tlvs)| {
            let ports = [port.to_be_bytes(), to_port.to_be_bytes()].concat();
            let body = [&from.octets()[..], &to.octets(), &ports, &tlvs].concat();
            (binary(0x21, 0x11, &body), Some((from, port).into()))
        }),
        (v6, tlvs.clone()).prop_map(|((from, to, port, to_port), tlvs)| {
            let ports = [port.to_be_bytes(), to_port.to_be_bytes()].concat();
            let body = [&from.octets()[..], &to.octets(), &ports, &tlvs].concat();
            (binary(0x21, 0x21, &body), Some((from, port).into()))
        }),
        (any::<u8>(), tlvs.clone()).prop_map(|(family, body)| (binary(0x20, family, &body), None)),
        tlvs.clone().prop_map(|body| (binary(0x21, 0x00, &body), None)),
        tlvs.prop_map(|body| (binary(0x21, 0x31, &[&[1; 216][..], &body].concat()), None)),
    ]
}

/// A transport that gives at most so many bytes at a time, with nothing in between.
struct Cut<'b> {
    bytes: &'b [u8],
    most: usize,
    blocked: bool,
}

impl std::io::Read for Cut<'_> {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        self.blocked = !self.blocked;
        if self.blocked {
            return Err(std::io::ErrorKind::WouldBlock.into());
        }
        let len = self.most.min(to.len()).min(self.bytes.len());
        let (now, later) = self.bytes.split_at(len);
        to[..len].copy_from_slice(now);
        self.bytes = later;
        Ok(len)
    }
}

fn read(bytes: &[u8], most: usize) -> (Result<ProxyHeaderRead, String>, &[u8]) {
    let (mut header, mut from) = (ProxyHeader::new(), Cut { bytes, most, blocked: false });
    loop {
        match header.read(&mut from) {
            Ok(ProxyHeaderRead::Blocked) => {}
            other => return (other.map_err(|error| error.to_string()), from.bytes),
        }
    }
}

proptest! {
    // M6
    #[test]
    fn a_header_is_read_to_its_end_and_no_further(
        (header, client) in any_header(),
        rest in proptest::collection::vec(any::<u8>(), 0..50),
        most in 1..600_usize,
    ) {
        let wire = [&header[..], &rest].concat();
        let (read, left) = read(&wire, most);
        prop_assert_eq!(read, Ok(ProxyHeaderRead::Complete(client)));
        prop_assert_eq!(left, &rest[..]);
    }

    // M6: the same bytes are the same header, or the same error, however they are cut.
    #[test]
    fn cuts_make_no_difference(
        (mut header, _) in any_header(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        most in 1..100_usize,
    ) {
        let at = at.index(header.len());
        header[at] = byte;
        let (cut, whole) = (read(&header, most), read(&header, usize::MAX));
        prop_assert_eq!(&cut.0, &whole.0);
        prop_assert!(cut.0.is_err() || cut.1 == whole.1);
    }

    // M6
    #[test]
    fn a_header_that_ends_early_is_none((header, _) in any_header(), at in any::<prop::sample::Index>()) {
        let (read, _) = read(&header[..at.index(header.len())], usize::MAX);
        let blank = at.index(header.len()) == 0;
        prop_assert_eq!(blank, read == Ok(ProxyHeaderRead::Ended));
        prop_assert_eq!(!blank, read.is_err());
    }

    #[test]
    fn any_bytes_are_bounded(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut header = ProxyHeader::new();
        if header.take(&bytes).is_ok() {
            prop_assert!(header.wanted() <= 16 + usize::from(u16::MAX));
        }
    }
}

// M6
#[test]
fn a_malformed_header_is_refused() {
    use ProxyHeaderError::{Command, Family, Length, Line, Missing, TooLong};
    let line = |text: &str| format!("PROXY {text}\r\n").into_bytes();
    for (bytes, expected) in [
        (b"GET / HTTP/1.1\r\n".to_vec(), Missing),
        (b"PROXy TCP4".to_vec(), Missing),
        (b"\r\n\r\n\0\r\nQUIT\r".to_vec(), Missing),
        (line("TCP4 192.0.2.1 10.0.0.1 1"), Line),
        (line("TCP4 192.0.2.1 10.0.0.1 1 2 3"), Line),
        (line("TCP4  192.0.2.1 10.0.0.1 1 2"), Line),
        (line("TCP4 192.0.2.1 10.0.0.1 1 2 "), Line),
        (line("TCP4 192.0.2.1 10.0.0.1 01 2"), Line),
        (line("TCP4 192.0.2.1 10.0.0.1 +1 2"), Line),
        (line("TCP4 192.0.2.1 10.0.0.1 65536 2"), Line),
        (line("TCP4 192.0.2.1 10.0.0.1 1 x"), Line),
        (line("TCP4 192.0.2.01 10.0.0.1 1 2"), Line),
        (line("TCP4 ::1 ::1 1 2"), Line),
        (line("TCP6 192.0.2.1 10.0.0.1 1 2"), Line),
        (line("TCP6 fe80::1%1 ::1 1 2"), Line),
        (line("UDP4 192.0.2.1 10.0.0.1 1 2"), Line),
        (line("tcp4 192.0.2.1 10.0.0.1 1 2"), Line),
        (line("UNKNOWNS"), Line),
        (line("UNKNOWN \r x"), Line),
        (b"PROXY UNKNOWN\nGET /".iter().copied().cycle().take(200).collect(), TooLong),
        (format!("PROXY UNKNOWN {}\r\n", "x".repeat(92)).into_bytes(), TooLong),
        (binary(0x11, 0x11, &[0; 12]), Command(0x11)),
        (binary(0x22, 0x11, &[0; 12]), Command(0x22)),
        (binary(0x21, 0x12, &[0; 12]), Family(0x12)),
        (binary(0x21, 0x41, &[0; 12]), Family(0x41)),
        (binary(0x21, 0x11, &[0; 11]), Length(11)),
        (binary(0x21, 0x21, &[0; 35]), Length(35)),
        (binary(0x21, 0x31, &[0; 215]), Length(215)),
    ] {
        let text = String::from_utf8_lossy(&bytes);
        assert_eq!(ProxyHeader::new().take(&bytes), Err(expected), "{text:?}");
    }
    let longest = format!("PROXY UNKNOWN {}\r\n", "x".repeat(91));
    assert_eq!(longest.len(), 107);
    assert_eq!(read(longest.as_bytes(), 9).0, Ok(ProxyHeaderRead::Complete(None)));
}
