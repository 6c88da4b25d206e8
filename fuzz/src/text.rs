//! The parts that parse text, each compared with something simpler.

use conformance::model::{self, Limits, Role, Seen};
use wsproto::CloseFrame;
use wsproto::handshake::Extension;
use wsproto::url::WsUrl;
use wsproto::utf8::Utf8;
use wsproto_testing::{Cuts, Frame};

/// Arbitrary bytes in parts: accepted and refused as by `core::str`, at the same byte, and with the
/// same text.
pub fn utf8(data: &[u8]) {
    let [seed, bytes @ ..] = data else { return };
    let mut utf8 = Utf8::new();
    let mut text = String::new();
    let valid = Cuts::from_seed(*seed).cut(bytes).all(|part| match utf8.push(part) {
        Ok((character, more)) => {
            text.extend(character);
            text.push_str(more);
            true
        }
        Err(_) => false,
    });
    match std::str::from_utf8(bytes) {
        Ok(expected) => {
            assert!(valid && utf8.finish().is_ok());
            assert_eq!(text, expected);
        }
        Err(error) if error.error_len().is_none() => {
            assert!(valid && utf8.finish().is_err(), "incomplete, but not wrong yet");
        }
        Err(_) => assert!(!valid),
    }
}

/// Any payload of a Close: checked as by the model, and written as it was read.
pub fn close(payload: &[u8]) {
    if payload.len() > 125 {
        assert!(CloseFrame::parse(payload).is_err());
        return;
    }
    let wire = Frame::new(0x88, None, payload).encode();
    let expected = model::run(Role::Client, &Limits::default(), &wire).events;
    let seen = match CloseFrame::parse(payload) {
        Ok(frame) => {
            let mut written = Vec::new();
            frame.iter().for_each(|frame| frame.encode(&mut written));
            assert_eq!(written, payload);
            let again = frame.as_ref().map(|frame| CloseFrame::new(frame.code(), frame.reason()));
            assert_eq!(again.transpose().expect("it can be made as well"), frame);
            Seen::Close(frame.map(|frame| (frame.code().into(), frame.reason().to_owned())))
        }
        Err(error) => {
            let rule = format!("{error:?}");
            let rule = model::RULES.into_iter().find(|(name, _)| *name == rule);
            let (rule, close_code) = rule.expect("the model knows every rule");
            assert_eq!(u16::from(error.close_code()), close_code);
            Seen::Error { rule, close_code }
        }
    };
    assert_eq!([seen], expected[..]);
}

/// Any value of `Sec-WebSocket-Extensions`: the parsed value prints to one that parses to the same,
/// and can also be built.
pub fn extensions(data: &[u8]) {
    let Ok(value) = std::str::from_utf8(data) else { return };
    let Ok(list) = Extension::parse_list(value) else { return };
    let printed: Vec<String> = list.iter().map(ToString::to_string).collect();
    assert_eq!(Extension::parse_list(&printed.join(", ")).as_ref(), Ok(&list));
    for extension in list {
        let mut built = Extension::new(extension.name()).expect("a token");
        for (name, value) in extension.params() {
            built = built.param(name, value).expect("tokens");
        }
        assert_eq!(built, extension);
    }
}

/// Any URL: the parsed URL prints to one that parses to the same, and is safe to write into a
/// request.
pub fn url(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(url) = WsUrl::parse(text) else { return };
    let again = WsUrl::parse_ws(&url.to_string()).expect("printed URLs can be parsed");
    assert_eq!(again.to_string(), url.to_string());
    assert_eq!((again.host(), again.port()), (url.host(), url.port()));
    assert_eq!(again.resource_name(), url.resource_name());
    assert_eq!((again.scheme(), again.host_header()), (url.scheme(), url.host_header()));
    assert!(url.resource_name().starts_with('/') && !url.host().is_empty());
    assert!(url.to_string().bytes().all(|byte| byte.is_ascii_graphic()));
}
