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

use std::collections::HashMap;
use std::fmt::Display;
use std::fs;
use std::path::Path;

use crate::model::{Limits, RULES, Role, Seen};

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

/// A partially read case.
#[derive(Default)]
struct Draft {
    place: String,
    name: Option<String>,
    proves: Option<Vec<String>>,
    roles: Option<Vec<Role>>,
    limits: Limits,
    input: Vec<Line>,
    events: Vec<Seen>,
    out: Vec<u8>,
}

fn parse(file: &str, text: &str) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut draft: Option<Draft> = None;
    // One more blank line ends the last case like the others.
    for (index, line) in text.lines().chain([""]).enumerate() {
        let place = format!("{file}:{}", index + 1);
        let line = line.trim();
        if line.is_empty() {
            cases.extend(draft.take().map(Draft::finish));
        } else if !line.starts_with('#') {
            let draft =
                draft.get_or_insert_with(|| Draft { place: place.clone(), ..Draft::default() });
            draft.field(line, &place);
        }
    }
    cases
}

impl Draft {
    fn field(&mut self, line: &str, place: &str) {
        let Some((field, value)) = line.split_once(':') else {
            malformed(place, "expected `field: value`")
        };
        let (field, times) = repetition(field.trim(), place);
        let value = value.trim();
        if times != 1 && !matches!(field, "in" | "event" | "out") {
            malformed(place, format_args!("`{field}` cannot be repeated"));
        }
        match field {
            "name" => once(&mut self.name, value.to_owned(), place),
            "proves" => once(&mut self.proves, words(value), place),
            "role" => once(&mut self.roles, roles(value, place), place),
            "limit" => self.limit(value, place),
            "in" => self.input.push(Line { times, tokens: tokens(value, place) }),
            "event" => self.events.extend(std::iter::repeat_n(event(value, place), times)),
            "out" => self.out.extend(payload(value, place).repeat(times)),
            _ => malformed(place, format_args!("unknown field `{field}`")),
        }
    }

    fn limit(&mut self, value: &str, place: &str) {
        let Some((limit, size)) = value.split_once(' ') else {
            malformed(place, "expected a limit and a number")
        };
        match limit {
            "message" => self.limits.max_message_size = number(size, place),
            "frame" => self.limits.max_frame_size = number(size, place),
            "fragments" => self.limits.max_fragments = number(size, place),
            _ => malformed(place, format_args!("unknown limit `{limit}`")),
        }
    }

    fn finish(self) -> Case {
        let place = self.place;
        if self.input.is_empty() {
            malformed(&place, "the case has no `in:`");
        }
        Case {
            name: self.name.unwrap_or_else(|| malformed(&place, "the case has no `name:`")),
            proves: self.proves.unwrap_or_else(|| malformed(&place, "the case has no `proves:`")),
            roles: self.roles.unwrap_or_else(|| malformed(&place, "the case has no `role:`")),
            limits: self.limits,
            events: self.events,
            out: self.out,
            input: self.input,
            place,
        }
    }
}

fn words(value: &str) -> Vec<String> {
    value.split_whitespace().map(str::to_owned).collect()
}

fn roles(value: &str, place: &str) -> Vec<Role> {
    match value {
        "server" => vec![Role::Server],
        "client" => vec![Role::Client],
        "both" => vec![Role::Server, Role::Client],
        _ => malformed(place, format_args!("unknown role `{value}`")),
    }
}

fn event(value: &str, place: &str) -> Seen {
    let (kind, rest) = value.split_once(' ').unwrap_or((value, ""));
    let rest = rest.trim();
    match kind {
        "text" => {
            Seen::Text(utf8(payload(rest.strip_prefix("hex ").unwrap_or(rest), place), place))
        }
        "binary" => Seen::Binary(payload(rest, place)),
        "ping" => Seen::Ping(payload(rest, place)),
        "pong" => Seen::Pong(payload(rest, place)),
        "close" if rest == "none" => Seen::Close(None),
        "close" => {
            let (code, reason) = rest.split_once(' ').unwrap_or((rest, ""));
            Seen::Close(Some((number(code, place), utf8(payload(reason, place), place))))
        }
        "error" => {
            let (rule, close_code) = rest.split_once(' ').unwrap_or((rest, ""));
            match RULES.into_iter().find(|(name, _)| *name == rule) {
                Some((rule, _)) => Seen::Error { rule, close_code: number(close_code, place) },
                None => malformed(place, format_args!("unknown rule `{rule}`")),
            }
        }
        _ => malformed(place, format_args!("unknown event `{kind}`")),
    }
}

/// Reads tokens that are literal bytes.
fn payload(text: &str, place: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for token in tokens(text, place) {
        match token {
            Token::Bytes(mut more) => bytes.append(&mut more),
            Token::Length(_) | Token::Key | Token::End => {
                malformed(place, "`mNN`, `M` and `|` belong in `in:` lines")
            }
        }
    }
    bytes
}

