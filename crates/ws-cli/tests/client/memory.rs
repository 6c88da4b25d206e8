//! Memory that does not follow the input.

use std::fs;
use std::io::{Read, Write};
use std::thread;

use ws_std::ServerOptions;

use super::support::{echo, end, start, url, wait};

const MEGABYTES: usize = 100;

/// More than the command needs, and much less than passes through it.
const MOST_KIB: u64 = 48 << 10;

/// Returns the most memory that a process has ever had, in KiB.
fn most_memory(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a line");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[test]
fn a_hundred_megabytes_pass_in_constant_memory() {
    let server = echo(ServerOptions::new());
    for frame in ["lines", "chunks"] {
        let mut child = start(&[&url(&server), "--binary", "--frame", frame]);
        let id = child.id();
        let mut stdin = child.stdin.take().expect("piped");
        let mut out = child.stdout.take().expect("piped");
        let block: Vec<u8> = (0..1_000_000u32)
            .map(|at| if at % 1000 == 999 { b'\n' } else { (at % 251) as u8 | 0x40 })
            .collect();
        let expected = block.clone();
        let writing = thread::spawn(move || {
            for _ in 0..MEGABYTES {
                stdin.write_all(&block).expect("it reads");
            }
            // Kept open, so that the process still runs when it is measured.
            stdin
        });
        let mut received = vec![0; expected.len()];
        for megabyte in 0..MEGABYTES {
            out.read_exact(&mut received).expect("it writes");
            assert!(received == expected, "{frame}: megabyte {megabyte} differs");
        }
        let most = most_memory(id);
        assert!(most < MOST_KIB, "{frame}: {most} KiB");
        drop(writing.join().expect("no panic"));
        assert_eq!(wait(child).status, Some(0), "{frame}");
    }
    end(server);
}
