//! Masking and validation alone, compared with a plain copy of the same size.
//!
//! ```text
//! cargo bench -p benches --bench parts
//! ```

use benches::workload::Kind;
use divan::Bencher;
use divan::counter::BytesCount;
use wsproto::mask::Mask;
use wsproto::utf8::Utf8;

const SIZES: [usize; 4] = [125, 1 << 10, 16 << 10, 1 << 20];

fn main() {
    divan::main();
}

/// The lower bound.
#[divan::bench(args = SIZES)]
fn copy(bencher: Bencher<'_, '_>, size: usize) {
    let payload = Kind::Binary.payload(size);
    let mut out = Vec::with_capacity(size);
    bencher.counter(BytesCount::new(size)).bench_local(|| {
        out.clear();
        out.extend_from_slice(divan::black_box(&payload));
        divan::black_box(&out);
    });
}

/// As a server unmasks a frame that arrived whole.
#[divan::bench(args = SIZES)]
fn mask_in_place(bencher: Bencher<'_, '_>, size: usize) {
    let mut payload = Kind::Binary.payload(size);
    bencher.counter(BytesCount::new(size)).bench_local(|| {
        Mask::new([1, 2, 3, 4]).apply(divan::black_box(&mut payload));
    });
}

/// As a client sends, and as a receiver assembles a message.
#[divan::bench(args = SIZES)]
fn mask_and_append(bencher: Bencher<'_, '_>, size: usize) {
    let payload = Kind::Binary.payload(size);
    let mut out = Vec::with_capacity(size);
    bencher.counter(BytesCount::new(size)).bench_local(|| {
        out.clear();
        Mask::new([1, 2, 3, 4]).append(divan::black_box(&payload), &mut out);
        divan::black_box(&out);
    });
}

#[divan::bench(args = SIZES)]
fn validate_ascii(bencher: Bencher<'_, '_>, size: usize) {
    validate(bencher, Kind::Ascii, size);
}

#[divan::bench(args = SIZES)]
fn validate_mixed(bencher: Bencher<'_, '_>, size: usize) {
    validate(bencher, Kind::Mixed, size);
}

fn validate(bencher: Bencher<'_, '_>, kind: Kind, size: usize) {
    let payload = kind.payload(size);
    bencher
        .counter(BytesCount::new(size))
        .bench_local(|| Utf8::new().push(divan::black_box(&payload)).is_ok());
}
