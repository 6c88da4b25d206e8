//! The programs that measure in memory write the tables that the report reads.

use std::process::Command;

/// Runs a program, checks the names of its columns, and returns its rows.
fn rows(program: &str, arguments: &[&str], columns: &[&str]) -> Vec<Vec<String>> {
    let output = Command::new(program).args(arguments).output().expect("it starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {errors}");
    let text = String::from_utf8(output.stdout).expect("text");
    let mut rows = text.lines().map(|line| line.split('\t').map(str::to_owned).collect::<Vec<_>>());
    assert_eq!(
        rows.next().as_deref(),
        Some(&columns.iter().map(ToString::to_string).collect::<Vec<_>>()[..])
    );
    let rows: Vec<_> = rows.collect();
    assert!(rows.iter().all(|row| row.len() == columns.len()), "{rows:?}");
    rows
}

fn number(cell: &str) -> f64 {
    cell.parse().unwrap_or_else(|_| panic!("{cell} is no number"))
}

#[test]
fn handshakes_are_timed_and_their_allocations_counted() {
    let columns = ["end", "peer", "ns_per_handshake", "allocations", "bytes_allocated"];
    let program = env!("CARGO_BIN_EXE_handshake");
    let rows = rows(program, &["--rounds", "1", "--handshakes", "10"], &columns);
    assert_eq!(rows.len(), 2 * peers::handshake::peers().len());
    for row in rows {
        let [_, peer, time, allocations, bytes] = &row[..] else { panic!("{row:?}") };
        assert!(number(time) > 0.0, "{row:?}");
        if peer == "bare" {
            // Its answer, and only as a server is it its own.
            assert!(number(allocations) <= 1.0 && number(bytes) <= 28.0, "{row:?}");
        } else {
            assert!(number(allocations) >= 1.0 && number(bytes) >= 1.0, "{row:?}");
        }
    }
}

#[test]
fn broadcasts_are_timed() {
    let columns = ["connections", "size", "peer", "ns_per_connection"];
    let rows = rows(env!("CARGO_BIN_EXE_broadcast"), &["--rounds", "1"], &columns);
    assert_eq!(rows.len(), 2 * 3 * 6);
    assert!(rows.iter().all(|row| number(&row[3]) > 0.0), "{rows:?}");
}

#[test]
fn what_a_connection_costs_is_counted() {
    let columns = ["fact", "peer", "count"];
    let rows = rows(env!("CARGO_BIN_EXE_allocations"), &["connection"], &columns);
    let count = |part: &str, peer: &str| {
        let row = rows.iter().find(|row| row[0].contains(part) && row[1] == peer);
        number(&row.unwrap_or_else(|| panic!("no {part} of {peer}"))[2])
    };
    for part in
        ["idle server", "idle client", "one read", "two reads", "by a server", "by a client"]
    {
        assert_eq!(count(part, "wsproto"), 0.0, "{part}");
    }
    assert_eq!(count("one read", "wsproto, next_event"), 0.0);
    assert_eq!(count("two reads", "wsproto, next_event"), 1.0);
    assert!(rows.iter().all(|row| number(&row[2]) >= 0.0), "{rows:?}");
}
