//! Captures: packets of a conversation, in files of several formats.

use std::num::Wrapping;

use etherparse::PacketBuilder;
use ws_std::wsproto::handshake::{Accept, ClientRequest, DeflateOffer, Extension, Request};
use ws_std::wsproto::{Client, CloseFrame, Config, Connection, Deflate, Extensions, Server};

const CLIENT: ([u8; 4], u16) = ([127, 0, 0, 1], 50000);
const SERVER: ([u8; 4], u16) = ([10, 0, 0, 1], 80);

/// A packet: who sent it, its offset in the stream, its bytes, and the flags SYN and FIN.
#[derive(Clone)]
pub(super) struct Sent {
    pub(super) from_client: bool,
    pub(super) offset: usize,
    pub(super) bytes: Vec<u8>,
    syn: bool,
    fin: bool,
}

pub(super) fn sent(from_client: bool, offset: usize, bytes: &[u8]) -> Sent {
    Sent { from_client, offset, bytes: bytes.to_vec(), syn: false, fin: false }
}

/// Returns the bytes of both directions: a handshake, messages and Closes.
fn streams(deflate: bool) -> (Vec<u8>, Vec<u8>) {
    let mut config = Config::new();
    config.deflate = deflate.then(Deflate::new);
    let request = ClientRequest::parse("ws://host/path").expect("a URL").with_offers(&config);
    let (mut up, mut down) = (Vec::new(), Vec::new());
    request.encode([7; 16], &mut up);
    let parsed = Request::parse(&up).expect("a request");
    let (response, _) = Accept::new().answer(&parsed, &config).expect("it is accepted");
    response.encode(&mut down);
    let extensions: Extensions = match response.headers().get("Sec-WebSocket-Extensions") {
        Some(selected) => {
            let selected = Extension::parse_list(selected).expect("a list");
            DeflateOffer::new(&Deflate::new()).verify(&selected[0]).expect("offered").into()
        }
        None => Extensions::none(),
    };
    let client = Client::from_seed([1; 32]);
    let mut client = Connection::new(client, config.clone(), extensions.clone());
    let mut server = Connection::new(Server, config, extensions);
    let text = "hello ".repeat(50);
    client.send_text(&text, &mut up).expect("open");
    server.send_text(&text, &mut down).expect("open");
    client.send_binary(&[0, 255], &mut up).expect("open");
    let bye = CloseFrame::new(1000.into(), "bye").expect("a Close");
    client.close(Some(&bye), &mut up).expect("open");
    server.close(Some(&bye), &mut down).expect("open");
    (up, down)
}

/// Returns the packets of a conversation, in pieces of `len` bytes, each direction after the other.
pub(super) fn conversation(deflate: bool, len: usize) -> Vec<Sent> {
    let (up, down) = streams(deflate);
    let syn = |from_client| Sent { syn: true, ..sent(from_client, 0, b"") };
    let mut packets = vec![syn(true), syn(false)];
    let head =
        |bytes: &[u8]| bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a head") + 4;
    let (request, response) = (head(&up), head(&down));
    let mut push = |from_client: bool, bytes: &[u8], start: usize| {
        for (index, piece) in bytes.chunks(len).enumerate() {
            packets.push(sent(from_client, start + index * len, piece));
        }
    };
    push(true, &up[..request], 0);
    push(false, &down[..response], 0);
    push(true, &up[request..], request);
    push(false, &down[response..], response);
    packets.push(Sent { fin: true, ..sent(true, up.len(), b"") });
    packets.push(Sent { fin: true, ..sent(false, down.len(), b"") });
    packets
}

/// Returns the bytes of a packet on Ethernet.
pub(super) fn ethernet(packet: &Sent) -> Vec<u8> {
    let (from, to, start) = match packet.from_client {
        true => (CLIENT, SERVER, Wrapping(u32::MAX - 20)),
        false => (SERVER, CLIENT, Wrapping(5)),
    };
    let after_syn = if packet.syn { 0 } else { 1 };
    let seq = start + Wrapping(u32::try_from(packet.offset).expect("short")) + Wrapping(after_syn);
    let builder = PacketBuilder::ethernet2([1; 6], [2; 6]).ipv4(from.0, to.0, 64);
    let mut builder = builder.tcp(from.1, to.1, seq.0, 1024);
    if packet.syn {
        builder = builder.syn();
    }
    if packet.fin {
        builder = builder.fin();
    }
    if !packet.syn || !packet.from_client {
        builder = builder.ack(1);
    }
    let mut bytes = Vec::new();
    builder.write(&mut bytes, &packet.bytes).expect("a Vec takes everything");
    bytes
}

/// Returns a pcap file with packets of this kind of network, of which `most` bytes each were captured.
pub(super) fn file(link: u32, packets: &[Vec<u8>], most: usize) -> Vec<u8> {
    let mut file = Vec::new();
    for field in [0xa1b2_c3d4, 0x0004_0002, 0, 0, 65535, link] {
        file.extend_from_slice(&u32::to_le_bytes(field));
    }
    for (index, packet) in packets.iter().enumerate() {
        let captured = &packet[..packet.len().min(most)];
        let size = |len: usize| u32::try_from(len).expect("short");
        for field in [1_700_000_000, 1000 * size(index), size(captured.len()), size(packet.len())] {
            file.extend_from_slice(&field.to_le_bytes());
        }
        file.extend_from_slice(captured);
    }
    file
}

pub(super) fn ethernet_file(packets: &[Sent]) -> Vec<u8> {
    file(1, &packets.iter().map(ethernet).collect::<Vec<_>>(), usize::MAX)
}

/// Returns a file as pcapng, with nanoseconds.
pub(super) fn pcapng(packets: &[Vec<u8>]) -> Vec<u8> {
    let block = |kind: u32, body: &[u8]| {
        let len = u32::try_from(body.len() + 12).expect("short").to_le_bytes();
        [&kind.to_le_bytes()[..], &len, body, &len].concat()
    };
    let section = [&0x1a2b_3c4d_u32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat();
    let interface = [&[1, 0, 0, 0, 0, 0, 4, 0][..], &[9, 0, 1, 0, 9, 0, 0, 0], &[0; 4]].concat();
    let mut file = [block(0x0a0d_0d0a, &section), block(1, &interface)].concat();
    for (index, packet) in packets.iter().enumerate() {
        let time = (1_700_000_000_000_000_000 + 1_000_000 * index as u64).to_le_bytes();
        let len = u32::try_from(packet.len()).expect("short").to_le_bytes();
        let padding = vec![0; packet.len().next_multiple_of(4) - packet.len()];
        let body = [&[0; 4][..], &time[4..], &time[..4], &len, &len, packet, &padding].concat();
        file.extend_from_slice(&block(6, &body));
    }
    file
}
