//! The TCP connections of a file, one of which is decoded.

use std::collections::HashMap;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;

use ws_std::wsproto::Config;

use super::conversation::Conversation;
use super::packets::{Packet, Segment, Skipped, segment};
use super::printer::Printer;
use super::{Failure, Outcome};
use crate::terminal::tell;

/// How many connections of a file are told apart.
const MOST: usize = 1 << 16;

/// The connections of a file, in the order in which they begin.
pub(super) struct Conversations<W> {
    config: Arc<Config>,
    /// The number of the connection to decode.
    wanted: usize,
    /// The numbers of connections by their ends: the lesser address first.
    numbers: HashMap<(SocketAddr, SocketAddr), Number>,
    begun: usize,
    conversation: Option<Conversation>,
    out: Printer<W>,
    fragments: u64,
    unknown_links: u64,
}

/// The number of a connection, and the sequence number of its first SYN.
#[derive(Debug)]
struct Number {
    number: usize,
    syn: Option<u32>,
}

impl<W: Write> Conversations<W> {
    pub(super) fn new(config: Config, wanted: usize, print: W) -> Self {
        Self {
            config: config.into(),
            wanted,
            numbers: HashMap::new(),
            begun: 0,
            conversation: None,
            out: Printer::new(print),
            fragments: 0,
            unknown_links: 0,
        }
    }

    /// Adds a packet.
    pub(super) fn packet(&mut self, packet: Packet<'_>) -> Result<(), Failure> {
        self.out.set_time(packet.time);
        match segment(packet) {
            Ok(segment) if self.number(&segment) == Some(self.wanted) => {
                let begin = || Conversation::new(Arc::clone(&self.config), &segment);
                self.conversation.get_or_insert_with(begin).segment(&segment, &mut self.out)?;
            }
            Ok(_) | Err(Skipped::Other) => {}
            Err(Skipped::Fragment) => self.fragments += 1,
            Err(Skipped::Link) => self.unknown_links += 1,
        }
        Ok(())
    }

    /// Returns the number of the connection that a segment belongs to. A new SYN begins a new connection of the same
    /// ends.
    fn number(&mut self, segment: &Segment<'_>) -> Option<usize> {
        let ends = (segment.from.min(segment.to), segment.from.max(segment.to));
        let syn = (segment.syn && !segment.ack).then_some(segment.data.seq);
        let known = self.numbers.get(&ends);
        match known {
            Some(known) if syn.is_none() || known.syn == syn => return Some(known.number),
            None if syn.is_none() && segment.data.bytes.is_empty() => return None,
            None if self.numbers.len() >= MOST => return None,
            _ => {}
        }
        self.begun += 1;
        self.numbers.insert(ends, Number { number: self.begun, syn });
        Some(self.begun)
    }

    /// Ends the file, within a packet if it is `cut`.
    pub(super) fn end(mut self, cut: bool) -> Result<Outcome, Failure> {
        let Some(mut conversation) = self.conversation.take() else {
            return Err(Failure::Input(self.nothing(cut)));
        };
        let incomplete = conversation.end(&mut self.out)?;
        self.out.flush()?;
        if self.begun > 1 {
            let others = self.begun - 1;
            tell(&format!("ws: {others} more TCP connections: --connection decodes another one"));
        }
        let cut = cut.then(|| "the file ends within a packet".to_owned());
        Ok(match (conversation.is_broken(), incomplete.or(cut)) {
            (true, _) => Outcome::Broken,
            (false, Some(line)) => Outcome::Incomplete(self.with_fragments(line)),
            (false, None) => Outcome::Sound,
        })
    }

    fn with_fragments(&self, line: String) -> String {
        match self.fragments {
            0 => line,
            count => format!("{line}; {count} fragments of IP packets were left out"),
        }
    }

    /// Describes a file without the wanted connection.
    fn nothing(&self, cut: bool) -> String {
        let mut line = match self.begun {
            0 => "the file has no TCP connection".to_owned(),
            1 => "the file has 1 TCP connection only".to_owned(),
            begun => format!("the file has {begun} TCP connections only"),
        };
        if self.unknown_links > 0 {
            line.push_str(&format!(
                "; {} packets are of an unknown kind of network",
                self.unknown_links
            ));
        }
        if cut {
            line.push_str("; it ends within a packet");
        }
        self.with_fragments(line)
    }
}
