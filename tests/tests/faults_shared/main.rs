//! Faults that were found in use, tested on each pair of server and client adapters. The numbers are those
//! of `faults.txt`.

mod alive;
mod backlog;
mod borrowed;
mod bounds;
mod certificates;
mod fragments;
mod handlers;
mod http;
#[path = "../../../crates/ws-std/tests/support/identity.rs"]
mod identity;
mod later;
mod leaving;
mod listeners;
mod liveness;
mod loops;
mod panics;
mod proxies;
mod refusals;
mod servers;
mod support;
mod truth;
mod waiting;

use conformance::adapters::{Mio, Std, Tokio};

/// Generates a test of each fault for each pair of server and client adapters.
macro_rules! of_pairs {
    ($($name:ident: $server:ty, $client:ty;)*) => {$(
        mod $name {
            use super::*;

            of_pairs! { @each $server, $client;
                liveness: both_send_20_mb_from_a_thread, both_send_20_mb_from_the_handler,
                    both_stream_from_threads;
                waiting: a_stuck_subscriber_holds_up_nobody,
                    a_broadcast_in_deciding_keeps_nobody_out, a_dead_peer_is_waited_for_no_longer;
                alive: zeros_of_the_keep_alive_turn_it_off;
                borrowed: a_client_borrows;
                later: decisions_that_take_time_hold_up_nobody, decisions_may_be_anything,
                    decisions_have_a_deadline;
                bounds: the_longest_times_are_as_good_as_none, no_time_at_all_ends_nothing_else;
                panics: no_panic_of_a_server_ends_anything_else,
                    no_panic_of_a_connection_ends_anything_else,
                    no_panic_in_a_drop_ends_anything_else;
                truth: a_close_that_never_left_is_not_clean, the_address_of_the_peer_stays_known,
                    a_close_that_breaks_a_rule_is_told, errors_name_the_values;
                http: values_of_fields_are_opaque, cookies_are_one_field;
                handlers: a_handler_hears_of_pongs, timers_of_a_connection,
                    a_server_ends_with_a_code, a_message_goes_to_all_others;
                refusals: a_redirect_is_followed_at_its_head,
                    a_location_is_written_as_browsers_write_it;
            }
        }
    )*};
    (@each $server:ty, $client:ty; $($file:ident: $($fault:ident),*;)*) => {$($(
        #[test]
        fn $fault() {
            $file::$fault::<$server, $client>();
        }
    )*)*};
}

/// Generates a test of each fault that involves only one adapter.
macro_rules! of_one {
    ($name:ident: $adapter:ty; $($file:ident: $($fault:ident),*;)*) => {
        mod $name {
            use super::*;

            $($(
                #[test]
                fn $fault() {
                    $file::$fault::<$adapter>();
                }
            )*)*
        }
    };
}

/// Generates a test of each fault of a server, with hand-written peers.
macro_rules! of_servers {
    ($($name:ident: $server:ty;)*) => {$(
        of_one! { $name: $server;
            liveness: a_client_writes_10_mb_before_it_reads;
            waiting: a_wait_ends_with_the_keep_alive, a_wait_ends_with_the_close_timeout,
                a_wait_ends_with_what_it_waits_for, closed_means_closed_for_a_server,
                a_close_and_an_end_behind_unread_output, a_sender_learns_of_a_silent_peer;
            alive: a_slow_upload_is_a_sign_of_life, a_long_download_is_a_sign_of_life,
                a_slow_download_is_a_sign_of_life, a_trickle_is_no_sign_of_life, a_reading_peer_is_not_given_up;
            borrowed: small_messages_are_borrowed, a_closure_borrows;
            fragments: a_pong_of_a_server_does_not_wait_for_a_message;
            later: decisions_end_with_the_server, handshakes_end_with_the_server;
            leaving: a_client_that_leaves_is_noticed, a_client_with_tls_that_leaves_is_noticed,
                a_client_that_leaves_with_its_request_is_noticed,
                a_client_with_tls_that_leaves_with_its_request_is_noticed,
                a_client_that_still_waits_gets_its_answer;
            bounds: more_than_allowed_get_503, a_refusal_ends_as_others_do;
            truth: nothing_was_asked_and_nothing_is_reported;
            certificates: a_decision_knows_the_name_and_the_certificates;
            servers: a_decision_knows_the_addresses, an_address_has_a_limit_of_connections,
                an_address_has_a_limit_of_attempts,
                refusals_have_the_fields_of_the_application, a_server_counts,
                the_bytes_of_a_refused_client_do_not_count;
            handlers: a_handler_hears_of_pings, a_ping_has_a_patience, a_keep_alive_can_change, a_handler_can_pause,
                others_that_do_not_read_are_counted,
                who_does_not_log_in_is_closed, timers_of_a_server;
            listeners: a_certificate_is_replaced, a_proxy_header_precedes_tls, localhost_has_both_families,
                a_mapped_address_is_shown_as_ipv4;
            proxies: a_field_is_believed_from_trusted_proxies_only, the_clients_of_a_proxy_are_counted,
                a_proxy_header_names_the_client, a_proxy_must_begin_with_a_header,
                a_header_of_anybody_else_ends_the_connection, a_proxy_header_has_a_deadline,
                the_clients_of_proxy_headers_are_counted;
            http: ordinary_requests_are_the_applications, empty_list_elements_are_ignored,
                responses_have_a_date, an_empty_line_before_the_request_is_ignored;
        }
    )*};
}

/// Generates a test of each fault of a server on a Unix domain socket.
#[cfg(target_os = "linux")]
macro_rules! of_unix_servers {
    ($($name:ident: $server:ty;)*) => {$(
        of_one! { $name: $server;
            listeners: a_unix_socket_is_a_listener, a_unix_socket_without_its_file_ends;
        }
    )*};
}

/// Generates a test of each fault of a client, with hand-written peers.
macro_rules! of_clients {
    ($($name:ident: $client:ty;)*) => {$(
        of_one! { $name: $client;
            liveness: a_server_writes_10_mb_before_it_reads;
            fragments: a_pong_of_a_client_does_not_wait_for_a_message;
            waiting: a_clients_wait_ends_with_the_close_timeout,
                closed_means_closed_for_a_client;
            refusals: a_server_of_another_kind_is_told_at_once, a_refusal_ends_where_http_says;
        }
    )*};
}

of_pairs! {
    std_with_std: Std, Std;
    std_with_mio: Std, Mio;
    mio_with_std: Mio, Std;
    mio_with_mio: Mio, Mio;
    std_with_tokio: Std, Tokio;
    tokio_with_std: Tokio, Std;
    mio_with_tokio: Mio, Tokio;
    tokio_with_mio: Tokio, Mio;
    tokio_with_tokio: Tokio, Tokio;
}

of_servers! {
    std_alone: Std;
    mio_alone: Mio;
    tokio_alone: Tokio;
}

#[cfg(target_os = "linux")]
of_unix_servers! {
    std_unix: Std;
    mio_unix: Mio;
    tokio_unix: Tokio;
}

of_clients! {
    std_client: Std;
    mio_client: Mio;
    tokio_client: Tokio;
}
