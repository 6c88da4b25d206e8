//! A recording: the lines of `--jsonl`.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ws_std::Message;

use crate::jsonl::{End, Event, Line};

/// The longest line, in bytes: text of the longest message, each byte of it as `\u001b`.
const LONGEST_LINE: u64 = 512 << 20;

/// A file with a recording, and the part of it to play.
#[derive(Clone, Debug)]
pub(super) struct Recording {
    file: PathBuf,
    /// The number of the connection.
    connection: usize,
    side: End,
}

/// Something that happened in a recording.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Step {
    /// Since the connection opened.
    pub(super) at: Duration,
    /// The number of the line in the file.
    pub(super) line: u64,
    pub(super) what: What,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum What {
    /// The side to play sent a message.
    Send(Message),
    /// The side to play sent a Ping.
    Ping(Vec<u8>),
    /// The other side sent a message.
    Expect(Message),
    /// The connection ended.
    End,
}

impl Recording {
    pub(super) const fn new(file: PathBuf, connection: usize, side: End) -> Self {
        Self { file, connection, side }
    }

    /// Reads the recording to its end. Returns the URL of the connection.
    ///
    /// # Errors
    ///
    /// A line for the user, with the number of the wrong line, or that there is no such connection.
    pub(super) fn check(&self) -> Result<String, String> {
        let mut steps = self.steps()?;
        for step in &mut steps {
            step?;
        }
        match (steps.url.take(), steps.opened) {
            (Some(url), _) => Ok(url),
            (None, 0) => Err(format!("{} has no connection that opened", self.name())),
            (None, opened) => Err(format!(
                "{} has no connection {}: the last one is {opened}",
                self.name(),
                self.connection
            )),
        }
    }

    /// Returns the steps of the connection.
    ///
    /// # Errors
    ///
    /// A line for the user, if the file cannot be read.
    pub(super) fn steps(&self) -> Result<Steps<BufReader<File>>, String> {
        let file = File::open(&self.file);
        let file = file.map_err(|error| format!("cannot read {}: {error}", self.name()))?;
        Ok(Steps::new(BufReader::new(file), self.name(), self.connection, self.side))
    }

    fn name(&self) -> String {
        self.file.display().to_string()
    }
}

/// The steps of a connection of a recording.
#[derive(Debug)]
pub(super) struct Steps<R> {
    input: R,
    name: String,
    number: u64,
    wanted: usize,
    side: End,
    /// How many connections have opened.
    opened: usize,
    url: Option<String>,
    /// The id and the time of the connection, while it is open.
    open: Option<(Option<u64>, u64)>,
    is_over: bool,
}

impl<R: BufRead> Steps<R> {
    pub(super) const fn new(input: R, name: String, wanted: usize, side: End) -> Self {
        Self {
            input,
            name,
            number: 0,
            wanted,
            side,
            opened: 0,
            url: None,
            open: None,
            is_over: false,
        }
    }

    /// Returns the next line of the file, parsed by `parse`; `None` at the end.
    fn next_line<T>(
        &mut self,
        parse: impl FnOnce(&mut Self, &Line<'_>) -> Result<T, String>,
    ) -> Option<Result<T, String>> {
        let mut text = Vec::new();
        self.number += 1;
        let read = (&mut self.input).take(LONGEST_LINE).read_until(b'\n', &mut text);
        let parsed = match read {
            Ok(0) => return None,
            Ok(_) if !text.ends_with(b"\n") && text.len() as u64 == LONGEST_LINE => {
                Err(format!("longer than {} MiB", LONGEST_LINE >> 20))
            }
            Ok(_) => match serde_json::from_slice(text.strip_suffix(b"\n").unwrap_or(&text)) {
                Ok(line) => parse(self, &line),
                // It counts the lines of this one.
                Err(error) => {
                    let why = error.to_string().replace(" at line 1 column", " at column");
                    Err(format!("not a line of --jsonl: {why}"))
                }
            },
            Err(error) => Err(error.to_string()),
        };
        Some(parsed.map_err(|error| format!("{}, line {}: {error}", self.name, self.number)))
    }

    /// Returns the step that a line means, if it belongs to the wanted connection.
    fn step(&mut self, line: &Line<'_>) -> Result<Option<Step>, String> {
        if let Event::Open { url, .. } = &line.event {
            self.opened += 1;
            if self.opened == self.wanted {
                self.url = Some(url.clone().into_owned());
                self.open = Some((line.connection, line.at));
            }
            return Ok(None);
        }
        // Each line is checked, also those of other connections.
        let what = what(&line.event, self.side)?;
        let Some((id, begun)) = self.open else { return Ok(None) };
        // What a server sends to all has no connection.
        if line.connection.is_some() && line.connection != id {
            return Ok(None);
        }
        let at = Duration::from_micros(line.at.saturating_sub(begun));
        let is_end = what == Some(What::End);
        if is_end && line.connection == id {
            self.open = None;
        } else if is_end {
            return Ok(None);
        }
        Ok(what.map(|what| Step { at, line: self.number, what }))
    }
}

impl<R: BufRead> Iterator for Steps<R> {
    /// The error is a line for the user.
    type Item = Result<Step, String>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.is_over {
            match self.next_line(Self::step) {
                Some(Ok(None)) => {}
                Some(Ok(Some(step))) => return Some(Ok(step)),
                Some(Err(error)) => {
                    self.is_over = true;
                    return Some(Err(error));
                }
                None => self.is_over = true,
            }
        }
        None
    }
}

