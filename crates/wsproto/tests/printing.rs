//! What ends up in logs: names and numbers, but no keys and no payloads.

use wsproto::handshake::Request;
use wsproto::{Client, CloseCode, PreparedMessage};
use wsproto_testing::{REQUEST, SEED};

/// The state of the generator is as secret as the next masking key.
#[test]
fn a_client_says_nothing_of_its_keys() {
    assert_eq!(format!("{:?}", Client::from_seed(SEED)), "Client { .. }");
}

#[test]
fn a_prepared_message_says_how_long_it_is() {
    let message = PreparedMessage::text("secret");
    assert_eq!(format!("{message:?}"), "PreparedMessage { opcode: Text, len: 6 }");
}

#[test]
fn headers_are_a_list_of_names_and_values() {
    let request = Request::parse(REQUEST).expect("a request");
    let printed = format!("{:?}", request.headers());
    assert!(printed.starts_with(r#"[("Host", "localhost"), ("Upgrade", "websocket"), "#));
}

#[test]
fn a_code_is_printed_with_its_name_if_it_has_one() {
    assert_eq!(CloseCode::new(1001).to_string(), "1001 Going Away");
    assert_eq!(format!("{:?}", CloseCode::new(4001)), "4001");
}
