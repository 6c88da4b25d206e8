//! The terminal above the line that is being typed.

use std::io::{self, Write};

use rustyline::ExternalPrinter;
use ws_std::Message;

use crate::terminal::{Colours, hex, visible};

/// How many bytes of a message are shown.
const MOST: usize = 64 << 10;

/// Prints above the line that is being typed. Takes whole lines.
pub(super) struct Screen<P: ExternalPrinter>(pub(super) P);

impl<P: ExternalPrinter> Write for Screen<P> {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(lines).into_owned();
        if self.0.print(text).is_err() {
            // Nothing is being typed any more.
            io::stdout().write_all(lines)?;
        }
        Ok(lines.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stdout().flush()
    }
}

/// Waits until everything is shown: a printer hands its text over to the thread in which the user types, and that takes
/// one text at a time. So when the second text is handed over, all before the first one is shown. Each leads one line
/// up and down again.
impl<P: ExternalPrinter> Drop for Screen<P> {
    fn drop(&mut self) {
        for _ in 0..2 {
            // Fails if nothing is being typed any more.
            let _ = self.0.print("\x1b[A\n".into());
        }
    }
}

/// Appends a message as it is shown. Its further lines are indented, so that none looks like another message.
pub(super) fn append_message(message: &Message, colours: Colours, out: &mut Vec<u8>) {
    let bytes = message.as_bytes();
    let shown = bytes.get(..MOST).unwrap_or(bytes);
    let text = match message {
        Message::Text(_) => visible(&String::from_utf8_lossy(shown)),
        Message::Binary(_) => format!("binary, {} bytes: {}", bytes.len(), hex(shown)),
    };
    append("<", &text, colours, out);
    if shown.len() < bytes.len() {
        append_notice(&format!("{} bytes more", bytes.len() - shown.len()), colours, out);
    }
}

/// Appends a notice of this program.
pub(super) fn append_notice(text: &str, colours: Colours, out: &mut Vec<u8>) {
    append("*", &visible(text), colours, out);
}

fn append(mark: &str, text: &str, colours: Colours, out: &mut Vec<u8>) {
    let text = text.replace('\n', "\n  ");
    out.extend_from_slice(format!("{} {text}\n", colours.quiet(mark)).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(message: impl Into<Message>) -> String {
        let mut out = Vec::new();
        append_message(&message.into(), Colours::none(), &mut out);
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn messages_cannot_look_like_others() {
        assert_eq!(shown("a\n< b\x1b[2J"), "< a\n  < b\\u{1b}[2J\n");
        assert_eq!(shown(vec![0, 255]), "< binary, 2 bytes: 00ff\n");
    }

    #[test]
    fn long_messages_are_cut() {
        let long = shown("x".repeat(MOST + 7));
        assert!(long.ends_with("\n* 7 bytes more\n"), "{} bytes", long.len());
        // The cut character is shown as one.
        assert!(shown(format!("x{}", "é".repeat(MOST))).contains("\u{fffd}\n* "));
    }
}