/// Returns what an event means for the side to play; `None` if nothing.
fn what(event: &Event<'_>, side: End) -> Result<Option<What>, String> {
    Ok(match event {
        Event::Message { from, text, binary } => {
            let message = match (text, binary) {
                (Some(text), None) => Message::Text(text.clone().into_owned()),
                (None, Some(binary)) => Message::Binary(decoded("binary", binary)?),
                _ => return Err("a message needs either text or binary".into()),
            };
            Some(if *from == side { What::Send(message) } else { What::Expect(message) })
        }
        Event::Ping { from, payload } => {
            let payload = decoded("payload", payload)?;
            (*from == side).then_some(What::Ping(payload))
        }
        Event::Close { .. } | Event::Error { .. } => Some(What::End),
        Event::Pong { .. } | Event::Open { .. } => None,
    })
}

fn decoded(name: &str, base64: &str) -> Result<Vec<u8>, String> {
    STANDARD.decode(base64).map_err(|error| format!("{name} is not Base64: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: &str = r#"{"at":10,"event":"open","time":0,"url":"ws://a/","request":{"headers":[]},"response":{"headers":[]}}"#;

    fn steps(lines: &[&str], wanted: usize, side: End) -> Result<Vec<Step>, String> {
        let text = lines.join("\n");
        Steps::new(text.as_bytes(), "file".into(), wanted, side).collect()
    }

    fn step(at: u64, line: u64, what: What) -> Step {
        Step { at: Duration::from_micros(at), line, what }
    }

    #[test]
    fn one_side_is_played() {
        let lines = [
            r#"{"at":1,"event":"error","error":"refused","status":1}"#,
            OPEN,
            r#"{"at":15,"event":"message","from":"own","text":"a"}"#,
            r#"{"at":17,"event":"message","from":"peer","binary":"AP8="}"#,
            r#"{"at":18,"event":"pong","from":"peer","payload":""}"#,
            r#"{"at":20,"event":"close","by":"own","code":1000,"reason":"","clean":true}"#,
            OPEN,
            r#"{"at":30,"event":"message","from":"own","text":"other"}"#,
        ];
        let own = steps(&lines, 1, End::Own).expect("a recording");
        assert_eq!(
            own,
            [
                step(5, 3, What::Send("a".into())),
                step(7, 4, What::Expect(vec![0, 255].into())),
                step(10, 6, What::End),
            ]
        );
        let peer = steps(&lines, 1, End::Peer).expect("a recording");
        assert_eq!(peer[1].what, What::Send(vec![0, 255].into()));
        let second = steps(&lines, 2, End::Own).expect("a recording");
        assert_eq!(second, [step(20, 8, What::Send("other".into()))]);
    }

    #[test]
    fn connections_of_a_server_are_told_apart() {
        let open = |id: u64| OPEN.replace("\"event\"", &format!("\"connection\":{id},\"event\""));
        let (first, second) = (open(7), open(8));
        let lines = [
            &*first,
            &*second,
            r#"{"at":15,"connection":8,"event":"message","from":"peer","text":"of 8"}"#,
            r#"{"at":16,"connection":7,"event":"message","from":"peer","text":"of 7"}"#,
            r#"{"at":17,"event":"message","from":"own","text":"to all"}"#,
            r#"{"at":18,"event":"error","error":"another client","status":1}"#,
            r#"{"at":19,"connection":7,"event":"close","by":"own","code":1000,"reason":"","clean":true}"#,
            r#"{"at":20,"event":"message","from":"own","text":"to the others"}"#,
        ];
        let played = steps(&lines, 1, End::Peer).expect("a recording");
        let expected = [
            step(6, 4, What::Send("of 7".into())),
            step(7, 5, What::Expect("to all".into())),
            step(9, 7, What::End),
        ];
        assert_eq!(played, expected);
    }

    #[test]
    fn wrong_lines_are_named() {
        for (line, complaint) in [
            ("", "EOF while parsing"),
            ("{", "EOF while parsing"),
            ("nonsense", "expected ident at column 2"),
            (r#"{"at":1}"#, "missing field `event`"),
            (r#"{"at":1,"event":"dance"}"#, "unknown variant `dance`"),
            (r#"{"at":-1,"event":"ping","from":"own","payload":""}"#, "invalid value"),
            (r#"{"at":1,"event":"message","from":"own"}"#, "a message needs either"),
            (r#"{"at":1,"event":"message","from":"own","text":"","binary":""}"#, "a message needs"),
            (r#"{"at":1,"event":"message","from":"own","binary":"*"}"#, "binary is not Base64"),
            (r#"{"at":1,"event":"ping","from":"own","payload":"*"}"#, "payload is not Base64"),
        ] {
            let error = steps(&[OPEN, line, "{}"], 1, End::Own).expect_err(line);
            assert!(error.starts_with("file, line 2: ") && error.contains(complaint), "{error}");
        }
    }
}
