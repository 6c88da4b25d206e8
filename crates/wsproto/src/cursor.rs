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

/// Calls `next`, a function that is not inlined, with a cursor and a result of its own. A caller
/// into which this is inlined can then keep both of its own in registers.
#[inline(always)]
pub(crate) fn aside<'b, T>(
    input: &mut &'b mut [u8],
    next: impl FnOnce(&mut &'b mut [u8]) -> T,
) -> T {
    let mut rest = mem::take(input);
    let result = next(&mut rest);
    *input = rest;
    result
}
