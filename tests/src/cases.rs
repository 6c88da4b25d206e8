//! Cases as data: the input, the events, the output.
//!
//! Each `.txt` file is a list of cases. A blank line ends a case, `#` starts a comment, and every
//! other line is `field: value`:
//!
//! ```text
//! name: a 16-bit length below 126
//! proves: R6455-5.2-5 A6
//! role: both
//! in: 81 m7E 0005 M "hello"
//! event: error NonMinimalLength 1002
//! out: 88 02 03EA
//! ```
//!
//! * `name:` is unique in the whole corpus. `proves:` lists the evidence it provides: rules of
//!   RFC 6455 (`R6455-5.2-5`), rows of the abuse list (`A6`), rows of the close code table
//!   (`E1004`), decisions of `OBJECTS.md` (`X19`), test vectors (`F3`), cases of the Autobahn test
//!   suite (`AB5.19`, or `AB5` for a family).
//! * `role:` is the side that receives: `server`, `client` or `both`.
//! * `limit:` lowers or raises one limit: `message`, `frame` or `fragments`, then a number.
//! * `in:` lines are concatenated. Their tokens are hex bytes, `"ASCII with \" and \\"`, `mNN` for
//!   a length byte that has the MASK bit where the receiver is the server, and `M` for the masking
//!   key: four bytes where the receiver is the server, none otherwise. Everything after `M` is
//!   masked with that key, up to the end of the line or to a `|`, after which another frame may
//!   follow.
//! * `event:` lines are in order: `text`, `binary`, `ping` or `pong` with a payload, `close` with a
//!   code and a reason (or `close none`), `error` with a rule and a close code. Text that is not
//!   ASCII is written `text hex E282AC`.
//! * `out:` lines are the reply frames, unmasked and with minimal headers.
//! * `*N` repeats a token if it follows one (`"a"*125`, `FF*10`), or a line if it follows a field
//!   (`in*9: 00 m00 M`).

mod parse;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use crate::model::{Limits, Role, Seen};
use parse::{malformed, parse};

/// One case of the corpus.
#[derive(Clone, Debug)]
pub struct Case {
    /// The subject of the case, unique in the corpus.
    pub name: String,
    /// The location of the case, as `file:line`.
    pub place: String,
    /// The rules and rows the case is evidence for.
    pub proves: Vec<String>,
    /// The roles the case applies to.
    pub roles: Vec<Role>,
    /// The limits in force.
    pub limits: Limits,
    /// The events that the application must receive, in order.
    pub events: Vec<Seen>,
    /// The frames that must be sent, unmasked and with minimal headers.
    pub out: Vec<u8>,
    input: Vec<Line>,
}

impl Case {
    /// Returns the input, masked with `key` if `role` is the server.
    #[must_use]
    pub fn input(&self, role: Role, key: [u8; 4]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for line in &self.input {
            let once = line.bytes(role, key);
            for _ in 0..line.times {
                bytes.extend_from_slice(&once);
            }
        }
        bytes
    }
}

/// Reads every `.txt` file of the folder `dir`, in the order of their names.
///
/// # Panics
///
/// With `file:line` where a case is malformed, or if there are no cases.
#[must_use]
pub fn load(dir: impl AsRef<Path>) -> Vec<Case> {
    let dir = dir.as_ref();
    let entries = fs::read_dir(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    let mut files: Vec<_> = entries.map(|entry| entry.expect("a readable folder").path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "txt"));
    files.sort();

    let mut cases = Vec::new();
    for file in files {
        let text =
            fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        cases.append(&mut parse(&name, &text));
    }
    assert!(!cases.is_empty(), "{}: no cases", dir.display());

    let mut places = HashMap::new();
    for case in &cases {
        if let Some(first) = places.insert(&case.name, &case.place) {
            malformed(
                &case.place,
                format_args!("`{}` is also the name of the case at {first}", case.name),
            );
        }
    }
    cases
}

/// One `in:` line.
#[derive(Clone, Debug)]
struct Line {
    times: usize,
    tokens: Vec<Token>,
}

#[derive(Clone, Debug)]
enum Token {
    /// Literal bytes, before masking.
    Bytes(Vec<u8>),
    /// `mNN`: a length byte, with the MASK bit added where the receiver is the server.
    Length(u8),
    /// `M`: the masking key, and the start of the masked bytes.
    Key,
    /// `|`: the end of the masked bytes.
    End,
}

impl Line {
    fn bytes(&self, role: Role, key: [u8; 4]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut mask = None;
        for token in &self.tokens {
            match token {
                Token::Bytes(plain) => {
                    for byte in plain {
                        let octet: u8 = mask.as_mut().and_then(Iterator::next).unwrap_or(0);
                        bytes.push(byte ^ octet);
                    }
                }
                Token::Length(length) if role == Role::Server => bytes.push(0x80 | length),
                Token::Length(length) => bytes.push(*length),
                Token::Key if role == Role::Server => {
                    bytes.extend_from_slice(&key);
                    mask = Some(key.into_iter().cycle());
                }
                Token::Key => {}
                Token::End => mask = None,
            }
        }
        bytes
    }
}
