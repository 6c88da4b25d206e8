//! The cursor through which input is consumed.

use core::mem;

/// Takes `len` bytes off the front of `input`, or all of it if it is shorter.
#[inline]
pub(crate) fn take<'b>(input: &mut &'b mut [u8], len: usize) -> &'b mut [u8] {
    let len = len.min(input.len());
    let (front, back) = mem::take(input).split_at_mut(len);
    *input = back;
    front
}
