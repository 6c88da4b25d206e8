//! Compressing and inflating in memory: ours beside sockudo-ws, and beside flate2 on zlib-rs, which yawc wraps.
//!
//! Each message differs from the one before, as those of an application do. Prints a table: workload, size in
//! bytes, implementation, nanoseconds for a message, and compressed bytes for each byte.
//!
//! `deflate levels` compares our levels instead; `deflate SIZE PEER KIND` measures one peer with one size, `takeover` or
//! `no takeover`, for a profile.

use std::hint::black_box;
use std::time::Instant;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use peers::json::json;
use sockudo_ws::deflate::{DeflateDecoder, DeflateEncoder};
use wsproto::handshake::DeflateOffer;
use wsproto::{Client, Config, Connection, Deflate, DeflateTools, Server};

const SIZES: [usize; 5] = [16, 125, 1 << 10, 16 << 10, 1 << 20];

const ROUNDS: usize = 5;

const LIMIT: usize = 64 << 20;

type Failed = Box<dyn std::error::Error>;

fn main() -> Result<(), Failed> {
    println!("workload\tsize\tpeer\tns_per_message\tratio");
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (size, name, only) = match &arguments[..] {
        [size, name, kind] => (Some(size.parse()?), Some(name), Some(kind)),
        _ => (None, None, None),
    };
    for size in SIZES.into_iter().filter(|known| size.is_none_or(|size: usize| size == *known)) {
        // So many that none comes back while it is in a window.
        let count = ((4 << 20) / size).clamp(8, 2000);
        let messages: Vec<String> = (0..count).map(|seed| json(seed, size)).collect();
        for takeover in [false, true] {
            let kind = if takeover { "takeover" } else { "no takeover" };
            if only.is_some_and(|only| only != kind) {
                continue;
            }
            for peer in peers(takeover) {
                if name.is_some_and(|name| *name != peer.name) {
                    continue;
                }
                let (compress, inflate, ratio) = measure(&peer, &messages)?;
                println!("compress, {kind}\t{size}\t{}\t{compress:.0}\t{ratio:.3}", peer.name);
                println!("inflate, {kind}\t{size}\t{}\t{inflate:.0}\t{ratio:.3}", peer.name);
            }
        }
    }
    Ok(())
}

/// An implementation, and its state for one connection.
struct Peer {
    name: String,
    make: Box<dyn Fn() -> Box<dyn Codec>>,
}

/// One direction of a connection, with both of its ends.
trait Codec {
    /// Compresses a message; returns what is sent in its place, however it is framed.
    fn compress(&mut self, message: &str, wire: &mut Vec<u8>) -> Result<(), Failed>;

    /// Inflates what `compress` made; returns how many bytes that is.
    fn inflate(&mut self, wire: &mut [u8]) -> Result<usize, Failed>;
}

fn peers(takeover: bool) -> Vec<Peer> {
    let mut peers = Vec::new();
    let mut add = |name: &str, make: Box<dyn Fn() -> Box<dyn Codec>>| {
        peers.push(Peer { name: name.into(), make });
    };
    if takeover {
        add("wsproto dense", Box::new(|| Box::new(Ours::new(Deflate::dense(), 1))));
        // Two connections of one loop: each message finds the state of the other.
        add(
            "wsproto new, shared",
            Box::new(|| Box::new(Ours::new(Deflate::new().peer_takeover(Some(true)), 2))),
        );
        add(
            "wsproto new, alone",
            Box::new(|| Box::new(Ours::new(Deflate::new().peer_takeover(Some(true)), 1))),
        );
        add(
            "wsproto dense, level 6",
            Box::new(|| Box::new(Ours::new(Deflate::dense().level(6), 1))),
        );
    } else {
        add("wsproto frugal", Box::new(|| Box::new(Ours::new(Deflate::frugal(), 1))));
        add(
            "wsproto frugal, level 6",
            Box::new(|| Box::new(Ours::new(Deflate::frugal().level(6), 1))),
        );
    }
    if std::env::args().any(|argument| argument == "levels") {
        for level in 1..=9 {
            let wish = if takeover { Deflate::dense() } else { Deflate::frugal() }.level(level);
            add(&format!("wsproto, level {level}"), Box::new(move || Box::new(Ours::new(wish, 1))));
        }
        return peers;
    }
    add("sockudo-ws", Box::new(move || Box::new(Sockudo::new(takeover))));
    add("flate2 (yawc)", Box::new(move || Box::new(Flate2::new(takeover))));
    peers
}

/// Returns the best of some rounds: nanoseconds to compress and to inflate a message, and the ratio.
fn measure(peer: &Peer, messages: &[String]) -> Result<(f64, f64, f64), Failed> {
    let size = messages[0].len();
    let count = (40_000_000 / (size + 4000)).clamp(64, 8000);
    let (mut compress, mut inflate, mut ratio) = (f64::MAX, f64::MAX, 0.0);
    for _ in 0..ROUNDS {
        let mut codec = (peer.make)();
        let (mut sent, mut wires) = (0, Vec::with_capacity(count));
        let start = Instant::now();
        for message in messages.iter().cycle().take(count) {
            let mut wire = Vec::with_capacity(64);
            codec.compress(message, &mut wire)?;
            sent += wire.len();
            wires.push(wire);
        }
        compress = compress.min(start.elapsed().as_nanos() as f64 / count as f64);
        let start = Instant::now();
        for wire in &mut wires {
            let len = codec.inflate(wire)?;
            if len != size {
                return Err(format!("{}: {len} bytes of {size}", peer.name).into());
            }
        }
        inflate = inflate.min(start.elapsed().as_nanos() as f64 / count as f64);
        ratio = sent as f64 / (count * size) as f64;
    }
    Ok((compress, inflate, ratio))
}

