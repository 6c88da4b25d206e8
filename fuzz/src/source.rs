//! Structures built by `arbitrary`: actions of applications, peers and networks.

use arbitrary::{Result, Unstructured};
use wsproto_testing::{Act, Ask, Call, Side, Step};

/// Returns at most `most` bytes.
pub(crate) fn bytes(u: &mut Unstructured<'_>, most: usize) -> Result<Vec<u8>> {
    let len = u.int_in_range(0..=most)?.min(u.len());
    u.bytes(len).map(<[u8]>::to_vec)
}

/// Returns a short text, sometimes with characters of every length.
pub(crate) fn text(u: &mut Unstructured<'_>) -> Result<String> {
    Ok(String::from_utf8_lossy(&bytes(u, 60)?).into_owned())
}

/// Returns a text with a length at, or near, a change of the header's form.
pub(crate) fn sized(u: &mut Unstructured<'_>) -> Result<String> {
    let len: usize = *u.choose(&[0, 1, 124, 125, 126, 127, 1460, 4097, 65535, 65536])?;
    let character = *u.choose(&['a', 'é', '€', '\u{10FFFF}'])?;
    let whole = character.to_string().repeat(len / character.len_utf8());
    Ok(whole + &"-".repeat(len % character.len_utf8()))
}

/// Returns the body of a Close, valid or almost.
pub(crate) fn close_body(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let code: u16 = *u.choose(&[999, 1000, 1001, 1004, 1005, 1011, 2999, 3000, 4999, 5000])?;
    let body = [&code.to_be_bytes()[..], &bytes(u, 60)?].concat();
    let len = u.int_in_range(0..=body.len())?;
    Ok(body.get(..len).unwrap_or(&body).to_vec())
}

/// Returns a close code for an application to use, or none.
pub(crate) fn close_code(u: &mut Unstructured<'_>) -> Result<Option<u16>> {
    u.choose(&[None, Some(1000), Some(1001), Some(1005), Some(1010), Some(4999)]).copied()
}

/// Returns any step of a pair of sessions.
pub(crate) fn step(u: &mut Unstructured<'_>) -> Result<Step> {
    let kind: u8 = u.arbitrary()?;
    let side = if kind & 0x80 == 0 { Side::Client } else { Side::Server };
    Ok(match kind & 0x1F {
        0..=11 => Step::Go,
        12..=24 => Step::At(side, Act::Call(call(u)?)),
        25 => Step::At(side, Act::Close(close_code(u)?)),
        26 => Step::At(side, Act::EndOfInput),
        27 => Step::At(side, Act::Abort),
        28 => Step::Wait(u.arbitrary()?),
        29 => Step::Lose(side, u.arbitrary()?),
        30 => Step::Damage(side, u.arbitrary()?),
        _ => Step::CutOff,
    })
}

fn call(u: &mut Unstructured<'_>) -> Result<Call> {
    Ok(match u.int_in_range(0..=9)? {
        0 => Call::Fragment { text: true, fin: u.arbitrary()? },
        1 => Call::Fragment { text: false, fin: u.arbitrary()? },
        2 => Call::Header(u64::from(u.arbitrary::<u16>()?)),
        3 => Call::Header(u.arbitrary()?),
        4 => Call::LongPing,
        5 => Call::Close(close_code(u)?),
        _ => Call::Ask(ask(u)?),
    })
}

fn ask(u: &mut Unstructured<'_>) -> Result<Ask> {
    Ok(match u.int_in_range(0..=4)? {
        0 => Ask::Text(text(u)?),
        1 => Ask::Binary(bytes(u, 300)?),
        2 => Ask::Fragments(vec![text(u)?, text(u)?]),
        3 => Ask::Ping(bytes(u, 125)?),
        _ => Ask::Pong(bytes(u, 125)?),
    })
}
