//! A transport in memory: reads take the bytes on the wire, writes go into a ring.

use std::io::{self, IoSlice, Write};

use crate::transport::{Source, transport};

const RING: usize = 256 << 10;

/// Takes the written bytes, with one copy, as the kernel would.
#[derive(Debug)]
pub struct Ring {
    bytes: Vec<u8>,
    at: usize,
    kept: Option<Vec<u8>>,
}

impl Default for Ring {
    fn default() -> Self {
        Self { bytes: vec![0; RING], at: 0, kept: None }
    }
}

impl Ring {
    /// Makes a ring that also keeps everything.
    #[must_use]
    pub fn keeping() -> Self {
        Self { kept: Some(Vec::new()), ..Self::default() }
    }

    /// Everything that was written, if it was kept.
    #[must_use]
    pub fn kept(&self) -> &[u8] {
        self.kept.as_deref().unwrap_or_default()
    }

    /// Takes the written bytes.
    #[inline]
    pub fn take(&mut self, mut bytes: &[u8]) {
        if let Some(kept) = &mut self.kept {
            kept.extend_from_slice(bytes);
        }
        while !bytes.is_empty() {
            let free = &mut self.bytes[self.at..];
            let len = bytes.len().min(free.len());
            free[..len].copy_from_slice(&bytes[..len]);
            bytes = &bytes[len..];
            self.at = (self.at + len) % RING;
        }
        std::hint::black_box(&mut self.bytes);
    }
}

/// A stream that gives at most a segment at a time.
#[derive(Debug)]
pub struct Memory<'a> {
    segment: &'a [u8],
    rest: std::slice::Chunks<'a, u8>,
    ring: &'a mut Ring,
}

impl<'a> Memory<'a> {
    /// Reads give `wire`, writes go into `ring`.
    pub fn new(wire: &'a [u8], segment: usize, ring: &'a mut Ring) -> Self {
        Self { segment: &[], rest: wire.chunks(segment), ring }
    }
}

impl Source for Memory<'_> {
    #[inline]
    fn next(&mut self, most: usize) -> Option<&[u8]> {
        if self.segment.is_empty() {
            self.segment = self.rest.next().unwrap_or_default();
        }
        let (now, later) = self.segment.split_at(most.min(self.segment.len()));
        self.segment = later;
        Some(now)
    }
}

impl Write for Memory<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.ring.take(bytes);
        Ok(bytes.len())
    }

    #[inline]
    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        parts.iter().for_each(|part| self.ring.take(part));
        Ok(parts.iter().map(|part| part.len()).sum())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

transport!(Memory<'_>);
