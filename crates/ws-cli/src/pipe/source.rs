//! The messages to send: arguments, or parts of standard input.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Stdin};
use std::str;

use ws_std::Message;

use super::format::{Encoding, Format, Frame};

/// The longest message of [`Frame::Chunks`], in bytes.
const CHUNK: usize = 64 << 10;

/// The messages to send.
pub(super) enum Source {
    /// These messages, on each connection.
    Arguments(Vec<Message>),
    /// Standard input, once.
    Stdin(Parts<BufReader<Stdin>>),
}

impl Source {
    /// Returns standard input, with messages of at most `most` bytes.
    pub(super) fn stdin(format: Format, most: u64) -> Self {
        Self::Stdin(Parts::stdin(format, most))
    }
}

impl Parts<BufReader<Stdin>> {
    /// Returns standard input, with messages of at most `most` bytes.
    pub(super) fn stdin(format: Format, most: u64) -> Self {
        Self::new(BufReader::with_capacity(CHUNK, io::stdin()), format, most)
    }
}

/// An input as messages.
pub(crate) struct Parts<R> {
    input: R,
    format: Format,
    most: u64,
    /// The number of parts so far, for errors.
    count: u64,
    /// The bytes of a character that a chunk has cut.
    cut: Vec<u8>,
}

impl<R: BufRead> Parts<R> {
    pub(super) const fn new(input: R, format: Format, most: u64) -> Self {
        Self { input, format, most, count: 0, cut: Vec::new() }
    }

    /// Returns the next message; `None` at the end. The error is a line for the user.
    pub(crate) fn next(&mut self) -> Result<Option<Message>, String> {
        self.count += 1;
        let part = self.next_part().map_err(|error| format!("standard input: {error}"))?;
        let Some(part) = part else { return Ok(None) };
        let count = self.count;
        let message = self.format.decode(part);
        message.map(Some).map_err(|error| format!("standard input, message {count}: {error}"))
    }

    fn next_part(&mut self) -> io::Result<Option<Vec<u8>>> {
        match self.format.frame {
            Frame::Lines => {
                let line = self.up_to(b'\n')?;
                Ok(line.map(|mut line| {
                    if line.last() == Some(&b'\r') {
                        line.pop();
                    }
                    line
                }))
            }
            Frame::Null => self.up_to(0),
            Frame::Length => self.of_length(),
            Frame::Chunks => self.chunk(),
        }
    }

    /// Reads up to a byte, or to the end of the input if that comes first.
    fn up_to(&mut self, end: u8) -> io::Result<Option<Vec<u8>>> {
        let mut part = Vec::new();
        let mut limited = (&mut self.input).take(self.most.saturating_add(1));
        if limited.read_until(end, &mut part)? == 0 {
            return Ok(None);
        }
        if part.last() == Some(&end) {
            part.pop();
        } else if part.len() as u64 > self.most {
            return Err(self.too_long());
        }
        Ok(Some(part))
    }

    fn of_length(&mut self) -> io::Result<Option<Vec<u8>>> {
        if self.input.fill_buf()?.is_empty() {
            return Ok(None);
        }
        let mut length = [0; 4];
        self.input.read_exact(&mut length).map_err(explained)?;
        let length = u64::from(u32::from_be_bytes(length));
        if length > self.most {
            return Err(self.too_long());
        }
        let mut part = Vec::new();
        (&mut self.input).take(length).read_to_end(&mut part)?;
        match part.len() as u64 == length {
            true => Ok(Some(part)),
            false => Err(explained(ErrorKind::UnexpectedEof.into())),
        }
    }

    fn chunk(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut part = std::mem::take(&mut self.cut);
        loop {
            let read = self.input.fill_buf()?;
            let (len, is_end) = (read.len(), read.is_empty());
            part.extend_from_slice(read);
            self.input.consume(len);
            if is_end {
                return Ok((!part.is_empty()).then_some(part));
            }
            if self.format.encoding == Encoding::Text {
                self.cut = part.split_off(whole_characters(&part));
            }
            if !part.is_empty() {
                return Ok(Some(part));
            }
            part = std::mem::take(&mut self.cut);
        }
    }

    fn too_long(&self) -> io::Error {
        io::Error::other(format!("message {} is longer than {} bytes", self.count, self.most))
    }
}

/// Returns the length of the text without a character that is incomplete at its end.
fn whole_characters(text: &[u8]) -> usize {
    match str::from_utf8(text) {
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        _ => text.len(),
    }
}

fn explained(error: io::Error) -> io::Error {
    match error.kind() {
        ErrorKind::UnexpectedEof => io::Error::other("it ends within a message"),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns one byte at a time.
    struct Trickle<'a>(&'a [u8]);

    impl Read for Trickle<'_> {
        fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
            let len = to.len().min(1);
            self.0.read(&mut to[..len])
        }
    }

    fn all(frame: Frame, encoding: Encoding, input: &[u8]) -> Result<Vec<Message>, String> {
        let mut messages = Vec::new();
        let input = BufReader::new(Trickle(input));
        let mut parts = Parts::new(input, Format { frame, encoding }, 8);
        while let Some(message) = parts.next()? {
            messages.push(message);
        }
        Ok(messages)
    }

    fn texts(frame: Frame, input: &str) -> Vec<String> {
        let messages = all(frame, Encoding::Text, input.as_bytes()).expect("messages");
        messages.iter().filter_map(Message::as_text).map(Into::into).collect()
    }

    #[test]
    fn lines_and_nul_bytes_separate() {
        assert_eq!(texts(Frame::Lines, "a\n\r\nbé\r\nc"), ["a", "", "bé", "c"]);
        assert_eq!(texts(Frame::Lines, "12345678\n"), ["12345678"]);
        assert_eq!(texts(Frame::Null, "a\n\0\0b"), ["a\n", "", "b"]);
        assert!(texts(Frame::Lines, "").is_empty());
    }

    #[test]
    fn lengths_precede() {
        assert_eq!(texts(Frame::Length, "\0\0\0\x02a\n\0\0\0\0\0\0\0\x01b"), ["a\n", "", "b"]);
        for cut in ["\0", "\0\0\0\x02a"] {
            let error = all(Frame::Length, Encoding::Text, cut.as_bytes()).expect_err("it is cut");
            assert_eq!(error, "standard input: it ends within a message");
        }
    }

    #[test]
    fn characters_are_whole_wherever_the_input_is_cut() {
        let text = "aé€😀";
        assert_eq!(texts(Frame::Chunks, text).concat(), text);
        assert!(texts(Frame::Chunks, text).len() > 2);
        assert!(all(Frame::Chunks, Encoding::Text, b"a\xf0\x9f").is_err());
        assert!(all(Frame::Chunks, Encoding::Text, b"a\xff").is_err());
        let bytes = all(Frame::Chunks, Encoding::Binary, b"\xff\xf0").expect("any bytes");
        assert_eq!(bytes, [vec![0xff].into(), vec![0xf0].into()]);
    }

    #[test]
    fn long_messages_are_refused() {
        for (frame, input) in
            [(Frame::Lines, "123456789"), (Frame::Null, "123456789\0"), (Frame::Length, "\0\0\0\t")]
        {
            let error = all(frame, Encoding::Text, input.as_bytes()).expect_err("too long");
            assert_eq!(error, "standard input: message 1 is longer than 8 bytes");
        }
    }
}
