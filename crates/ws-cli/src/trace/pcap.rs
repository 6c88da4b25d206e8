//! Files of captured packets: pcap and pcapng.

use std::io::{self, BufRead, Read, Write};

use pcap_parser::pcapng::Block;
use pcap_parser::traits::{PcapNGPacketBlock, PcapReaderIterator};
use pcap_parser::{LegacyPcapReader, Linktype, PcapBlockOwned, PcapError, PcapNGReader};
use ws_std::wsproto::Config;

use super::conversations::Conversations;
use super::outcome::{Failure, Outcome};
use super::packets::Packet;

/// The largest packet of a file, with its header, in bytes.
const LARGEST: usize = 1 << 20;

/// The first bytes of pcap, in either order of bytes, with microseconds or nanoseconds, and of pcapng. None of them is
/// the first byte of a frame that follows RFC 6455.
const MAGIC: [[u8; 4]; 5] = [
    [0xa1, 0xb2, 0xc3, 0xd4],
    [0xd4, 0xc3, 0xb2, 0xa1],
    [0xa1, 0xb2, 0x3c, 0x4d],
    [0x4d, 0x3c, 0xb2, 0xa1],
    NG,
];
const NG: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

/// Returns whether the input begins as a file of packets.
pub(super) fn is_pcap(input: &mut impl BufRead) -> io::Result<bool> {
    Ok(input.fill_buf()?.first_chunk().is_some_and(|magic| MAGIC.contains(magic)))
}

/// Decodes a TCP connection of a file: the first or a later one.
pub(super) fn trace(
    mut input: impl BufRead + Send,
    config: Config,
    connection: usize,
    print: impl Write,
) -> Result<Outcome, Failure> {
    let is_ng = input.fill_buf()?.starts_with(&NG);
    let input = Whole(input);
    let reader: Result<Box<dyn PcapReaderIterator + '_>, _> = match is_ng {
        true => PcapNGReader::new(LARGEST, input).map(|reader| Box::new(reader) as _),
        false => LegacyPcapReader::new(LARGEST, input).map(|reader| Box::new(reader) as _),
    };
    let mut conversations = Conversations::new(config, connection, print);
    let cut = match reader {
        Ok(mut reader) => read(&mut *reader, |packet| conversations.packet(packet))?,
        Err(PcapError::ReadError) => return Err(io::Error::other("the file cannot be read").into()),
        Err(_) => {
            return Err(Failure::Input("the header of the pcap file is cut or invalid".into()));
        }
    };
    conversations.end(cut)
}

/// Calls `each` with every packet. Returns whether the file ends within a packet.
fn read(
    reader: &mut dyn PcapReaderIterator,
    mut each: impl FnMut(Packet<'_>) -> Result<(), Failure>,
) -> Result<bool, Failure> {
    let mut interfaces = Interfaces::default();
    let mut packets = 0_u64;
    loop {
        let consumed = match reader.next() {
            Ok((consumed, block)) => {
                if let Some(packet) = interfaces.packet(&block) {
                    packets += 1;
                    each(packet)?;
                }
                Ok(consumed)
            }
            Err(PcapError::Incomplete(_)) => Err(()),
            Err(PcapError::Eof) => return Ok(false),
            Err(PcapError::UnexpectedEof) => return Ok(true),
            Err(PcapError::ReadError) => {
                return Err(io::Error::other("the file cannot be read").into());
            }
            Err(PcapError::BufferTooSmall) => {
                let line = format!("packet {} has more than {LARGEST} bytes", packets + 1);
                return Err(Failure::Input(line));
            }
            Err(_) => {
                let line = format!("the pcap file is invalid after packet {packets}");
                return Err(Failure::Input(line));
            }
        };
        match consumed {
            Ok(consumed) => reader.consume(consumed),
            Err(()) if reader.refill().is_ok() => {}
            Err(()) => return Err(io::Error::other("the file cannot be read").into()),
        }
    }
}

/// The interfaces of a section.
#[derive(Debug, Default)]
struct Interfaces(Vec<Interface>);

#[derive(Clone, Copy, Debug)]
struct Interface {
    link: Linktype,
    /// Units in a second.
    resolution: u64,
    /// In seconds.
    offset: i64,
}

impl Interfaces {
    /// Notes the interface of a block, or returns its packet.
    fn packet<'a>(&mut self, block: &'a PcapBlockOwned<'a>) -> Option<Packet<'a>> {
        match block {
            PcapBlockOwned::LegacyHeader(header) => {
                let resolution =
                    if header.is_nanosecond_precision() { 1_000_000_000 } else { 1_000_000 };
                self.0 = vec![Interface { link: header.network, resolution, offset: 0 }];
                None
            }
            PcapBlockOwned::Legacy(packet) => {
                let on = self.0.first()?;
                let time = u64::from(packet.ts_sec) * on.resolution + u64::from(packet.ts_usec);
                Some(on.packet(time, packet.data, packet.origlen))
            }
            PcapBlockOwned::NG(Block::SectionHeader(_)) => {
                self.0.clear();
                None
            }
            PcapBlockOwned::NG(Block::InterfaceDescription(block)) => {
                let resolution = block.ts_resolution().unwrap_or(1_000_000).max(1);
                let (link, offset) = (block.linktype, block.ts_offset());
                self.0.push(Interface { link, resolution, offset });
                None
            }
            PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
                let on = self.0.get(usize::try_from(packet.if_id).ok()?)?;
                let time = u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low);
                Some(on.packet(time, packet.packet_data(), packet.origlen))
            }
            PcapBlockOwned::NG(Block::SimplePacket(packet)) => {
                Some(self.0.first()?.packet(0, packet.packet_data(), packet.origlen))
            }
            PcapBlockOwned::NG(_) => None,
        }
    }
}

impl Interface {
    fn packet(self, time: u64, bytes: &[u8], original: u32) -> Packet<'_> {
        let seconds = (time / self.resolution).saturating_add_signed(self.offset);
        let rest = u128::from(time % self.resolution) * 1_000_000 / u128::from(self.resolution);
        let time =
            seconds.saturating_mul(1_000_000).saturating_add(u64::try_from(rest).unwrap_or(0));
        let cut = usize::try_from(original).unwrap_or(usize::MAX).saturating_sub(bytes.len());
        Packet { time, link: self.link, bytes, cut }
    }
}

/// Fills the buffers of its reader, as a file does and a pipe does not: the header is read at once.
struct Whole<R>(R);

impl<R: Read> Read for Whole<R> {
    fn read(&mut self, mut buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        loop {
            match self.0.read(buffer) {
                Ok(0) => return Ok(filled),
                Ok(read) => {
                    filled += read;
                    buffer = buffer.get_mut(read..).unwrap_or_default();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}
