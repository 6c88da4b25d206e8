//! `ws trace`, run as a user would.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;

/// Runs `ws trace` with this standard input; returns its exit status, standard output and standard error.
fn trace(args: &[&str], input: &[u8]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ws"));
    command.arg("trace").args(args).env_remove("RUST_LOG");
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("ws runs");
    let (mut stdin, input) = (child.stdin.take().expect("a pipe"), input.to_vec());
    // It may refuse its arguments before it reads.
    let writing = thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().expect("it ends");
    writing.join().expect("no panic");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

const HELLO: &[u8] = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";

#[test]
fn one_direction_is_decoded() {
    for chunk in ["1", "3", "1000"] {
        let input = [HELLO, b"\x89\x80\0\0\0\0"].concat();
        let (code, out, err) = trace(&["-", "--to", "server", "--chunk", chunk], &input);
        assert_eq!((code, &*err), (Some(0), ""));
        let expected = "{\"event\":\"text\",\"data\":\"Hello\"}\n{\"event\":\"ping\",\"hex\":\"\"}\n\
            {\"event\":\"end\",\"out\":\"8a00\"}\n";
        assert_eq!(out, expected, "{chunk}");
    }
    let (code, out, _) = trace(&["-", "--to", "client"], HELLO);
    assert_eq!(code, Some(2));
    assert!(
        out.starts_with("{\"event\":\"error\",\"rule\":\"MaskedFrame\",\"close_code\":1002,"),
        "{out}"
    );
}

#[test]
fn records_are_connections() {
    let mut input = Vec::new();
    for record in [HELLO, b"\x83", b""] {
        input.extend_from_slice(&u32::try_from(record.len()).expect("short").to_be_bytes());
        input.extend_from_slice(record);
    }
    let (code, out, err) = trace(&["-", "--to", "server", "--batch"], &input);
    assert_eq!((code, &*err), (Some(2), ""), "one of them breaks a rule");
    let lines: Vec<_> = out.lines().collect();
    assert_eq!(lines[0], r#"[{"event":"text","data":"Hello"},{"event":"end","out":""}]"#);
    assert!(lines[1].starts_with(r#"[{"event":"error","rule":"#), "{}", lines[1]);
    assert_eq!(lines[2], r#"[{"event":"end","out":""}]"#);
    for cut in [&input[..2], &input[..7]] {
        let (code, _, err) = trace(&["-", "--to", "server", "--batch"], cut);
        assert_eq!(code, Some(3), "{err}");
    }
}

#[test]
fn the_parameters_of_a_compressed_capture_are_checked() {
    let (code, out, err) = trace(&["-", "--to", "client", "--deflate", "foo"], b"");
    assert_eq!((code, &*out), (Some(64), ""));
    assert!(err.contains("permessage-deflate has no parameter"), "{err}");
    let args = ["-", "--to", "client", "--deflate", "server_max_window_bits=9"];
    assert_eq!(
        trace(&args, b""),
        (Some(0), "{\"event\":\"end\",\"out\":\"\"}\n".into(), String::new())
    );
    // RFC 7692 section 7.2.3.1.
    let hello = b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00";
    let (code, out, _) = trace(&["-", "--to", "client", "--deflate", ""], hello);
    assert_eq!(code, Some(0));
    assert!(out.starts_with("{\"event\":\"text\",\"data\":\"Hello\"}\n"), "{out}");
}

#[test]
fn bad_input_is_explained() {
    let pcap = b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\xff\xff\0\0\x01\0\0\0";
    for (args, input, status, complaint) in [
        (
            &["-"][..],
            HELLO,
            64,
            "ws: -: it is no pcap file; for the bytes of one direction say --to server",
        ),
        (&["-"], b"", 64, "ws: -: it is no pcap file"),
        (&["-"], pcap, 64, "ws: -: the file has no TCP connection"),
        (&["-"], &pcap[..10], 64, "ws: -: the header of the pcap file is cut or invalid"),
        (&["-", "--to", "server"], pcap, 64, "ws: -: it is a pcap file: leave out --to"),
        (&["/nonexistent"], b"", 64, "ws: cannot read /nonexistent: "),
        (
            &["-", "--to", "server", "--chunk", "0"],
            b"",
            64,
            "error: invalid value '0' for '--chunk",
        ),
        (&["-", "--deflate", ""], b"", 64, "--to"),
        (&[], b"", 64, "FILE"),
    ] {
        let (code, _, err) = trace(args, input);
        assert_eq!(code, Some(status), "{args:?}: {err}");
        assert!(err.contains(complaint), "{args:?}: {err}");
    }
    let folder = std::env::temp_dir().display().to_string();
    let (code, _, err) = trace(&[&folder], b"");
    assert_eq!(code, Some(3), "{err}");
    let file = std::env::temp_dir().join(format!("ws-trace-{}", std::process::id()));
    fs::write(&file, HELLO).expect("written");
    let name = file.display().to_string();
    let (code, out, _) = trace(&[&name, "--to", "server"], b"");
    assert_eq!((code, out.lines().count()), (Some(0), 2));
    fs::remove_file(file).expect("it is there");
}

#[test]
fn answers_are_bounded() {
    let ping = [b"\x89\xfd\0\0\0\0", &[b'a'; 125][..]].concat();
    let (code, out, _) = trace(&["-", "--to", "server"], &ping.repeat(10_000));
    assert_eq!(code, Some(0));
    let end = out.lines().last().expect("an end");
    // Each answer has 127 bytes.
    let more = 10_000 * 127 - (1 << 20);
    assert!(end.ends_with(&format!(",\"more\":{more}}}")), "{} bytes", end.len());
    assert!(end.len() < (2 << 20) + 100, "{} bytes", end.len());
    let (_, out, _) = trace(&["-", "--to", "server"], b"\x81\x82\0\0\0\0\xc2\x9b");
    assert!(out.starts_with("{\"event\":\"text\",\"data\":\"\\u009b\"}\n"), "{out}");
}
