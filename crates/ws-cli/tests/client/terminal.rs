//! The dialogue, in a pseudo-terminal.

use std::fs;
use std::io::Write;
use std::process::Command;

use rexpect::session::{PtySession, spawn_command};
use ws_std::wsproto::{CloseCode, CloseFrame};
use ws_std::{Message, RunningServer, ServerOptions, WebSocketConnection};

use super::support::{Folder, LONG, by_hand, drain, echo, end, serve, url};

/// Starts the command in a terminal, with a home folder of its own. A shell tells its status, and the mode of the
/// terminal before and after.
fn start(arguments: &[&str], home: &Folder) -> PtySession {
    // The shell outlives a Ctrl-C that is also sent to it.
    let script = "trap : INT; stty -a >\"$HOME/before\"; \"$0\" \"$@\"; echo \"status $?.\"; \
        stty -a >\"$HOME/after\"";
    let mut command = Command::new("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_ws")]).args(arguments);
    command.env_remove("RUST_LOG").env_remove("XDG_STATE_HOME");
    command.env("HOME", &home.0).env("TERM", "xterm").env("NO_COLOR", "1");
    let milliseconds = LONG.as_millis().try_into().expect("a minute");
    spawn_command(command, Some(milliseconds)).expect("a terminal")
}

/// Waits for the end. Returns the exit status, and what was printed before.
fn status(mut terminal: PtySession, home: &Folder) -> (i32, String) {
    let rest = terminal.exp_string("status ").expect("it ends");
    let status = terminal.exp_string(".").expect("a number").parse().expect("a number");
    terminal.exp_eof().expect("it ends");
    let mode = |name| fs::read_to_string(home.file(name)).expect("written");
    assert_eq!(mode("before"), mode("after"), "the mode of the terminal is restored");
    (status, rest)
}

fn expect(terminal: &mut PtySession, text: &str) {
    if let Err(error) = terminal.exp_string(text) {
        panic!("{text:?}: {error}");
    }
}

fn dialogue(server: &RunningServer, home: &Folder) -> PtySession {
    let mut terminal = start(&[&url(server)], home);
    expect(&mut terminal, "* connected to ws://127.0.0.1:");
    expect(&mut terminal, "> ");
    terminal
}

#[test]
fn lines_are_sent_and_answers_shown() {
    let (server, home) = (echo(ServerOptions::new()), Folder::new());
    let mut terminal = dialogue(&server, &home);
    terminal.send_line("hello").expect("a terminal");
    expect(&mut terminal, "< hello\r\n");
    terminal.send_line("/binary 00 ff").expect("a terminal");
    expect(&mut terminal, "< binary, 2 bytes: 00ff\r\n");
    terminal.send_line("//slash").expect("a terminal");
    expect(&mut terminal, "< /slash\r\n");
    let file = home.file("a file");
    fs::write(&file, b"\x01\x02").expect("written");
    terminal.send_line(&format!("/file {file}")).expect("a terminal");
    expect(&mut terminal, "< binary, 2 bytes: 0102\r\n");
    terminal.send_line("/ping").expect("a terminal");
    expect(&mut terminal, "* pong after ");
    terminal.send_line("/stats").expect("a terminal");
    expect(&mut terminal, "sent 4 messages, 15 bytes\r\n");
    expect(&mut terminal, "received 4 messages, 15 bytes\r\n");
    expect(&mut terminal, "round trip ");
    terminal.send_line("/help").expect("a terminal");
    expect(&mut terminal, "/close CODE WHY");
    terminal.send_line("/nonsense").expect("a terminal");
    expect(&mut terminal, "* there is no /nonsense");
    // The prompt has the round trip.
    expect(&mut terminal, " ms> ");
    terminal.send_control('d').expect("a terminal");
    let (status, rest) = status(terminal, &home);
    assert!(rest.contains("ws: closed by this end: 1000 Normal Closure"), "{rest:?}");
    assert_eq!(status, 0);
    end(server);
}

