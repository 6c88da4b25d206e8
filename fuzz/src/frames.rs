//! Frames that are valid, or almost.

use arbitrary::{Result, Unstructured};
use conformance::model::Role;
use wsproto_testing::{Cuts, KEY, source, xor};

use crate::receive::{check, limits, role};

/// Sequences of mostly valid frames, which get past the first header. Checked as
/// [`receive`](crate::receive()) checks arbitrary bytes.
pub fn frames(data: &[u8]) {
    let mut u = Unstructured::new(data);
    let _ = run(&mut u);
}

fn run(u: &mut Unstructured<'_>) -> Result<()> {
    let choice: u8 = u.arbitrary()?;
    let (role, cuts) = (role(choice), u.arbitrary::<Cuts>()?);
    let mut wire = Vec::new();
    let mut open = false;
    while !u.is_empty() {
        open = frame(u, role, open, &mut wire)?;
    }
    check(role, &limits(choice >> 1), &wire, &cuts);
    Ok(())
}

/// Appends a frame to `wire`. Returns whether a message is unfinished after it.
fn frame(u: &mut Unstructured<'_>, role: Role, open: bool, wire: &mut Vec<u8>) -> Result<bool> {
    let kind: u8 = u.arbitrary()?;
    let fin = kind & 0x80 != 0;
    let (first, still_open) = match kind & 0x0F {
        // A legal opcode, twice as often as any other.
        0..=7 => {
            let opcode = if open { 0 } else { 1 + (kind >> 4 & 1) };
            (u8::from(fin) << 7 | opcode, !fin)
        }
        8 => (0x88, open),
        9..=11 => (0x89, open),
        12..=13 => (0x8A, open),
        // Any opcode.
        _ => (u.arbitrary()?, open),
    };
    let odd = if kind & 0x40 == 0 { 0 } else { u.arbitrary::<u8>()? };
    let payload = match first & 0x0F {
        1 | 0 => source::text(u)?.into_bytes(),
        8 => close_body(u)?,
        9 | 10 => source::bytes(u, 125)?,
        _ => source::bytes(u, 300)?,
    };
    let masked = (role == Role::Server) != (odd & 7 == 7);
    wire.push(first);
    wire.extend(length(payload.len(), masked, odd >> 3));
    let key = if masked { KEY } else { [0; 4] };
    wire.extend(if masked { &key[..] } else { &[] });
    wire.extend(xor(&payload, key));
    Ok(still_open)
}

/// Encodes the length of a payload, perhaps in a form that is too long, and perhaps a wrong one.
fn length(len: usize, masked: bool, odd: u8) -> Vec<u8> {
    let mask = u8::from(masked) << 7;
    let claimed = if odd & 3 == 3 { len + 1 } else { len };
    let [.., high, low] = claimed.to_be_bytes();
    match (odd >> 2, claimed) {
        (0..=5, 0..=125) => vec![mask | low],
        (0..=6, _) => vec![mask | 126, high, low],
        _ => [&[mask | 127][..], &(claimed as u64).to_be_bytes()].concat(),
    }
}

/// Returns the body of a Close, valid or almost.
fn close_body(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let code: u16 = *u.choose(&[999, 1000, 1001, 1004, 1005, 1011, 2999, 3000, 4999, 5000])?;
    let body = [&code.to_be_bytes()[..], &source::bytes(u, 60)?].concat();
    let len = u.int_in_range(0..=body.len())?;
    Ok(body.get(..len).unwrap_or(&body).to_vec())
}
