//! A transport in memory that takes what one of many connections writes, and brings nothing.

use std::io::{self, IoSlice, Write};

use super::SharedRing;
use crate::transport::{Source, transport};

#[derive(Clone, Debug)]
pub(super) struct Pipe(pub(super) SharedRing);

impl Source for Pipe {
    fn next(&mut self, _: usize) -> Option<&[u8]> {
        None
    }
}

impl Write for Pipe {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().take(bytes);
        Ok(bytes.len())
    }

    #[inline]
    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut ring = self.0.borrow_mut();
        parts.iter().for_each(|part| ring.take(part));
        Ok(parts.iter().map(|part| part.len()).sum())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

transport!(Pipe);