#[test]
fn a_close_has_a_code_and_a_reason() {
    let home = Folder::new();
    let (to, frames) = std::sync::mpsc::channel();
    let url = by_hand(move |stream| {
        let mut ws = ws_by_hand::Reader(stream);
        to.send(ws.close()).expect("the test waits");
    });
    // Without a keep-alive, the first frame is the Close.
    let mut terminal = start(&[&url, "--keep-alive", "off"], &home);
    expect(&mut terminal, "> ");
    terminal.send_line("/close 1001").expect("a terminal");
    expect(&mut terminal, "* a client may close with 1000 or 3000 to 4999, not 1001 Going Away");
    terminal.send_line("/close 4000 why not").expect("a terminal");
    assert_eq!(frames.recv_timeout(LONG).expect("a Close"), b"\x0f\xa0why not");
    let (_, rest) = status(terminal, &home);
    assert!(rest.contains("ws: "), "{rest:?}");
}

/// Frames of a client, read by hand.
mod ws_by_hand {
    use std::io::Read;
    use std::net::TcpStream;

    pub(super) struct Reader(pub(super) TcpStream);

    impl Reader {
        /// Reads a Close of less than 126 bytes. Returns its payload.
        pub(super) fn close(&mut self) -> Vec<u8> {
            let mut header = [0; 6];
            self.0.read_exact(&mut header).expect("a frame");
            assert_eq!(header[0], 0x88);
            let mut payload = vec![0; usize::from(header[1] & 0x7f)];
            self.0.read_exact(&mut payload).expect("a frame");
            payload.iter_mut().zip(header[2..].iter().cycle()).for_each(|(byte, key)| *byte ^= key);
            payload
        }
    }
}

#[test]
fn what_arrives_does_not_mangle_the_line_that_is_typed() {
    let (server, home) = (echo(ServerOptions::new()), Folder::new());
    let mut terminal = dialogue(&server, &home);
    terminal.send("half a Q").expect("a terminal");
    terminal.flush().expect("a terminal");
    // Its last character is shown.
    expect(&mut terminal, "Q");
    let ws = server.handle().connections().pop().expect("a connection");
    ws.send("news").expect("open");
    // The line is drawn again below what has arrived.
    expect(&mut terminal, "< news\r\n");
    expect(&mut terminal, "> half a Q");
    terminal.send_line("!").expect("a terminal");
    expect(&mut terminal, "< half a Q!\r\n");
    terminal.send_control('d').expect("a terminal");
    assert_eq!(status(terminal, &home).0, 0);
    end(server);
}

#[test]
fn pasted_lines_are_one_message() {
    let (server, home) = (echo(ServerOptions::new()), Folder::new());
    let mut terminal = dialogue(&server, &home);
    terminal.send("\x1b[200~one\ntwo\x1b[201~\r").expect("a terminal");
    terminal.flush().expect("a terminal");
    expect(&mut terminal, "< one\r\n  two\r\n");
    terminal.send_control('d').expect("a terminal");
    assert_eq!(status(terminal, &home).0, 0);
    end(server);
}

#[test]
fn a_hostile_text_controls_nothing() {
    let server = serve(ServerOptions::new(), |ws: &WebSocketConnection, _: Message| {
        let _ = ws.send("\x1b[2J\x1b]0;title\x07\u{202e}\n< a fake\u{9b}2J");
    });
    let home = Folder::new();
    let mut terminal = dialogue(&server, &home);
    terminal.send_line("go").expect("a terminal");
    expect(&mut terminal, "< \\u{1b}[2J\\u{1b}]0;title\\u{7}\\u{202e}\r\n  < a fake\\u{9b}2J\r\n");
    terminal.send_control('d').expect("a terminal");
    assert_eq!(status(terminal, &home).0, 0);
    end(server);
}

