//! Compressed messages of the toy: it inflates, and answers with plain ones.

use flate2::{Decompress, FlushDecompress, Status};

use super::Fault;

/// The window of a client.
pub(super) struct Inflating(Decompress);

impl Inflating {
    pub(super) fn new() -> Self {
        Self(Decompress::new(false))
    }

    /// Returns a message as it was before it was compressed, or the close code of a fault.
    pub(super) fn inflate(&mut self, message: &[u8], fault: Fault) -> Result<Vec<u8>, u16> {
        let mut rest = [message, b"\0\0\xFF\xFF"].concat();
        let mut inflated = Vec::with_capacity(1 << 16);
        while !rest.is_empty() {
            let before = self.0.total_in();
            let status = self.0.decompress_vec(&rest, &mut inflated, FlushDecompress::Sync);
            let taken = usize::try_from(self.0.total_in() - before).expect("it is in memory");
            rest.drain(..taken);
            match status {
                Err(_) => return Err(1007),
                Ok(Status::StreamEnd) if fault == Fault::OneBlock => return Err(1007),
                Ok(Status::StreamEnd) => self.0.reset(false),
                Ok(_) if taken == 0 => break,
                Ok(_) => {}
            }
        }
        if fault == Fault::ForgetsWindow {
            self.0.reset(false);
        }
        Ok(inflated)
    }
}