fn tokens(text: &str, place: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() && !rest.starts_with('#') {
        let (quoted, after) = match rest.strip_prefix('"') {
            Some(inside) => {
                let (bytes, after) = quotation(inside, place);
                (Some(bytes), after)
            }
            None => (None, rest),
        };
        // Only a repetition may directly follow a quotation.
        let (word, next) = after.split_once(char::is_whitespace).unwrap_or((after, ""));
        let (word, times) = repetition(word, place);
        tokens.push(match quoted {
            Some(bytes) if word.is_empty() => Token::Bytes(bytes.repeat(times)),
            Some(_) => malformed(place, format_args!("expected a space before `{word}`")),
            None => match (word, word.strip_prefix('m')) {
                ("M", _) => Token::Key,
                ("|", _) => Token::End,
                (_, Some(length)) => Token::Length(length_byte(length, place)),
                _ => Token::Bytes(hex(word, place).repeat(times)),
            },
        });
        rest = next.trim_start();
    }
    tokens
}

/// Splits `text` after the closing quotation mark.
fn quotation<'t>(text: &'t str, place: &str) -> (Vec<u8>, &'t str) {
    let mut bytes = Vec::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        let literal = match character {
            '"' => return (bytes, &text[at + 1..]),
            '\\' => match characters.next() {
                Some((_, escaped @ ('"' | '\\'))) => escaped,
                _ => malformed(place, r#"only `\"` and `\\` are escapes"#),
            },
            other => other,
        };
        match u8::try_from(literal) {
            Ok(ascii @ b' '..=b'~') => bytes.push(ascii),
            _ => malformed(
                place,
                format_args!("{literal:?} is not printable ASCII: write it in hex"),
            ),
        }
    }
    malformed(place, "the quotation does not end")
}

/// Splits `word*N` into the word and the number of repetitions.
fn repetition<'w>(word: &'w str, place: &str) -> (&'w str, usize) {
    match word.split_once('*') {
        Some((word, times)) => (word, number(times, place)),
        None => (word, 1),
    }
}

fn length_byte(digits: &str, place: &str) -> u8 {
    match hex(digits, place).as_slice() {
        [length @ 0..=0x7F] => *length,
        _ => malformed(
            place,
            format_args!("`m{digits}` is not a length byte: the MASK bit is added to 00 to 7F"),
        ),
    }
}

fn hex(digits: &str, place: &str) -> Vec<u8> {
    if digits.is_empty()
        || !digits.len().is_multiple_of(2)
        || !digits.bytes().all(|digit| digit.is_ascii_hexdigit())
    {
        malformed(place, format_args!("`{digits}` is not hex bytes"));
    }
    let pairs = (0..digits.len()).step_by(2).map(|at| &digits[at..at + 2]);
    pairs.map(|pair| u8::from_str_radix(pair, 16).expect("two hex digits")).collect()
}

fn number<N: std::str::FromStr>(digits: &str, place: &str) -> N {
    digits
        .parse()
        .unwrap_or_else(|_| malformed(place, format_args!("`{digits}` is not a number in range")))
}

fn utf8(bytes: Vec<u8>, place: &str) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| malformed(place, error))
}

fn once<T>(slot: &mut Option<T>, value: T, place: &str) {
    if slot.replace(value).is_some() {
        malformed(place, "the field is there twice (is a blank line missing?)");
    }
}

