//! From a fuzzer's bytes to calls, times and losses (feature `arbitrary`).
//!
//! [`Step`], [`Call`], [`Ask`] and [`Cuts`] implement [`Arbitrary`], so a fuzz target that takes a
//! list of them, or a type of its own that contains them, needs no code for its input. Any bytes
//! give some value, and no value is rejected, so a fuzzer wastes no input. Add the crate `arbitrary` as well, version 1,
//! with its feature `derive` for types of your own.
//!
//! ```
//! use arbitrary::Unstructured;
//! use wsproto::Config;
//! use wsproto_testing::{Pair, source};
//!
//! /// The body of a fuzz target: both ends keep their promises, whatever the applications do.
//! fn target(bytes: &[u8]) -> arbitrary::Result<()> {
//!     let mut u = Unstructured::new(bytes);
//!     let mut pair = Pair::new(&Config::new(), u.arbitrary()?);
//!     pair.play(&source::script(&mut u)?);
//!     let _ = pair.client.life.close(None); // refused if the script has closed it
//!     let (client, server) = pair.run_to_the_end();
//!     client.ended();
//!     server.ended();
//!     Ok(())
//! }
//!
//! target(b"any bytes will do")?;
//! # Ok::<(), arbitrary::Error>(())
//! ```

use arbitrary::{Arbitrary, Result, Unstructured};

use crate::{Act, Ask, Call, Cuts, Side, Step};

/// The longest script, in steps.
const LONGEST: usize = 200;

/// Returns a script for a [`Pair`](crate::Pair), of at most 200 steps, from all bytes that these need.
///
/// # Errors
///
/// That of [`Unstructured`], for which missing bytes are no error: they count as zeros.
pub fn script(u: &mut Unstructured<'_>) -> Result<Vec<Step>> {
    let mut script = Vec::new();
    while !u.is_empty() && script.len() < LONGEST {
        script.push(u.arbitrary()?);
    }
    Ok(script)
}

/// Returns at most `most` bytes.
///
/// # Errors
///
/// As [`script`].
pub fn bytes(u: &mut Unstructured<'_>, most: usize) -> Result<Vec<u8>> {
    let len = u.int_in_range(0..=most)?.min(u.len());
    u.bytes(len).map(<[u8]>::to_vec)
}

/// Returns a text of at most 180 bytes, sometimes with characters of every length.
///
/// # Errors
///
/// As [`script`].
pub fn text(u: &mut Unstructured<'_>) -> Result<String> {
    Ok(String::from_utf8_lossy(&bytes(u, 60)?).into_owned())
}

/// Returns a close code for an application to use, legal or not, or none.
///
/// # Errors
///
/// As [`script`].
pub fn close_code(u: &mut Unstructured<'_>) -> Result<Option<u16>> {
    u.choose(&[None, Some(1000), Some(1001), Some(1005), Some(1010), Some(4999)]).copied()
}

impl<'a> Arbitrary<'a> for Step {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let kind: u8 = u.arbitrary()?;
        let side = if kind & 0x80 == 0 { Side::Client } else { Side::Server };
        Ok(match kind & 0x1F {
            0..=11 => Self::Go,
            12..=24 => Self::At(side, Act::Call(u.arbitrary()?)),
            25 => Self::At(side, Act::Close(close_code(u)?)),
            26 => Self::At(side, Act::EndOfInput),
            27 => Self::At(side, Act::Abort),
            28 => Self::Wait(u.arbitrary()?),
            29 => Self::Lose(side, u.arbitrary()?),
            30 => Self::Damage(side, u.arbitrary()?),
            _ => Self::CutOff,
        })
    }
}

impl<'a> Arbitrary<'a> for Call {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(match u.int_in_range(0..=9)? {
            0 => Self::Fragment { text: true, fin: u.arbitrary()? },
            1 => Self::Fragment { text: false, fin: u.arbitrary()? },
            2 => Self::Header(u64::from(u.arbitrary::<u16>()?)),
            3 => Self::Header(u.arbitrary()?),
            4 => Self::LongPing,
            5 => Self::Close(close_code(u)?),
            _ => Self::Ask(u.arbitrary()?),
        })
    }
}

impl<'a> Arbitrary<'a> for Ask {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(match u.int_in_range(0..=4)? {
            0 => Self::Text(text(u)?),
            1 => Self::Binary(bytes(u, 300)?),
            2 => Self::Fragments(vec![text(u)?, text(u)?]),
            3 => Self::Ping(bytes(u, 125)?),
            _ => Self::Pong(bytes(u, 125)?),
        })
    }
}

/// One of those that [`Cuts::from_seed`] returns.
impl<'a> Arbitrary<'a> for Cuts {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Self::from_seed(u.arbitrary()?))
    }
}
