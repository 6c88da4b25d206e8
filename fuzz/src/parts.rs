//! The parts, each beside something simpler.

use wsproto::handshake::Extension;
use wsproto::mask::Mask;
use wsproto::url::WsUrl;
use wsproto::utf8::Utf8;

use crate::cut;

/// Any bytes to a part: masking equals the byte loop, UTF-8 equals `core::str`, and what is parsed
/// and printed is parsed as the same again.
pub fn parts(data: &[u8]) {
    let [part, seed, rest @ ..] = data else { return };
    match part & 3 {
        0 => mask(*seed, rest),
        1 => utf8(*seed, rest),
        2 => extensions(rest),
        _ => url(rest),
    }
}

fn mask(seed: u8, data: &[u8]) {
    let Some((key, payload)) = data.split_first_chunk::<4>() else { return };
    let expected: Vec<u8> = payload.iter().zip(key.iter().cycle()).map(|(b, k)| b ^ k).collect();
    let (mut in_place, mut copied) = (Vec::new(), Vec::new());
    let (mut apply, mut append) = (Mask::new(*key), Mask::new(*key));
    for part in cut(payload, seed) {
        let mut bytes = part.to_vec();
        apply.apply(&mut bytes);
        in_place.extend(bytes);
        append.append(part, &mut copied);
    }
    assert_eq!(in_place, expected);
    assert_eq!(copied, expected);
}

fn utf8(seed: u8, bytes: &[u8]) {
    let mut utf8 = Utf8::new();
    let mut text = String::new();
    let valid = cut(bytes, seed).all(|part| match utf8.push(part) {
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

fn extensions(bytes: &[u8]) {
    let Ok(value) = std::str::from_utf8(bytes) else { return };
    if let Ok(list) = Extension::parse_list(value) {
        let printed: Vec<String> = list.iter().map(ToString::to_string).collect();
        assert_eq!(Extension::parse_list(&printed.join(", ")), Ok(list));
    }
}

fn url(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(url) = WsUrl::parse(text) {
        let again = WsUrl::parse_ws(&url.to_string()).expect("what is printed can be parsed");
        assert_eq!(again.to_string(), url.to_string());
        assert_eq!((again.host(), again.port()), (url.host(), url.port()));
        assert_eq!(again.resource_name(), url.resource_name());
        assert!(url.resource_name().starts_with('/'));
        assert!(url.to_string().bytes().all(|byte| byte.is_ascii_graphic()));
    }
}