fn malformed(place: &str, why: impl Display) -> ! {
    panic!("{place}: {why}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::run;

    const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/cases");
    const KEYS: [[u8; 4]; 2] = [[0; 4], [0x9C, 0x27, 0xE1, 0x5B]];

    #[test]
    fn the_model_agrees_with_every_case() {
        let mut disagreements = Vec::new();
        for case in load(CORPUS) {
            for &role in &case.roles {
                for key in KEYS {
                    let outcome = run(role, &case.limits, &case.input(role, key));
                    if outcome.events != case.events || outcome.out != case.out {
                        disagreements.push(format!(
                            "{}: {} ({role:?}, key {key:02X?})",
                            case.place, case.name
                        ));
                    }
                }
            }
        }
        assert!(disagreements.is_empty(), "\n{}", disagreements.join("\n"));
    }

    /// Later bytes do not change earlier events or output.
    #[test]
    fn every_prefix_of_a_case_has_a_prefix_of_its_outcome() {
        for case in load(CORPUS) {
            for &role in &case.roles {
                let input = case.input(role, KEYS[1]);
                if input.len() > 300 {
                    continue;
                }
                for end in 0..input.len() {
                    let outcome = run(role, &case.limits, &input[..end]);
                    assert!(
                        case.events.starts_with(&outcome.events),
                        "{}: after {end} bytes",
                        case.place
                    );
                    assert!(
                        case.out.starts_with(&outcome.out),
                        "{}: after {end} bytes",
                        case.place
                    );
                }
            }
        }
    }

    #[test]
    fn every_rule_is_broken_and_no_case_continues_after_the_end() {
        let mut unbroken: Vec<_> = RULES.into_iter().map(|(rule, _)| rule).collect();
        for case in load(CORPUS) {
            let Some((last, before)) = case.events.split_last() else { continue };
            assert!(
                !before.iter().any(|seen| matches!(seen, Seen::Close(_) | Seen::Error { .. })),
                "{}",
                case.place
            );
            if let Seen::Error { rule, .. } = last {
                unbroken.retain(|name| name != rule);
            }
        }
        assert!(unbroken.is_empty(), "no case breaks {unbroken:?}");
    }

    #[test]
    fn every_case_lists_its_rules() {
        let cases = load(CORPUS);
        for case in &cases {
            assert!(!case.proves.is_empty(), "{}", case.place);
            for proof in &case.proves {
                let number = ["R6455-", "AB", "A", "E", "F", "X"]
                    .iter()
                    .find_map(|list| proof.strip_prefix(list));
                let known =
                    number.is_some_and(|number| number.starts_with(|c: char| c.is_ascii_digit()));
                assert!(known, "{}: `{proof}`", case.place);
            }
        }
        // The rows of the abuse list that bytes alone can show.
        for row in 1..=34 {
            let row = format!("A{row}");
            assert!(cases.iter().any(|case| case.proves.contains(&row)), "no case proves {row}");
        }
    }

    #[test]
    fn a_case_parses_as_documented() {
        let text = r#"
            # A comment.
            name: one of each
            proves: R6455-5.3-4 A6
            role: both
            limit: message 128
            in: 81 m05 M "a\"\\" FF*2 | 89 m00 M # two frames
            in*2: 8A m00 M
            event: text "a\"\\" "b"*3
            event: text hex E282AC
            event: close 1000 "bye"
            event: close none
            event: error NonMinimalLength 1002
            out*2: 8A 00
        "#;
        let cases = parse("example.txt", text);
        let [case] = cases.as_slice() else { panic!("one case") };
        assert_eq!(case.place, "example.txt:3");
        assert_eq!(case.proves, ["R6455-5.3-4", "A6"]);
        assert_eq!(case.limits.max_message_size, 128);
        assert_eq!(
            case.input(Role::Client, KEYS[1]),
            [0x81, 5, b'a', b'"', b'\\', 0xFF, 0xFF, 0x89, 0, 0x8A, 0, 0x8A, 0]
        );
        assert_eq!(
            case.input(Role::Server, [1, 2, 3, 4])[..17],
            [
                0x81,
                0x85,
                1,
                2,
                3,
                4,
                b'a' ^ 1,
                b'"' ^ 2,
                b'\\' ^ 3,
                0xFF ^ 4,
                0xFF ^ 1,
                0x89,
                0x80,
                1,
                2,
                3,
                4
            ]
        );
        assert_eq!(
            case.events,
            [
                Seen::Text("a\"\\bbb".to_owned()),
                Seen::Text("\u{20AC}".to_owned()),
                Seen::Close(Some((1000, "bye".to_owned()))),
                Seen::Close(None),
                Seen::Error { rule: "NonMinimalLength", close_code: 1002 },
            ]
        );
        assert_eq!(case.out, [0x8A, 0, 0x8A, 0]);
    }

    #[test]
    fn a_malformed_case_is_refused_with_its_location() {
        let whole = "name: n\nproves: A1\nrole: both\n";
        for (line, why) in [
            ("in: 8", "`8` is not hex bytes"),
            ("in: mFF", "`mFF` is not a length byte: the MASK bit is added to 00 to 7F"),
            ("in: \"a", "the quotation does not end"),
            ("in: \"\u{E9}\"", "'\u{E9}' is not printable ASCII: write it in hex"),
            ("in: \"a\"00", "expected a space before `00`"),
            ("in: 00*x", "`x` is not a number in range"),
            ("event: ping M", "`mNN`, `M` and `|` belong in `in:` lines"),
            ("event: error Nothing 1002", "unknown rule `Nothing`"),
            ("limit: depth 3", "unknown limit `depth`"),
            ("role: both", "the field is there twice (is a blank line missing?)"),
            ("nonsense", "expected `field: value`"),
        ] {
            let text = format!("{whole}{line}\n");
            let panic = std::panic::catch_unwind(|| parse("bad.txt", &text)).expect_err(line);
            assert_eq!(
                panic.downcast_ref::<String>(),
                Some(&format!("bad.txt:4: {why}")),
                "{line}"
            );
        }
    }
}
