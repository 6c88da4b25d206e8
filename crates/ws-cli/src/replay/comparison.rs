//! The messages that arrive beside those of the recording.

use std::fs::File;
use std::io::BufReader;

use parking_lot::Mutex;
use ws_std::Message;

use super::recording::{Step, Steps, What};
use crate::terminal::{hex, printable, tell};

/// How many differences are told.
const MOST_TOLD: u64 = 10;

/// How many bytes of a message are told.
const MOST_SHOWN: usize = 60;

/// Compares messages, in their order.
#[derive(Debug)]
pub(super) struct Comparison<S = Steps<BufReader<File>>>(Mutex<State<S>>);

#[derive(Debug)]
struct State<S> {
    steps: S,
    /// How many messages have arrived.
    arrived: u64,
    differences: u64,
}

impl<S: Iterator<Item = Result<Step, String>>> Comparison<S> {
    pub(super) const fn new(steps: S) -> Self {
        Self(Mutex::new(State { steps, arrived: 0, differences: 0 }))
    }

    /// Compares a message with the next one of the recording. Tells the first differences on standard error.
    pub(super) fn arrived(&self, message: &Message) {
        let mut state = self.0.lock();
        state.arrived += 1;
        let number = state.arrived;
        match state.next_expected() {
            Some((_, expected)) if expected == *message => {}
            Some((line, expected)) => state.tell(&format!(
                "message {number} is {}; in line {line} of the recording it is {}",
                shown(message),
                shown(&expected)
            )),
            None => state.tell(&format!(
                "message {number} is {}; the recording has no more",
                shown(message)
            )),
        }
    }

    /// Returns how many messages of the recording have not arrived, and forgets them.
    fn missing(&self) -> u64 {
        let mut state = self.0.lock();
        std::iter::from_fn(|| state.next_expected()).fold(0, |count, _| count + 1)
    }

    /// Returns whether everything was as recorded; the error is a line for the user.
    pub(super) fn verdict(&self) -> Result<(), String> {
        let missing = self.missing();
        let State { arrived, differences, .. } = &*self.0.lock();
        match (*differences, missing) {
            (0, 0) => Ok(()),
            (0, _) => Err(format!(
                "{missing} messages of the recording are missing, behind {arrived} equal ones"
            )),
            (_, 0) => Err(format!("{differences} of {arrived} messages differ from the recording")),
            _ => Err(format!(
                "{differences} of {arrived} messages differ from the recording, and {missing} are missing"
            )),
        }
    }
}

impl<S: Iterator<Item = Result<Step, String>>> State<S> {
    /// Returns the next message that the recording expects, and its line. The recording was checked before.
    fn next_expected(&mut self) -> Option<(u64, Message)> {
        self.steps.by_ref().map_while(Result::ok).find_map(|step| match step.what {
            What::Expect(message) => Some((step.line, message)),
            _ => None,
        })
    }

    fn tell(&mut self, line: &str) {
        self.differences += 1;
        if self.differences <= MOST_TOLD {
            tell(&format!("ws: {line}"));
        }
    }
}

/// Returns the beginning of a message, for people.
fn shown(message: &Message) -> String {
    let (text, is_cut) = match message {
        Message::Text(text) => {
            let start: String = text.chars().take(MOST_SHOWN).collect();
            let is_cut = start.len() < text.len();
            (format!("\"{}\"", printable(&start)), is_cut)
        }
        Message::Binary(bytes) => {
            let start = bytes.get(..MOST_SHOWN / 2).unwrap_or(bytes);
            (format!("binary {}", hex(start)), start.len() < bytes.len())
        }
    };
    let bytes = message.as_bytes().len();
    if is_cut { format!("{text}... ({bytes} bytes)") } else { text }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn verdict(expected: &[&str], arrived: &[&str]) -> Result<(), String> {
        let step = |what| Ok(Step { at: Duration::ZERO, line: 1, what });
        let sent = step(What::Send("mine".into()));
        let expected = expected.iter().map(|text| step(What::Expect((*text).into())));
        let comparison = Comparison::new([sent].into_iter().chain(expected));
        for text in arrived {
            comparison.arrived(&(*text).into());
        }
        comparison.verdict()
    }

    #[test]
    fn messages_are_compared_in_their_order() {
        assert_eq!(verdict(&["a", "b"], &["a", "b"]), Ok(()));
        assert_eq!(verdict(&[], &[]), Ok(()));
        let differ = |line: &str| Err(line.to_owned());
        assert_eq!(verdict(&["a"], &["b"]), differ("1 of 1 messages differ from the recording"));
        assert_eq!(verdict(&[], &["a"]), differ("1 of 1 messages differ from the recording"));
        assert_eq!(
            verdict(&["a", "b"], &["a"]),
            differ("1 messages of the recording are missing, behind 1 equal ones")
        );
        assert_eq!(
            verdict(&["a", "b", "c"], &["b"]),
            differ("1 of 1 messages differ from the recording, and 2 are missing")
        );
    }

    #[test]
    fn long_messages_are_cut() {
        assert_eq!(shown(&"a\x1b".into()), r#""a\u{1b}""#);
        let shown_text = shown(&"é".repeat(61).into());
        assert!(shown_text.ends_with("é\"... (122 bytes)"), "{shown_text}");
        assert_eq!(shown(&vec![0; 31].into()), format!("binary {}... (31 bytes)", "00".repeat(30)));
    }
}
