use alloc::vec;

use super::*;

fn push(output: &mut Output, bytes: &[u8]) {
    output.append(|buffer| buffer.extend_from_slice(bytes));
}

/// Writes everything in steps of `step` bytes.
fn drain(output: &mut Output, step: usize) -> Vec<u8> {
    let mut all = Vec::new();
    while !output.is_empty() {
        let pending = output.pending().concat();
        assert!(!output.pending()[0].is_empty(), "there is something to write");
        let len = step.min(pending.len());
        all.extend(pending.iter().take(len));
        let before = output.len();
        assert_eq!(output.advance(len), len);
        assert_eq!(output.len(), before - len);
    }
    assert_eq!(output.pending(), [b""; 2]);
    all
}

#[test]
fn chunks_and_bytes_are_written_in_order_however_they_are_cut() {
    let payload: Vec<u8> = (0..251).cycle().take(300_000).collect();
    let prepared = PreparedMessage::binary(&payload);
    for step in [1000, 4096, MASK_AT_ONCE, 1 << 20] {
        for key in [None, Some([0x37, 0xFA, 0x21, 0x3D])] {
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
            expected.extend(&payload);
            output.push_owned(payload.clone(), None);
            expected.extend(&payload);
            push(&mut output, &[6]);
            expected.push(6);
            assert_eq!(output.len(), expected.len());
            assert!(drain(&mut output, step) == expected, "{step} {key:?}");
        }
    }
}

#[test]
fn a_header_leaves_with_its_payload() {
    for mask in [None, Some(Mask::new([1, 2, 3, 4]))] {
        let mut output = Output::default();
        push(&mut output, &[1, 2]);
        output.push_owned(vec![0; LARGE], mask);
        assert_eq!(output.pending().map(<[u8]>::len), [2, LARGE]);
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
    drain(&mut output, 1000);
    assert!(output.bytes.capacity() < LARGE);
}

#[test]
fn bytes_written_before_a_chunk_are_not_written_again() {
    let mut output = Output::default();
    push(&mut output, &[1, 2, 3, 4]);
    output.advance(2);
    output.push_owned(vec![7; LARGE], None);
    assert_eq!(output.len(), 2 + LARGE);
    let all = drain(&mut output, 100);
    assert_eq!(all.len(), 2 + LARGE);
    assert!(all.starts_with(&[3, 4, 7]));
}

/// I7: a count beyond the pending bytes is clamped.
#[test]
fn advance_is_limited_to_the_pending_bytes() {
    let mut output = Output::default();
    push(&mut output, &[1, 2]);
    output.push_owned(vec![7; LARGE], Some(Mask::new([1, 2, 3, 4])));
    push(&mut output, &[3]);
    let mut left = 2 + LARGE + 1;
    while left > 0 {
        let pending = output.pending().concat().len();
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
