//! S1-4, S3-9, S3-12, S4-15, X15, X16: JSON is sent as text; text that is not JSON is an error of the reading
//! call, and the connection stays open.
#![cfg(feature = "json")]

#[path = "support/net.rs"]
mod net;

use net::{echo_once, url};
use ws_std::wsproto::Config;
use ws_std::{Error, Message, connect};

#[test]
fn values_travel_as_text() -> Result<(), Error> {
    let (address, server) = echo_once(Config::default());
    let mut ws = connect(&url(&address))?;
    ws.send_json(&[("a", Some(1)), ("é", None)])?;
    let message = ws.recv()?.expect("an echo");
    assert_eq!(message, Message::Text(r#"[["a",1],["é",null]]"#.into()));
    assert_eq!(message.json::<Vec<(&str, Option<u8>)>>()?, [("a", Some(1)), ("é", None)]);

    ws.send(b"[1,2]".to_vec())?;
    let message = ws.recv()?.expect("an echo");
    assert!(matches!(message, Message::Binary(_)), "the type on the wire is kept");
    assert_eq!(message.json::<[u8; 2]>()?, [1, 2]);

    ws.send("not JSON")?;
    let message = ws.recv()?.expect("an echo");
    assert!(matches!(message.json::<u8>(), Err(Error::Json(_))));
    ws.close(None)?;
    assert!(ws.wait_closed()?.was_clean, "and the connection is still in order");
    server.join().expect("no panic")
}
