//! Decoding and encoding in memory, `wsproto` and tungstenite in the same run.
//!
//! ```text
//! cargo bench -p benches --bench codec
//! ```

use benches::{
    SEGMENT, Workload, decode_tungstenite, decode_wsproto, encode_tungstenite, encode_wsproto,
};
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};

const SIZES: [usize; 5] = [16, 125, 1 << 10, 16 << 10, 64 << 10];

fn main() {
    divan::main();
}

fn count(bencher: Bencher<'_, '_>, workload: &Workload, work: impl FnMut() + Send + Sync) {
    bencher
        .counter(ItemsCount::new(workload.count))
        .counter(BytesCount::new(workload.count * workload.payload.len()))
        .bench_local(work);
}

#[divan::bench_group]
mod decode_masked_binary {
    use super::*;

    #[divan::bench(args = SIZES)]
    fn wsproto(bencher: Bencher<'_, '_>, size: usize) {
        let workload = Workload::new(size);
        let mut scratch = vec![0; SEGMENT];
        count(bencher, &workload, || {
            divan::black_box(decode_wsproto(&workload, &mut scratch));
        });
    }

    #[divan::bench(args = SIZES)]
    fn tungstenite(bencher: Bencher<'_, '_>, size: usize) {
        let workload = Workload::new(size);
        count(bencher, &workload, || {
            divan::black_box(decode_tungstenite(&workload));
        });
    }
}

#[divan::bench_group]
mod encode_server {
    use super::*;

    #[divan::bench(args = SIZES)]
    fn wsproto(bencher: Bencher<'_, '_>, size: usize) {
        bench_wsproto(bencher, size, true);
    }

    #[divan::bench(args = SIZES)]
    fn tungstenite(bencher: Bencher<'_, '_>, size: usize) {
        bench_tungstenite(bencher, size, true);
    }
}

#[divan::bench_group]
mod encode_client {
    use super::*;

    #[divan::bench(args = SIZES)]
    fn wsproto(bencher: Bencher<'_, '_>, size: usize) {
        bench_wsproto(bencher, size, false);
    }

    #[divan::bench(args = SIZES)]
    fn tungstenite(bencher: Bencher<'_, '_>, size: usize) {
        bench_tungstenite(bencher, size, false);
    }
}

fn bench_wsproto(bencher: Bencher<'_, '_>, size: usize, server: bool) {
    let workload = Workload::new(size);
    let mut out = Vec::new();
    count(bencher, &workload, || {
        encode_wsproto(&workload, server, &mut out);
        divan::black_box(&out);
    });
}

fn bench_tungstenite(bencher: Bencher<'_, '_>, size: usize, server: bool) {
    let workload = Workload::new(size);
    count(bencher, &workload, || {
        divan::black_box(encode_tungstenite(&workload, server));
    });
}
