//! An inflater, and the buffer it writes to.

use alloc::boxed::Box;
use alloc::vec;
use core::fmt;

use zlib_rs::{InflateFlush, Status};

use super::TAIL;
use crate::Error;

/// How many bytes are inflated at a time.
pub(super) const CHUNK: usize = 64 << 10;

/// How many final blocks a message may have, apart from one for each [`BYTES_PER_FINAL_BLOCK`].
/// After each, the window is loaded anew, up to 32 KiB: this bounds that work (promise I9).
const FINAL_BLOCKS: u32 = 64;

/// See [`FINAL_BLOCKS`].
const BYTES_PER_FINAL_BLOCK: u64 = 256;

/// An inflater.
pub(super) struct Inflater {
    state: zlib_rs::Inflate,
    out: Box<[u8]>,
}

/// The progress in inflating a message.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// The last block was marked as final: a new stream with the same window begins at the next byte.
    finished: bool,
    final_blocks: u32,
    read: u64,
}

/// The reason why an inflater stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The chunk is full; there may be more.
    Full,
    /// All compressed bytes so far were inflated.
    NeedMore,
    /// The message is complete.
    End,
}

impl Inflater {
    pub(super) fn new() -> Self {
        Self { state: zlib_rs::Inflate::new(false, 15), out: vec![0; CHUNK].into() }
    }

    /// Begins a stream that follows the bytes of `history`.
    pub(super) fn load(&mut self, history: &[&[u8]]) {
        self.state.reset(false);
        for part in history.iter().filter(|part| !part.is_empty()) {
            // A raw stream accepts any dictionary between two blocks.
            let _ = self.state.set_dictionary(part);
        }
    }

    /// Returns the first `len` bytes inflated last.
    pub(super) fn chunk(&self, len: usize) -> &[u8] {
        self.out.get(..len).unwrap_or_default()
    }

    /// Inflates the next bytes of a message, at most `most` and at most [`CHUNK`], off the front of
    /// `input`; `fin` if no more input follows. `history` holds the bytes before this chunk, the
    /// newest last. Returns how many bytes the [`chunk`](Self::chunk) has, even on an error.
    pub(super) fn inflate(
        &mut self,
        input: &mut &[u8],
        fin: bool,
        most: usize,
        progress: &mut Progress,
        history: &[&[u8]],
    ) -> (usize, Result<Stop, Error>) {
        let most = most.min(self.out.len());
        let mut len = 0;
        loop {
            if progress.finished && !input.is_empty() {
                if !progress.may_restart() {
                    return (len, Err(Error::InvalidDeflate));
                }
                self.restart(history, len);
            }
            let before = (self.state.total_in(), self.state.total_out());
            if !progress.finished {
                let room = self.out.get_mut(len..most).unwrap_or_default();
                let status = self.state.decompress(input, room, InflateFlush::NoFlush);
                let (read, made) = self.moved(before);
                *input = input.get(read..).unwrap_or_default();
                progress.read += read as u64;
                len += made;
                match status {
                    Ok(Status::Ok | Status::BufError) => {}
                    Ok(Status::StreamEnd) => progress.finished = true,
                    Err(_) => return (len, Err(Error::InvalidDeflate)),
                }
            }
            if !progress.finished && len >= most {
                return (len, Ok(Stop::Full));
            }
            if input.is_empty() {
                let stop = if fin { self.end(progress, len) } else { Ok(Stop::NeedMore) };
                return (len, stop);
            }
        }
    }

    /// Ends a message: appends [`TAIL`], which its sender left out, and which must complete an empty
    /// block. A message that ends with a final block is complete without it. The first `len` bytes
    /// of the chunk stay as they are.
    fn end(&mut self, progress: &mut Progress, len: usize) -> Result<Stop, Error> {
        /// One byte more, which is left if a block ends before it.
        const TAIL_AND_MORE: [u8; 5] = [TAIL[0], TAIL[1], TAIL[2], TAIL[3], 0];
        if progress.finished {
            return Ok(Stop::End);
        }
        let before = (self.state.total_in(), self.state.total_out());
        let room = self.out.get_mut(len..).unwrap_or_default();
        let status = self.state.decompress(&TAIL_AND_MORE, room, InflateFlush::Block);
        match status {
            Ok(status) if self.moved(before) == (TAIL.len(), 0) => {
                progress.finished = status == Status::StreamEnd;
                Ok(Stop::End)
            }
            _ => Err(Error::InvalidDeflate),
        }
    }

    /// Continues after a final block: the backend forgets its window, to which the peer still refers.
    fn restart(&mut self, history: &[&[u8]], len: usize) {
        self.load(history);
        if len > 0 {
            let _ = self.state.set_dictionary(self.out.get(..len).unwrap_or_default());
        }
    }

    /// Returns how many bytes were read and written since `before`.
    fn moved(&self, before: (u64, u64)) -> (usize, usize) {
        let count = |now: u64, before: u64| usize::try_from(now - before).unwrap_or(usize::MAX);
        (count(self.state.total_in(), before.0), count(self.state.total_out(), before.1))
    }
}

impl Progress {
    /// Returns whether the last block was marked as final, so that the state has to be loaded anew.
    pub(super) const fn is_finished(&self) -> bool {
        self.finished
    }

    /// Begins a new stream after a final block, unless there are too many of them.
    const fn may_restart(&mut self) -> bool {
        let most = FINAL_BLOCKS as u64 + self.read / BYTES_PER_FINAL_BLOCK;
        self.final_blocks += 1;
        self.finished = false;
        self.final_blocks as u64 <= most
    }
}

impl fmt::Debug for Inflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inflater").finish_non_exhaustive()
    }
}
