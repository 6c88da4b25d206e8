//! The format of the cases, from text to [`Case`].

use std::fmt::Display;

use super::{Case, Line, Token};
use crate::model::{Limits, RULES, Role, Seen};

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

pub(super) fn parse(file: &str, text: &str) -> Vec<Case> {
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
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        let literal = match character {
            '"' => return (bytes, characters.as_str()),
            '\\' => match characters.next() {
                Some(escaped @ ('"' | '\\')) => escaped,
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
    let pairs = (0..digits.len()).step_by(2).map(|at| digits.get(at..at + 2));
    pairs
        .map(|pair| u8::from_str_radix(pair.expect("two digits"), 16).expect("two hex digits"))
        .collect()
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

pub(super) fn malformed(place: &str, why: impl Display) -> ! {
    panic!("{place}: {why}")
}