#[test]
fn ctrl_c_closes_and_once_more_ends_at_once() {
    let (server, home) = (echo(ServerOptions::new()), Folder::new());
    let mut terminal = dialogue(&server, &home);
    terminal.send_control('c').expect("a terminal");
    let (ended, rest) = status(terminal, &home);
    assert!(rest.contains("ws: closed by this end: 1000 Normal Closure"), "{rest:?}");
    assert_eq!(ended, 0);
    end(server);

    let (to, closes) = std::sync::mpsc::channel();
    let silent = by_hand(move |stream| {
        let mut ws = ws_by_hand::Reader(stream);
        to.send(ws.close()).expect("the test waits");
        drain(ws.0);
    });
    let mut terminal = start(&[&silent, "--keep-alive", "off"], &home);
    expect(&mut terminal, "> ");
    terminal.send_control('c').expect("a terminal");
    assert_eq!(closes.recv_timeout(LONG).expect("a Close"), 1000u16.to_be_bytes());
    terminal.send_control('c').expect("a terminal");
    assert_eq!(status(terminal, &home).0, 130);
}

#[test]
fn the_last_word_of_a_server_is_shown() {
    let server = serve(ServerOptions::new(), |ws: &WebSocketConnection, _: Message| {
        let _ = ws.send("the last word");
        let _ = ws.close(CloseFrame::new(CloseCode::GOING_AWAY, "night").expect("short"));
    });
    let home = Folder::new();
    let mut terminal = dialogue(&server, &home);
    // While a line is typed.
    terminal.send("go\rand on").expect("a terminal");
    terminal.flush().expect("a terminal");
    expect(&mut terminal, "< the last word\r\n");
    let (status, rest) = status(terminal, &home);
    assert!(rest.contains("ws: closed by the peer: 1001 Going Away: \"night\""), "{rest:?}");
    assert_eq!(status, 0);
    end(server);
}

#[test]
fn typed_lines_are_remembered_unless_they_must_not_be() {
    let (server, home) = (echo(ServerOptions::new()), Folder::new());
    let history = home.file(".local/state/ws/history");
    let mut terminal = start(&[&url(&server), "--no-history"], &home);
    expect(&mut terminal, "> ");
    terminal.send_line("forgotten").expect("a terminal");
    expect(&mut terminal, "< forgotten");
    terminal.send_control('d').expect("a terminal");
    assert_eq!(status(terminal, &home).0, 0);
    assert!(!fs::exists(&history).expect("a folder"));

    let mut terminal = dialogue(&server, &home);
    for line in ["remembered", " not this"] {
        terminal.send_line(line).expect("a terminal");
        expect(&mut terminal, &format!("< {line}"));
    }
    terminal.send_control('d').expect("a terminal");
    assert_eq!(status(terminal, &home).0, 0);
    let lines = fs::read_to_string(&history).expect("written");
    assert!(lines.contains("remembered") && !lines.contains("not this"), "{lines}");
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(&history).expect("a file").permissions().mode();
    assert_eq!(mode & 0o077, 0, "others cannot read it: {mode:o}");

    // The line before is offered again.
    let mut terminal = dialogue(&server, &home);
    terminal.send("\x1b[A\r").expect("a terminal");
    terminal.flush().expect("a terminal");
    expect(&mut terminal, "< remembered");
    terminal.send_control('d').expect("a terminal");
    assert_eq!(status(terminal, &home).0, 0);
    end(server);
}

#[test]
fn a_server_that_floods_can_be_left() {
    let url = by_hand(|mut stream| {
        let flood = b"\x81\x01x".repeat(10_000);
        while stream.write_all(&flood).is_ok() {}
    });
    let home = Folder::new();
    let mut terminal = start(&[&url, "--timeout", "200ms"], &home);
    expect(&mut terminal, "< x\r\n");
    terminal.send_control('c').expect("a terminal");
    // It has not read our Close.
    assert_eq!(status(terminal, &home).0, 4);
}

#[test]
fn a_byte_that_is_not_utf_8_ends_nothing() {
    let (server, home) = (echo(ServerOptions::new()), Folder::new());
    let mut terminal = dialogue(&server, &home);
    let mut keys = terminal.process().get_file_handle().expect("a terminal");
    keys.write_all(b"caf\xff").expect("a terminal");
    expect(&mut terminal, "* a byte that is not UTF-8: the line up to it is left out");
    terminal.send_line(" and more").expect("a terminal");
    expect(&mut terminal, "<  and more\r\n");
    terminal.send_control('d').expect("a terminal");
    assert_eq!(status(terminal, &home).0, 0);
    end(server);
}
