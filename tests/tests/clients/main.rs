//! The surroundings of a client's connection, on each adapter: proxies, places to connect to, TLS.

mod again;
#[path = "../../../crates/ws-std/tests/support/identity.rs"]
mod identity;
mod places;
mod proxies;
mod support;
mod trust;

use conformance::adapters::{Mio, Std, Tokio};

/// Generates a test of each scenario for a client's adapter.
macro_rules! scenarios {
    ($($name:ident: $client:ty;)*) => {$(
        mod $name {
            use super::*;

            scenarios! { @each $client;
                proxies: a_socks_proxy_opens_a_tunnel, a_socks_proxy_that_refuses_is_told,
                    an_https_proxy_carries_messages, an_https_proxy_carries_tls,
                    an_https_proxy_must_be_trusted, each_url_has_its_proxy;
                places: another_address_serves_the_name, another_name_is_expected_in_tls,
                    a_client_connects_from_a_local_address, a_zone_names_an_interface,
                    http_urls_are_ws_urls;
                again: a_client_connects_again_until_it_closes, a_final_code_ends_it,
                    a_row_of_failures_is_given_up, a_cancelled_token_ends_a_wait,
                    a_cancelled_token_closes_a_connection_that_would_come_again,
                    connecting_can_be_given_up, a_token_ends_all_its_connections,
                    a_token_has_no_effect_on_an_open_connection;
                trust: a_pinned_certificate_is_trusted, a_client_shows_its_certificate;
            }
            #[cfg(unix)]
            scenarios! { @each $client;
                places: a_unix_socket_carries_messages, a_unix_socket_that_is_missing_is_named;
            }
        }
    )*};
    (@each $client:ty; $($file:ident: $($scenario:ident),*;)*) => {$($(
        #[test]
        fn $scenario() {
            $file::$scenario::<$client>();
        }
    )*)*};
}

scenarios! {
    std: Std;
    mio: Mio;
    tokio: Tokio;
}
