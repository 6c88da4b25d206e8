//! Calls of the sending half, legal or not.

use proptest::prelude::*;

use crate::{Ask, ask};
use wsproto::{CloseCode, CloseFrame, Role, SendError, Sender};

/// The longest payload written after a [`Call::Header`], in bytes.
const LONGEST: u64 = 1000;

/// A call of a [`Sender`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// A send that is legal while no message is unfinished.
    Ask(Ask),
    /// A fragment of a text or binary message, perhaps the last.
    Fragment {
        /// Whether it is text.
        text: bool,
        /// Whether it is the last.
        fin: bool,
    },
    /// The header of a binary message of that many bytes, followed by its payload; or, beyond 1000
    /// bytes, removed again.
    Header(u64),
    /// A Ping that is too long.
    LongPing,
    /// A Close with that code, or an empty one.
    Close(Option<u16>),
}

impl Call {
    /// Makes the call, which appends to `out`.
    ///
    /// # Errors
    ///
    /// [`SendError`], as returned by the sender.
    ///
    /// # Panics
    ///
    /// If a refused call has appended bytes (promise I11).
    pub fn make<R: Role>(
        &self,
        sender: &mut Sender<R>,
        out: &mut Vec<u8>,
    ) -> Result<(), SendError> {
        let before = out.len();
        let result = match self {
            Self::Ask(ask) => ask.send(sender, out).map(drop),
            Self::Fragment { text: true, fin } => sender.send_text_fragment("part", *fin, out),
            Self::Fragment { text: false, fin } => sender.send_binary_fragment(b"part", *fin, out),
            Self::Header(len) => send_by_header(sender, *len, out),
            Self::LongPing => sender.ping(&[0; 126], out),
            Self::Close(code) => sender.close(body(*code).as_ref(), out),
        };
        assert!(result.is_ok() || out.len() == before, "I11: a refused call appended bytes");
        result
    }
}

/// Generates any call.
pub fn call() -> impl Strategy<Value = Call> {
    prop_oneof![
        3 => ask().prop_map(Call::Ask),
        2 => any::<(bool, bool)>().prop_map(|(text, fin)| Call::Fragment { text, fin }),
        1 => prop_oneof![0..LONGEST, any::<u64>()].prop_map(Call::Header),
        1 => Just(Call::LongPing),
        1 => proptest::option::of(1000..5000_u16).prop_map(Call::Close),
    ]
}

/// Returns the body of a Close with that code; `None` if the code may not be sent.
pub(crate) fn body(code: Option<u16>) -> Option<CloseFrame<'static>> {
    CloseFrame::new(CloseCode::from(code?), "").ok()
}

fn send_by_header<R: Role>(
    sender: &mut Sender<R>,
    len: u64,
    out: &mut Vec<u8>,
) -> Result<(), SendError> {
    let before = out.len();
    let mask = sender.send_binary_header(len, out)?;
    if len > LONGEST {
        out.truncate(before);
        return Ok(());
    }
    let mut payload = vec![0; len as usize];
    if let Some(mut mask) = mask {
        mask.apply(&mut payload);
    }
    out.extend(payload);
    Ok(())
}
