//! Messages whose memory is shared with an endpoint (feature `bytes`).

use core::time::Duration;

use allocation_counter::measure;
use bytes::Bytes;
use wsproto::{Client, Config, Endpoint, Server};
use wsproto_testing::{Cuts, End, Node};

const NOW: Duration = Duration::ZERO;
const LARGE: usize = 16 << 10;

fn open<R: End>(config: Config) -> Endpoint<R> {
    Node::<R>::open(config, Cuts::every(1 << 20)).endpoint
}

/// Writes everything, at most `most` bytes at a time.
fn drain<R: End>(ws: &mut Endpoint<R>, most: usize) -> Vec<u8> {
    let mut wire = Vec::new();
    while ws.unwritten() > 0 {
        let pending = ws.pending_slices::<3>().concat();
        let len = pending.len().min(most);
        wire.extend_from_slice(&pending[..len]);
        ws.wrote(len, NOW);
    }
    wire
}

#[test]
fn a_large_payload_of_a_server_leaves_where_it_lies() {
    for len in [LARGE, 1 << 20] {
        let payload = Bytes::from(vec![7; len]);
        let mut servers: Vec<_> = (0..3).map(|_| open::<Server>(Config::new())).collect();
        for ws in &mut servers {
            let info = measure(|| ws.send_bytes(&payload).expect("open"));
            assert!(info.bytes_total < 1000, "{} bytes", info.bytes_total);
            let [header, slice] = ws.pending_slices();
            assert!(header.len() <= 10);
            assert_eq!((slice.as_ptr(), slice.len()), (payload.as_ptr(), len));
            let written = header.len() + 5000;
            ws.wrote(written, NOW);
            assert_eq!(ws.pending().as_ptr(), payload[5000..].as_ptr(), "the rest of it");
            assert_eq!(ws.unwritten(), len - 5000);
        }
        assert!(!payload.is_unique());
        for ws in &mut servers {
            drain(ws, 1000);
        }
        assert!(payload.is_unique(), "it is shared no longer than necessary");
    }
}

#[test]
fn memory_is_given_back_when_the_output_is_lost() {
    let payload = Bytes::from(vec![7; LARGE]);
    let mut ws = open::<Server>(Config::new());
    ws.send_bytes(&payload).expect("open");
    ws.write_failed();
    assert!(payload.is_unique() && ws.lost() > LARGE);
    ws.send_bytes(&payload).expect("open");
    assert!(payload.is_unique(), "nothing more is written");
}

/// The same bytes leave as for a slice, of either end, in one frame or in fragments.
#[test]
fn the_frames_are_those_of_any_binary_message() {
    fn check<R: End>() {
        for fragment_size in [None, Some(4000)] {
            let config = || Config::new().fragment_size(fragment_size);
            let (mut ws, mut expected) = (open::<R>(config()), open::<R>(config()));
            for len in [0, 125, 4000, LARGE - 1, LARGE, 70_000] {
                let payload: Vec<u8> = (0..251).cycle().take(len).collect();
                expected.send_binary(&payload[..]).expect("open");
                ws.send_bytes(&Bytes::from(payload)).expect("open");
                assert_eq!(ws.unwritten(), expected.unwritten());
            }
            assert_eq!(ws.take_output_counts().messages, 6);
            assert!(drain(&mut ws, 777) == drain(&mut expected, 1 << 20), "{fragment_size:?}");
        }
    }
    check::<Server>();
    check::<Client>();
}

#[test]
fn a_closing_endpoint_shares_nothing() {
    let payload = Bytes::from(vec![7; LARGE]);
    for fragment_size in [None, Some(4000)] {
        let mut ws = open::<Server>(Config::new().fragment_size(fragment_size));
        ws.close(None, NOW).expect("no code");
        assert!(ws.send_bytes(&payload).is_err() && payload.is_unique());
    }
}
