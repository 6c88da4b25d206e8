//! Split connections: the replies of the sending half to the receiving half.

use wsproto::{
    Client, CloseFrame, Closing, Config, Connection, Error, Event, Role, Server, SplitSender,
};
use wsproto_testing::{End, closes};

use crate::support::feed;

/// The two halves, in two threads if desired, behave like the unsplit connection: R6455-5.5.2-1,
/// R6455-5.5.1-6, R6455-7.1.7-3.
#[test]
fn split_halves_reply_as_the_whole_does() {
    fn check<R: End>(input: &[u8]) {
        let mut whole_out = Vec::new();
        let mut whole = R::connect();
        let whole_result = feed(&mut whole, input, &mut whole_out);

        let mut out = Vec::new();
        let (mut receiver, mut sender) = R::connect().split();
        let mut bytes = input.to_vec();
        let mut input = &mut bytes[..];
        let mut events = Vec::new();
        let result = loop {
            match receiver.next_event(&mut input) {
                Ok(None) => break Ok(events),
                Ok(Some(event)) => {
                    sender.answer(&event, &mut out);
                    events.push(event.into_owned());
                }
                Err(error) => {
                    sender.fail(error, &mut out);
                    break Err(error);
                }
            }
        };
        assert_eq!(result, whole_result);
        assert_eq!(out, whole_out);
        assert_eq!(sender.sender().closing(), whole.closing());
        assert_eq!(sender.sender().advice(), whole.advice());
        assert_eq!(receiver.config(), whole.config());
    }
    fn both<R: End>() {
        let ping = R::from_peer(0x89, b"ping");
        let text = R::from_peer(0x81, b"text");
        let close = R::from_peer(0x88, b"\x03\xE8bye");
        check::<R>(&[&ping[..], &text, &ping, &close, &ping].concat());
        check::<R>(&[&text[..], &[0xC1]].concat());
    }
    both::<Server>();
    both::<Client>();
}

/// After the sending half has closed, events of the receiving half get no replies, although the
/// receiving half does not know of the Close: R6455-5.5.1-10.
#[test]
fn a_sender_that_has_closed_answers_nothing() {
    fn check<R: Role>((_, mut sender): (wsproto::Receiver<R>, SplitSender<R>)) {
        let mut out = Vec::new();
        sender.sender().close(None, &mut out).expect("open");
        sender.answer(&Event::Ping(b"?"[..].into()), &mut out);
        sender.answer(&Event::Close(None), &mut out);
        assert_eq!(closes(&out), 1);
        assert_eq!(sender.sender().closing(), Closing::Exchanged);
        sender.fail(Error::ReservedBit, &mut out);
        assert_eq!(closes(&out), 1);
    }
    check(Server::connect().split());
    check(Client::connect().split());
}

/// R6455-5.5-1, I11: an event built by the application, with a body that no frame can carry, causes
/// no overlong control frame.
#[test]
fn a_fabricated_event_gets_no_illegal_reply() {
    let mut out = Vec::new();
    let (_, mut sender) = Connection::server(Config::default()).split();
    sender.answer(&Event::Ping(vec![0; 126].into()), &mut out);
    assert_eq!(out, b"");

    let mut body = vec![b'x'; 126];
    body[..2].copy_from_slice(&1000_u16.to_be_bytes());
    assert_eq!(CloseFrame::parse(&body), Err(Error::ControlTooLong));
    assert!(CloseFrame::parse(&body[..125]).is_ok_and(|frame| frame.is_some()));
}
