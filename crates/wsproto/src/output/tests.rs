use alloc::vec;

use super::*;

fn push(output: &mut Output, bytes: &[u8]) {
    output.append(|buffer| buffer.extend_from_slice(bytes));
}

/// Writes everything in up to `N` slices, of which `step` bytes are written.
fn drain<const N: usize>(output: &mut Output, step: usize) -> Vec<u8> {
    let mut all = Vec::new();
    while !output.is_empty() {
        let pending = output.pending::<N>().concat();
        assert!(!output.pending::<1>()[0].is_empty(), "there is something to write");
        let len = step.min(pending.len());
        all.extend(pending.iter().take(len));
        let before = output.len();
        assert_eq!(output.advance(len), len);
        assert_eq!(output.len(), before - len);
    }
    assert_eq!(output.pending(), [b""; N]);
    all
}

const KEY: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

#[test]
fn chunks_and_bytes_are_written_in_order_however_they_are_cut() {
    let payload: Vec<u8> = (0..251).cycle().take(300_000).collect();
    let prepared = PreparedMessage::binary(&payload);
    for step in [1000, 4096, MASK_AT_ONCE, 1 << 20] {
        for (slices, key) in [1, 2, 16].into_iter().flat_map(|n| [(n, None), (n, Some(KEY))]) {
            let mut output = Output::default();
            let mut expected = vec![1, 2, 3];
            push(&mut output, &[1, 2, 3]);
            output.push_owned(payload.clone(), key.map(Mask::new));
            let mut masked = payload.clone();
            if let Some(key) = key {
                Mask::new(key).apply(&mut masked);
            }
            expected.extend(&masked);
            push(&mut output, &[4, 5]);
            expected.extend([4, 5]);
            output.push_shared(&prepared);
            output.push_shared(&prepared);
            expected.extend(prepared.frame().repeat(2));
            output.push_owned(payload.clone(), None);
            expected.extend(&payload);
            push(&mut output, &[6]);
            expected.push(6);
            assert_eq!(output.len(), expected.len());
            let drained = match slices {
                1 => drain::<1>(&mut output, step),
                2 => drain::<2>(&mut output, step),
                _ => drain::<16>(&mut output, step),
            };
            assert!(drained == expected, "{step} {key:?} {slices}");
        }
    }
}

#[test]
fn a_header_leaves_with_its_payload() {
    for mask in [None, Some(Mask::new([1, 2, 3, 4]))] {
        let mut output = Output::default();
        push(&mut output, &[1, 2]);
        output.push_owned(vec![0; LARGE], mask);
        assert_eq!(output.pending().map(<[u8]>::len), [2, LARGE, 0]);
        assert_eq!(output.advance(2 + LARGE), 2 + LARGE);
        // The memory of the header serves the next one.
        assert!(output.is_empty() && output.bytes.capacity() < LARGE);
        let before = output.bytes.as_ptr();
        push(&mut output, &[1, 2]);
        assert_eq!(output.bytes.as_ptr(), before);
    }
}

#[test]
fn the_memory_of_a_payload_is_not_kept() {
    let mut output = Output::default();
    for len in [1 << 20, LARGE, 1 << 20] {
        push(&mut output, &[1, 2]);
        output.push_owned(vec![0; len], None);
        output.advance(1000);
        assert!(output.bytes.capacity() < LARGE);
    }
    drain::<2>(&mut output, 1000);
    assert!(output.bytes.capacity() < LARGE);
}

#[test]
fn the_memory_of_a_long_list_is_not_kept() {
    let message = PreparedMessage::binary(&[7; LARGE_PREPARED]);
    for clears in [false, true] {
        let mut output = Output::default();
        for _ in 0..10 * MAX_EMPTY_CHUNKS {
            output.push_shared(&message);
        }
        assert!(output.chunks.capacity() > MAX_EMPTY_CHUNKS);
        match clears {
            true => output.clear(),
            false => while output.advance(usize::MAX) > 0 {},
        }
        assert!(output.is_empty() && output.capacity() == 0);
    }
    // A short one is.
    let mut output = Output::default();
    output.push_shared(&message);
    assert_eq!(output.advance(usize::MAX), message.frame().len());
    assert!(output.chunks.capacity() > 0);
}

