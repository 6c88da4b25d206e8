//! Ways of cutting bytes into parts.

use proptest::prelude::*;

/// A way of cutting bytes: the lengths of the parts, repeated. No part is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cuts {
    lengths: Vec<usize>,
    turn: usize,
}

impl Cuts {
    /// Cuts parts of these lengths in bytes, repeatedly; 0 counts as 1, and an empty list means no
    /// cut.
    #[must_use]
    pub fn new(lengths: impl Into<Vec<usize>>) -> Self {
        Self { lengths: lengths.into(), turn: 0 }
    }

    /// Cuts parts of `len` bytes.
    #[must_use]
    pub fn every(len: usize) -> Self {
        Self::new([len])
    }

    /// Cuts parts of eight lengths from 1 to 1460 bytes, in an order that the seed selects.
    #[must_use]
    pub fn from_seed(seed: u8) -> Self {
        let lengths = [1, 2, 3, 5, 7, 14, 125, 1460];
        let (start, stride) = (usize::from(seed & 7), usize::from(seed >> 4) | 1);
        let order = (0..lengths.len()).map(|turn| lengths[(start + turn * stride) % lengths.len()]);
        Self::new(order.collect::<Vec<_>>())
    }

    /// Returns the length of the next part, in bytes.
    pub(crate) fn next_len(&mut self) -> usize {
        let len = self.lengths.get(self.turn).copied().unwrap_or(usize::MAX);
        self.turn = (self.turn + 1) % self.lengths.len().max(1);
        len.max(1)
    }

    /// Cuts all of `bytes`.
    pub fn cut<'a>(&self, bytes: &'a [u8]) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let (mut rest, mut cuts) = (bytes, self.clone());
        core::iter::from_fn(move || {
            let (part, after) = rest.split_at(cuts.next_len().min(rest.len()));
            rest = after;
            (!part.is_empty()).then_some(part)
        })
    }
}

/// Generates a way of cutting; byte by byte in half of the cases.
pub fn cuts() -> impl Strategy<Value = Cuts> {
    prop_oneof![Just(vec![1]), proptest::collection::vec(1..50_usize, 1..20)].prop_map(Cuts::new)
}