/// A server that sends and a client that receives, framing included; of `lanes` connections that take turns.
struct Ours {
    lanes: Vec<(Connection<Server>, Connection<Client>)>,
    turn: (usize, usize),
    sender: DeflateTools,
    receiver: DeflateTools,
}

impl Ours {
    fn new(wish: Deflate, lanes: usize) -> Self {
        let agreed = DeflateOffer::new(&wish).accept(&wish);
        let config = std::sync::Arc::new(Config::new().deflate(Some(wish)));
        let lane = || {
            let client = Client::from_seed([1; 32]);
            (
                Connection::new(Server, config.clone(), agreed.into()),
                Connection::new(client, config.clone(), agreed.into()),
            )
        };
        let lanes = (0..lanes).map(|_| lane()).collect();
        Self { lanes, turn: (0, 0), sender: DeflateTools::new(), receiver: DeflateTools::new() }
    }
}

impl Codec for Ours {
    fn compress(&mut self, message: &str, wire: &mut Vec<u8>) -> Result<(), Failed> {
        let lane = self.turn.0 % self.lanes.len();
        self.turn.0 += 1;
        let (server, _) = &mut self.lanes[lane];
        server.lend_tools(&mut self.sender);
        server.send_text(message, wire)?;
        server.reclaim_tools(&mut self.sender);
        Ok(())
    }

    fn inflate(&mut self, wire: &mut [u8]) -> Result<usize, Failed> {
        let lane = self.turn.1 % self.lanes.len();
        self.turn.1 += 1;
        let (_, client) = &mut self.lanes[lane];
        client.lend_tools(&mut self.receiver);
        let (mut input, mut out) = (wire, Vec::new());
        let event = client.next_event(&mut input, &mut out)?;
        let len = match black_box(&event) {
            Some(wsproto::Event::Text(text)) => text.len(),
            _ => 0,
        };
        client.reclaim_tools(&mut self.receiver);
        Ok(len)
    }
}

/// Without framing, and without validation of text.
struct Sockudo(DeflateEncoder, DeflateDecoder, bool);

impl Sockudo {
    fn new(takeover: bool) -> Self {
        let window = sockudo_ws::deflate::DeflateConfig::default().server_max_window_bits;
        Self(
            DeflateEncoder::new(window, !takeover, 6, 32),
            DeflateDecoder::new(window, !takeover),
            false,
        )
    }
}

impl Codec for Sockudo {
    fn compress(&mut self, message: &str, wire: &mut Vec<u8>) -> Result<(), Failed> {
        match self.0.compress(message.as_bytes())? {
            Some(bytes) => wire.extend_from_slice(&bytes),
            None => {
                wire.extend_from_slice(message.as_bytes());
                self.2 = true;
            }
        }
        Ok(())
    }

    fn inflate(&mut self, wire: &mut [u8]) -> Result<usize, Failed> {
        // Below its threshold it compresses nothing, and all messages have one size.
        if self.2 {
            return Ok(black_box(wire.to_vec()).len());
        }
        Ok(black_box(self.1.decompress(wire, LIMIT)?).len())
    }
}

/// Without framing, and without validation of text.
struct Flate2 {
    takeover: bool,
    compress: Compress,
    decompress: Decompress,
    out: Vec<u8>,
}

impl Flate2 {
    fn new(takeover: bool) -> Self {
        let (compress, decompress) =
            (Compress::new(Compression::default(), false), Decompress::new(false));
        Self { takeover, compress, decompress, out: Vec::new() }
    }
}

impl Codec for Flate2 {
    fn compress(&mut self, message: &str, wire: &mut Vec<u8>) -> Result<(), Failed> {
        wire.reserve(message.len() + 64);
        self.compress.compress_vec(message.as_bytes(), wire, FlushCompress::Sync)?;
        wire.truncate(wire.len() - 4);
        if !self.takeover {
            self.compress.reset();
        }
        Ok(())
    }

    fn inflate(&mut self, wire: &mut [u8]) -> Result<usize, Failed> {
        let mut whole = Vec::with_capacity(wire.len() + 4);
        whole.extend_from_slice(wire);
        whole.extend_from_slice(&[0, 0, 0xFF, 0xFF]);
        self.out = Vec::with_capacity((4 * whole.len()).max(1024));
        let before = self.decompress.total_in();
        loop {
            let read = usize::try_from(self.decompress.total_in() - before)?;
            self.decompress.decompress_vec(&whole[read..], &mut self.out, FlushDecompress::Sync)?;
            let read = usize::try_from(self.decompress.total_in() - before)?;
            if read == whole.len() && self.out.len() < self.out.capacity() {
                break;
            }
            self.out.reserve(self.out.capacity());
        }
        let len = black_box(&self.out).len();
        if !self.takeover {
            self.decompress.reset(false);
        }
        Ok(len)
    }
}
