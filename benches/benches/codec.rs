//! Decoding and encoding in memory: the engine's speed on this machine. For comparisons, use
//! `./check bench-codec`.
//!
//! ```text
//! cargo bench -p benches --bench codec
//! ```

use benches::engine::{SEGMENT, decode, encode_client, encode_server};
use benches::workload::{Kind, Workload};
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};

const SIZES: [usize; 5] = [16, 125, 1 << 10, 16 << 10, 64 << 10];

fn main() {
    divan::main();
}

#[divan::bench(args = SIZES)]
fn decode_binary(bencher: Bencher<'_, '_>, size: usize) {
    bench_decode(bencher, Kind::Binary, size);
}

#[divan::bench(args = SIZES)]
fn decode_mixed_text(bencher: Bencher<'_, '_>, size: usize) {
    bench_decode(bencher, Kind::Mixed, size);
}

#[divan::bench(args = SIZES)]
fn encode_as_server(bencher: Bencher<'_, '_>, size: usize) {
    bench_encode(bencher, size, encode_server);
}

#[divan::bench(args = SIZES)]
fn encode_as_client(bencher: Bencher<'_, '_>, size: usize) {
    bench_encode(bencher, size, encode_client);
}

fn bench_decode(bencher: Bencher<'_, '_>, kind: Kind, size: usize) {
    let workload = Workload::new(kind, size);
    let mut scratch = vec![0; SEGMENT];
    count(bencher, &workload, || {
        divan::black_box(decode(&workload, &mut scratch));
    });
}

fn bench_encode(bencher: Bencher<'_, '_>, size: usize, encode: fn(&Workload, &mut Vec<u8>)) {
    let workload = Workload::new(Kind::Binary, size);
    let mut out = Vec::new();
    count(bencher, &workload, || {
        encode(&workload, &mut out);
        divan::black_box(&out);
    });
}

fn count(bencher: Bencher<'_, '_>, workload: &Workload, work: impl FnMut() + Send + Sync) {
    bencher
        .counter(ItemsCount::new(workload.messages))
        .counter(BytesCount::new(workload.messages * workload.payload.len()))
        .bench_local(work);
}
