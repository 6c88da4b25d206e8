//! The heap of the adapters under the attacks of `SECURITY.md`, over loopback: it depends on the limits,
//! never on the bytes sent. Every flood ends as specified, other clients are served afterwards, and all
//! memory is freed.
//!
//! `cargo test -p conformance --test floods -- --nocapture --test-threads 2 | grep '^|'` prints the bytes
//! sent, allocated at most, and allowed.

mod compressed;
mod control;
mod flood;
mod fragments;
mod heads;
mod heap;
mod idle;
mod lengths;
mod peer;
mod responses;
mod silent;

use conformance::adapters::{Mio, Std, Tokio};

/// Generates a test of each flood for an adapter.
macro_rules! floods {
    ($($name:ident: $adapter:ty;)*) => {$(
        mod $name {
            use super::*;

            floods! { @each $adapter;
                idle: an_echo_leaves_no_buffer, a_message_of_another_thread_leaves_no_buffer,
                    a_pause_leaves_no_buffer;
                lengths: a_length_beyond_the_limit_reserves_nothing,
                    a_length_at_the_limit_reserves_next_to_nothing;
                fragments: empty_fragments_hold_nothing_and_end,
                    fragments_of_a_byte_hold_their_bytes,
                    bytes_that_come_one_by_one_hold_themselves;
                control: unsolicited_pongs_hold_nothing;
                silent: pongs_for_a_peer_that_never_reads_are_bounded,
                    echoes_for_a_peer_that_never_reads_are_bounded,
                    what_is_published_for_a_peer_that_never_reads_is_bounded;
                heads: a_head_without_end_is_refused, a_body_without_end_is_refused,
                    heads_that_stop_hold_their_bytes;
                compressed: half_a_compressed_message_holds_its_bytes, a_bomb_holds_one_limit,
                    empty_blocks_without_end_are_refused;
                responses: a_response_head_without_end_is_an_error,
                    a_response_body_without_end_is_an_error;
            }
        }
    )*};
    (@each $adapter:ty; $($file:ident: $($flood:ident),*;)*) => {$($(
        #[test]
        fn $flood() {
            let _alone = heap::alone();
            $file::$flood::<$adapter>();
        }
    )*)*};
}

floods! {
    std: Std;
    mio: Mio;
    tokio: Tokio;
}