#[test]
fn bytes_written_before_a_chunk_are_not_written_again() {
    let mut output = Output::default();
    push(&mut output, &[1, 2, 3, 4]);
    output.advance(2);
    output.push_owned(vec![7; LARGE], None);
    assert_eq!(output.len(), 2 + LARGE);
    let all = drain::<2>(&mut output, 100);
    assert_eq!(all.len(), 2 + LARGE);
    assert!(all.starts_with(&[3, 4, 7]));
}

#[test]
fn prepared_messages_leave_together_and_where_they_lie() {
    let messages: Vec<_> =
        (0..5).map(|byte| PreparedMessage::binary(&[byte; LARGE_PREPARED])).collect();
    let mut output = Output::default();
    push(&mut output, &[1]);
    messages.iter().for_each(|message| output.push_shared(message));
    push(&mut output, &[2]);
    assert_eq!(output.bytes.len(), 1, "none is copied");
    let [first, frames @ .., last, empty] = output.pending::<8>();
    assert_eq!((first, last, empty), (&[1][..], &[2][..], &[][..]));
    for (message, frame) in messages.iter().zip(frames) {
        assert_eq!(message.frame().as_ptr_range(), frame.as_ptr_range());
    }
    // A write that ends within a frame goes on there.
    let frame = messages.first().map_or(0, |message| message.frame().len());
    assert_eq!(output.advance(1 + frame + 10), 1 + frame + 10);
    assert_eq!(output.pending::<8>().concat().len(), 4 * frame - 10 + 1);
    assert_eq!(drain::<3>(&mut output, usize::MAX).len(), 4 * frame - 10 + 1);
}

/// I7: a count beyond the pending bytes is clamped.
#[test]
fn advance_is_limited_to_the_pending_bytes() {
    let mut output = Output::default();
    push(&mut output, &[1, 2]);
    output.push_owned(vec![7; 5 * LARGE], Some(Mask::new([1, 2, 3, 4])));
    push(&mut output, &[3]);
    let mut left = 2 + 5 * LARGE + 1;
    while left > 0 {
        let pending = output.pending::<3>().concat().len();
        assert_eq!(output.advance(usize::MAX), pending);
        left -= pending;
        assert_eq!(output.len(), left);
    }
    assert_eq!(output.advance(usize::MAX), 0);
}

/// fault-E9: no more bytes are moved than are written, and a buffer that is never empty stays small.
#[test]
fn a_buffer_that_is_never_empty_does_not_grow() {
    let mut output = Output::default();
    push(&mut output, &[0; 1000]);
    for _ in 0..10_000 {
        push(&mut output, &[0; 1000]);
        output.advance(1000);
        assert!(output.bytes.len() <= 2 * COMPACT_FROM);
    }
    assert_eq!(output.len(), 1000);

    let (size, step) = (16 << 20, 1460);
    push(&mut output, &vec![0; size]);
    let (mut moved, mut left) = (0, output.len());
    while left > 0 {
        left -= output.advance(step);
        if output.written == 0 {
            moved += output.bytes.len();
        }
    }
    assert!(moved <= size, "{moved} bytes were moved");
}

/// An application that removes bytes it did not append harms only itself.
#[test]
fn a_buffer_that_shrinks_is_counted() {
    let mut output = Output::default();
    push(&mut output, &[1, 2, 3, 4]);
    output.advance(2);
    assert_eq!(output.append(Vec::clear).1, Some(0));
    assert_eq!((output.len(), output.pending()), (0, [&[][..]; 2]));
    push(&mut output, &[5]);
    assert_eq!(output.pending(), [&[5][..], &[]]);
}
