//! One message repeated many times, as frames of a client.

use wsproto::{Client, Config, Connection};

/// The minimum payload of a workload in bytes.
const VOLUME: usize = 8 << 20;

/// The maximum number of messages of a workload.
const MOST: usize = 100_000;

const ASCII: &str =
    r#"{"pair":"XYZ-ABC","bid":4711.25,"side":"sell","memo":"five boxing wizards"},"#;
const MIXED: &str =
    "Zwölf Boxkämpfer — 五人の拳闘家 🥊 in plain words, Съешь же ещё, ξεσκεπάζω 다람쥐 ";

/// The content of a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Bytes of every value.
    Binary,
    /// Text of one-byte characters.
    Ascii,
    /// Text of characters of every length.
    Mixed,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Binary, Self::Ascii, Self::Mixed];

    /// Returns whether the message is a text.
    #[must_use]
    pub const fn is_text(self) -> bool {
        !matches!(self, Self::Binary)
    }

    /// Returns the name used in results.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Binary => "binary",
            Self::Ascii => "ascii",
            Self::Mixed => "mixed",
        }
    }

    /// Creates a payload of exactly `size` bytes.
    #[must_use]
    pub fn payload(self, size: usize) -> Vec<u8> {
        let text = match self {
            // 251 is prime, so that no mask or register size divides the period.
            Self::Binary => return (0..=250).cycle().take(size).collect(),
            Self::Ascii => ASCII,
            Self::Mixed => MIXED,
        };
        let mut payload = String::with_capacity(size);
        for character in text.chars().cycle() {
            if payload.len() + character.len_utf8() > size {
                break;
            }
            payload.push(character);
        }
        let mut payload = payload.into_bytes();
        payload.resize(size, b'.');
        payload
    }
}

/// One message repeated many times.
#[derive(Debug)]
pub struct Workload {
    /// The content of the payload.
    pub kind: Kind,
    /// The payload of each message.
    pub payload: Vec<u8>,
    /// How many messages there are.
    pub messages: usize,
    /// How many frames there are.
    pub frames: usize,
    /// The frames, masked.
    pub wire: Vec<u8>,
}

impl Workload {
    /// Creates messages of `size` bytes, one frame each.
    ///
    /// # Panics
    ///
    /// If the engine cannot encode them.
    #[must_use]
    pub fn new(kind: Kind, size: usize) -> Self {
        Self::fragmented(kind, size, size)
    }

    /// Creates messages of `size` bytes in frames of at most `fragment` bytes, which may split
    /// characters.
    ///
    /// # Panics
    ///
    /// If the engine cannot encode them.
    #[must_use]
    pub fn fragmented(kind: Kind, size: usize, fragment: usize) -> Self {
        Self::repeated(kind, size, fragment, (VOLUME / size.max(1)).clamp(4, MOST))
    }

    /// Creates `messages` messages.
    ///
    /// # Panics
    ///
    /// If the engine cannot encode them.
    #[must_use]
    pub fn repeated(kind: Kind, size: usize, fragment: usize, messages: usize) -> Self {
        let payload = kind.payload(size);
        let fragments: Vec<&[u8]> = match size {
            0 => vec![&[]],
            _ => payload.chunks(fragment).collect(),
        };
        let mut client = client();
        let sender = client.sender();
        let mut wire = Vec::new();
        for _ in 0..messages {
            for (at, part) in fragments.iter().enumerate() {
                let first_byte = wire.len();
                let fin = at + 1 == fragments.len();
                sender.send_binary_fragment(part, fin, &mut wire).expect("an open connection");
                if at == 0 && kind.is_text() {
                    // A text fragment sent by the engine would have to end at a character boundary.
                    wire[first_byte] ^= 0x03;
                }
            }
        }
        Self { kind, frames: messages * fragments.len(), payload, messages, wire }
    }
}

fn client() -> Connection<Client> {
    Connection::client(Config::default(), [7; 32])
}
