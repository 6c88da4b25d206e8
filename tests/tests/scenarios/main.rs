//! An application must see the same calls on every adapter: handlers that are written once run on each pair
//! of server and client adapters. `S1-..`, `S3-..` and `S4-..` are the
//! items of the object model, `X..` its decisions.

mod actors;
mod bus;
mod compressed;
mod ending;
mod life;
mod many;
mod panics;
mod patience;
mod raw;
mod site;

use conformance::adapters::{Mio, Std, Tokio, Toy};

/// Generates a test of each scenario for a pair of adapters.
macro_rules! scenarios {
    ($($name:ident: $server:ty, $client:ty;)*) => {$(
        mod $name {
            use super::*;

            scenarios! { @each $server, $client;
                life: calls_come_in_order, every_kind_of_message_comes_back,
                    a_code_and_a_reason_go_either_way, a_server_closes_with_any_code, what_was_sent_before_the_close_arrives,
                    an_error_comes_once_and_before_the_end, threads_send_whole_messages_in_their_order,
                    a_peer_that_vanishes_is_noticed, a_reset_is_noticed, what_is_sent_when_nothing_else_happens_leaves;
                panics: a_panic_costs_its_connection_only, a_panic_of_the_client_is_told,
                    a_panic_in_deciding_costs_that_request_only;
                site: refusals_have_their_status, pages_are_served, a_subprotocol_is_agreed_upon,
                    more_connections_than_allowed_are_refused;
                ending: a_server_says_goodbye, a_server_that_ends_at_once_sends_nothing,
                    a_silent_peer_is_cut_off, a_handshake_in_progress_is_cut_off,
                    a_callback_ends_the_server;
                many: connections_are_listed_and_found, a_broadcast_reaches_all,
                    topics_reach_those_who_subscribed;
                bus: servers_on_a_bus_reach_every_subscriber_once, a_bus_that_goes_and_comes_is_told,
                    topics_linger_on_the_bus, a_server_ends_while_messages_come,
                    a_subscriber_that_does_not_read_misses_alone, a_topic_has_a_limit_on_every_server,
                    messages_from_the_bus_are_compressed;
                compressed: compressed_messages_come_back, without_agreement_nothing_is_compressed,
                    a_broadcast_is_compressed_once_for_all, threads_send_compressed_messages,
                    fewer_bytes_are_sent, bad_compressed_data_ends_its_connection_only;
                patience: a_peer_that_answers_no_ping_is_given_up, a_close_is_not_waited_for_long,
                    a_slow_handshake_is_given_up;
            }
        }
    )*};
    (@each $server:ty, $client:ty; $($file:ident: $($scenario:ident),*;)*) => {$($(
        #[test]
        fn $scenario() {
            $file::$scenario::<$server, $client>();
        }
    )*)*};
}

scenarios! {
    std_with_std: Std, Std;
    std_with_mio: Std, Mio;
    mio_with_std: Mio, Std;
    mio_with_mio: Mio, Mio;
    std_with_tokio: Std, Tokio;
    tokio_with_std: Tokio, Std;
    mio_with_tokio: Mio, Tokio;
    tokio_with_mio: Tokio, Mio;
    tokio_with_tokio: Tokio, Tokio;
    toy_with_toy: Toy, Toy;
}
