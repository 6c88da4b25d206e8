//! One direction of a TCP connection, put together from its segments.

use std::collections::BTreeMap;

/// How many bytes may wait for earlier ones. A hole that is not filled by then never is.
const MOST_EARLY: usize = 16 << 20;

/// The bytes of one direction in their order: repeated ones are dropped, early ones wait.
#[derive(Debug, Default)]
pub(super) struct Stream {
    /// The sequence number of the next byte, once one is known.
    next: Option<u32>,
    /// The position of that byte in the stream.
    at: u64,
    /// Segments after a hole, by their positions.
    early: BTreeMap<u64, Vec<u8>>,
    held: usize,
    /// The position after the last byte that was sent.
    end: u64,
    /// The position after the last byte, if the end of the stream was sent.
    fin: Option<u64>,
}

/// A segment: its sequence number, and what was captured of its bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Data<'a> {
    pub(super) seq: u32,
    pub(super) bytes: &'a [u8],
    /// How many more bytes the segment had.
    pub(super) cut: usize,
    pub(super) fin: bool,
}

impl Stream {
    /// Begins after this sequence number, that of a SYN.
    pub(super) fn synchronize(&mut self, seq: u32) {
        if self.next.is_none() {
            self.next = Some(seq.wrapping_add(1));
        }
    }

    /// Adds a segment. Returns the bytes that are now in order, and follow those of the last call.
    pub(super) fn push(&mut self, data: Data<'_>) -> Vec<u8> {
        let next = *self.next.get_or_insert(data.seq);
        // Sequence numbers are compared modulo 2^32 (RFC 9293 section 3.4).
        let ahead = i64::from(data.seq.wrapping_sub(next).cast_signed());
        let Some(position) = self.at.checked_add_signed(ahead) else {
            // Before the first byte, as the probes of a TCP keep-alive are.
            return self.push_overlapping(data, ahead);
        };
        self.note_end(position, data);
        self.insert(position, data.bytes);
        self.take_ordered()
    }

    fn push_overlapping(&mut self, data: Data<'_>, ahead: i64) -> Vec<u8> {
        let before = usize::try_from(ahead.unsigned_abs() - self.at).unwrap_or(usize::MAX);
        let rest = data.bytes.get(before..).unwrap_or_default();
        self.insert(0, rest);
        self.take_ordered()
    }

    fn note_end(&mut self, position: u64, data: Data<'_>) {
        let end = position + data.bytes.len() as u64 + data.cut as u64;
        self.end = self.end.max(end);
        if data.fin {
            self.fin = Some(end);
        }
    }

    /// Keeps the bytes from a position on that are not known yet.
    fn insert(&mut self, position: u64, bytes: &[u8]) {
        let known = usize::try_from(self.at.saturating_sub(position)).unwrap_or(usize::MAX);
        let Some(fresh) = bytes.get(known..).filter(|fresh| !fresh.is_empty()) else { return };
        let position = position.max(self.at);
        if self.held + fresh.len() > MOST_EARLY {
            return;
        }
        let other = self.early.entry(position).or_default();
        if other.len() < fresh.len() {
            self.held += fresh.len() - other.len();
            *other = fresh.to_vec();
        }
    }

    fn take_ordered(&mut self) -> Vec<u8> {
        let mut ordered = Vec::new();
        while let Some(entry) = self.early.first_entry()
            && *entry.key() <= self.at
        {
            let (position, bytes) = entry.remove_entry();
            self.held -= bytes.len();
            let known = usize::try_from(self.at - position).unwrap_or(usize::MAX);
            let fresh = bytes.get(known..).unwrap_or_default();
            self.at += fresh.len() as u64;
            ordered.extend_from_slice(fresh);
        }
        let len = u32::try_from(ordered.len()).unwrap_or(u32::MAX);
        self.next = self.next.map(|next| next.wrapping_add(len));
        ordered
    }

    /// Returns the first gap of the capture: the position of its first byte, and its length in bytes.
    pub(super) fn missing(&self) -> Option<(u64, u64)> {
        // Nothing follows the end, which has a sequence number of its own (RFC 9293 section 3.4).
        let end = self.fin.map_or(self.end, |fin| self.end.min(fin));
        let until = self.early.keys().next().copied().unwrap_or(end);
        (until > self.at).then(|| (self.at, until - self.at))
    }

    /// Returns whether the peer has ended this direction, and all before it is known.
    pub(super) fn has_ended(&self) -> bool {
        self.fin == Some(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(seq: u32, bytes: &[u8]) -> Data<'_> {
        Data { seq, bytes, cut: 0, fin: false }
    }

    #[test]
    fn segments_come_in_any_order_and_again() {
        let mut stream = Stream::default();
        stream.synchronize(u32::MAX - 2);
        // The sequence numbers wrap around within the first segment.
        assert_eq!(stream.push(data(u32::MAX - 1, b"abcd")), b"abcd");
        assert_eq!(stream.push(data(4, b"gh")), b"");
        assert_eq!(stream.missing(), Some((4, 2)));
        assert_eq!(stream.push(data(u32::MAX - 1, b"abcd")), b"", "sent again");
        assert_eq!(stream.push(data(1, b"def")), b"efgh", "overlapping");
        assert_eq!(stream.push(data(3, b"fghi")), b"i");
        assert_eq!(stream.missing(), None);
        assert!(!stream.has_ended());
        assert_eq!(stream.push(Data { fin: true, ..data(7, b"j") }), b"j");
        assert!(stream.has_ended());
    }

    #[test]
    fn the_end_of_a_stream_is_no_byte() {
        let mut stream = Stream::default();
        assert_eq!(stream.push(Data { fin: true, ..data(10, b"ab") }), b"ab");
        // The peer has ended, too: an empty segment acknowledges that, after the sequence number of the end.
        assert_eq!(stream.push(data(13, b"")), b"");
        assert_eq!(stream.missing(), None);
        assert!(stream.has_ended());
        // Without the segment that has the end, something is missing.
        let mut stream = Stream::default();
        assert_eq!(stream.push(data(10, b"ab")), b"ab");
        assert_eq!(stream.push(data(13, b"")), b"");
        assert_eq!(stream.missing(), Some((2, 1)));
    }

    #[test]
    fn probes_before_the_stream_are_no_bytes() {
        let mut stream = Stream::default();
        stream.synchronize(99);
        assert_eq!(stream.push(data(99, b"x")), b"");
        assert_eq!(stream.push(data(98, b"xxab")), b"ab");
        assert_eq!(stream.push(data(101, b"bc")), b"c");
    }

    #[test]
    fn cut_segments_leave_a_hole() {
        let mut stream = Stream::default();
        assert_eq!(stream.push(Data { cut: 3, ..data(10, b"ab") }), b"ab");
        assert_eq!(stream.missing(), Some((2, 3)));
        assert_eq!(stream.push(data(15, b"f")), b"");
        assert_eq!(stream.push(data(12, b"cde")), b"cdef", "it was sent again, in smaller pieces");
        assert_eq!(stream.missing(), None);
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut stream = Stream::default();
        stream.synchronize(0);
        let piece = vec![0; 1 << 20];
        for n in 0..40 {
            assert_eq!(stream.push(data(2 + n * (1 << 20), &piece)), b"");
        }
        assert_eq!(stream.held, MOST_EARLY);
        assert_eq!(stream.missing(), Some((0, 1)));
    }
}
