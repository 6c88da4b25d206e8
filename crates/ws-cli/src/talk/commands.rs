//! The lines that a user types.

use std::path::PathBuf;

use ws_std::wsproto::{CloseCode, CloseFrame};

use crate::hex;

/// The commands, for `/help`.
pub(super) const HELP: &str = "\
/ping              send a Ping, and print the time until its Pong
/close CODE WHY    close with a code (1000, 3000 to 4999) and a reason; without them, with 1000
/file PATH         send a file as a binary message
/binary HEX        send a binary message
/stats             print the time, the traffic and the round trip
/help              print this list
//TEXT             send /TEXT
Ctrl-C, Ctrl-D     close; a second one ends at once";

/// A parsed line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Input {
    Text(String),
    Binary(Vec<u8>),
    File(PathBuf),
    Ping,
    Close(CloseFrame<'static>),
    Stats,
    Help,
    Nothing,
}

impl Input {
    /// Parses a line. The error is a line for the user.
    pub(super) fn parse(line: &str) -> Result<Self, String> {
        if line.is_empty() {
            return Ok(Self::Nothing);
        }
        let Some(command) = line.strip_prefix('/') else { return Ok(Self::Text(line.into())) };
        if command.starts_with('/') {
            return Ok(Self::Text(command.into()));
        }
        let (name, rest) = command.split_once(' ').unwrap_or((command, ""));
        let rest = rest.trim();
        match (name, rest) {
            ("ping", "") => Ok(Self::Ping),
            ("stats", "") => Ok(Self::Stats),
            ("help", "") => Ok(Self::Help),
            ("close", rest) => close(rest).map(Self::Close),
            ("file", "") => Err("/file needs a path".into()),
            ("file", path) => Ok(Self::File(path.into())),
            ("binary", digits) => hex::decode(digits).map(Self::Binary),
            ("ping" | "stats" | "help", _) => Err(format!("/{name} takes nothing more")),
            _ => Err(format!("there is no /{name}; /help lists all, and //{name} sends /{name}")),
        }
    }
}

fn close(rest: &str) -> Result<CloseFrame<'static>, String> {
    let (code, reason) = rest.split_once(' ').unwrap_or((rest, ""));
    let code = match code {
        "" => CloseCode::NORMAL,
        code => CloseCode::new(code.parse().map_err(|_| format!("{code:?} is not a close code"))?),
    };
    if !code.is_application() {
        return Err(format!("a client may close with 1000 or 3000 to 4999, not {code}"));
    }
    CloseFrame::new(code, reason.trim().to_owned()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_text_or_commands() {
        let frame = |code, why: &'static str| {
            CloseFrame::new(CloseCode::new(code), why).expect("a close frame")
        };
        for (line, input) in [
            ("", Input::Nothing),
            (" hi", Input::Text(" hi".into())),
            ("//ping", Input::Text("/ping".into())),
            ("/ping", Input::Ping),
            ("/stats ", Input::Stats),
            ("/help", Input::Help),
            ("/file a b", Input::File("a b".into())),
            ("/binary 00 ff", Input::Binary(vec![0, 255])),
            ("/close", Input::Close(frame(1000, ""))),
            ("/close 4000 why not", Input::Close(frame(4000, "why not"))),
        ] {
            assert_eq!(Input::parse(line), Ok(input), "{line:?}");
        }
    }

    #[test]
    fn wrong_commands_are_not_sent() {
        for line in ["/", "/x", "/ping me", "/file", "/binary 0", "/close 1001", "/close x"] {
            assert!(Input::parse(line).is_err(), "{line:?}");
        }
        let reason = format!("/close 4000 {}", "x".repeat(124));
        assert!(Input::parse(&reason).is_err());
    }
}
