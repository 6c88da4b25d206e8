//! TCP segments in captured packets.

use std::net::{IpAddr, SocketAddr};

use etherparse::{EtherType, LaxNetSlice, LaxSlicedPacket, TcpSlice, TransportSlice};
use pcap_parser::Linktype;

use super::stream::Data;

/// A captured packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packet<'a> {
    /// In microseconds since 1970.
    pub(super) time: u64,
    pub(super) link: Linktype,
    pub(super) bytes: &'a [u8],
    /// How many more bytes the packet had.
    pub(super) cut: usize,
}

/// A TCP segment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment<'a> {
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) syn: bool,
    pub(super) ack: bool,
    pub(super) rst: bool,
    pub(super) data: Data<'a>,
}

/// The reason for which a packet is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Skipped {
    /// It has no TCP segment, or one that cannot be parsed.
    Other,
    /// It is a fragment of an IP packet.
    Fragment,
    /// The kind of network is unknown.
    Link,
}

/// Finds the TCP segment in a packet.
pub(super) fn segment(packet: Packet<'_>) -> Result<Segment<'_>, Skipped> {
    let parsed = parse(packet)?;
    let (source, destination) = match &parsed.net {
        Some(LaxNetSlice::Ipv4(ip)) => {
            let header = ip.header();
            (IpAddr::V4(header.source_addr()), IpAddr::V4(header.destination_addr()))
        }
        Some(LaxNetSlice::Ipv6(ip)) => {
            let header = ip.header();
            (IpAddr::V6(header.source_addr()), IpAddr::V6(header.destination_addr()))
        }
        _ => return Err(Skipped::Other),
    };
    let payload = parsed.net.as_ref().and_then(LaxNetSlice::ip_payload_ref);
    if payload.is_some_and(|payload| payload.fragmented) {
        return Err(Skipped::Fragment);
    }
    let Some(TransportSlice::Tcp(tcp)) = parsed.transport else { return Err(Skipped::Other) };
    // A packet that was cut within its padding has its whole payload.
    let cut = if payload.is_some_and(|payload| payload.incomplete) { packet.cut } else { 0 };
    Ok(Segment {
        from: SocketAddr::new(source, tcp.source_port()),
        to: SocketAddr::new(destination, tcp.destination_port()),
        syn: tcp.syn(),
        ack: tcp.ack(),
        rst: tcp.rst(),
        data: data(&tcp, cut),
    })
}

fn data<'a>(tcp: &TcpSlice<'a>, cut: usize) -> Data<'a> {
    Data { seq: tcp.sequence_number(), bytes: tcp.payload(), cut, fin: tcp.fin() }
}

fn parse(packet: Packet<'_>) -> Result<LaxSlicedPacket<'_>, Skipped> {
    let ip = |skip| packet.bytes.get(skip..).unwrap_or_default();
    let from_type = |at: usize, skip| {
        let kind = packet.bytes.get(at..).and_then(|rest| rest.first_chunk());
        let kind = u16::from_be_bytes(*kind.ok_or(Skipped::Other)?);
        Ok(LaxSlicedPacket::from_ether_type(EtherType(kind), ip(skip)))
    };
    match packet.link {
        Linktype::ETHERNET => {
            LaxSlicedPacket::from_ethernet(packet.bytes).map_err(|_| Skipped::Other)
        }
        // The loopback of BSD and macOS: four bytes with the address family.
        Linktype::NULL | Linktype::LOOP => from_ip(ip(4)),
        Linktype::RAW | Linktype::IPV4 | Linktype::IPV6 => from_ip(packet.bytes),
        // "any" on Linux.
        Linktype::LINUX_SLL => from_type(14, 16),
        Linktype::LINUX_SLL2 => from_type(0, 20),
        _ => Err(Skipped::Link),
    }
}

fn from_ip(bytes: &[u8]) -> Result<LaxSlicedPacket<'_>, Skipped> {
    LaxSlicedPacket::from_ip(bytes).map_err(|_| Skipped::Other)
}
