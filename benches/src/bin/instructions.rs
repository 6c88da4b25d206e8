//! Counts instructions, which do not depend on the load of the machine.
//!
//! ```text
//! cargo run --release -p benches --bin instructions            compare with the baseline
//! cargo run --release -p benches --bin instructions -- --save  make it the baseline
//! ```
//!
//! It runs itself under callgrind once for each cell: `instructions WORKLOAD SIZE`.

use std::env;
use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::hint::black_box;
use std::process::{Command, ExitCode};
use std::sync::Arc;

use benches::engine::{
    decode_in_place, echo, encode_client, encode_server, finish_client, open_client, open_server,
};
use benches::workload::{Kind, Workload};

const BASELINE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/instructions.tsv");
const COLUMNS: &str = "workload\tsize\tinstructions_per_frame\n";

const WORKLOADS: [&str; 5] =
    ["decode-binary", "decode-ascii", "decode-mixed", "encode-server", "encode-client"];
const SIZES: [usize; 3] = [16, 125, 1 << 10];
const MESSAGES: usize = 2000;

/// Further cells. Of a handshake, the size is that of the messages: there are none.
const OTHERS: [(&str, usize); 3] =
    [("handshake-server", 0), ("handshake-client", 0), ("echo-16-in-a-read", 125)];

/// How many messages a read of an echo brings.
const BATCH: usize = 16;

/// The relative increase over the baseline that counts as a regression.
const TOLERANCE: f64 = 0.03;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => compare(),
        ["--save"] => {
            fs::write(BASELINE, format!("{}\n{COLUMNS}{}", compiler()?, table(&count_all()?)))?;
            Ok(ExitCode::SUCCESS)
        }
        [workload, size] => {
            work(workload, size.parse()?);
            Ok(ExitCode::SUCCESS)
        }
        _ => Err("usage: instructions [--save]".into()),
    }
}

/// Counts, and fails if a cell needs more instructions than the baseline.
fn compare() -> Result<ExitCode, Box<dyn Error>> {
    let baseline = fs::read_to_string(BASELINE)?;
    let mut lines = baseline.lines();
    let (made_by, compiler) = (lines.next().unwrap_or_default(), compiler()?);
    if made_by != compiler {
        return Err(format!(
            "the baseline was made by {made_by}, this is {compiler}: nothing can be compared \
             before it is made anew, from a state known to be good (-- --save)"
        )
        .into());
    }
    let mut worse = false;
    for (cell, line) in count_all()?.iter().zip(lines.skip(1)) {
        let (name, before) = line.rsplit_once('\t').ok_or("a baseline without counts")?;
        if name != cell.name {
            return Err(format!("the baseline has {name} where {} belongs", cell.name).into());
        }
        let change = cell.instructions / before.parse::<f64>()? - 1.0;
        let verdict = if change > TOLERANCE { "  REGRESSION" } else { "" };
        let (instructions, percent) = (cell.instructions, change * 100.0);
        println!("{name}\t{instructions:.1}\t{percent:+.1} %{verdict}");
        worse |= change > TOLERANCE;
    }
    Ok(if worse { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The number of instructions of a cell, per frame.
struct Cell {
    name: String,
    instructions: f64,
}

fn count_all() -> Result<Vec<Cell>, Box<dyn Error>> {
    let cells = WORKLOADS.iter().flat_map(|workload| SIZES.map(|size| (*workload, size)));
    cells
        .chain(OTHERS)
        .map(|(workload, size)| {
            let instructions = count(workload, size)? as f64 / MESSAGES as f64;
            Ok(Cell { name: format!("{workload}\t{size}"), instructions })
        })
        .collect()
}

/// Runs this program under callgrind, which reports the count on standard error.
fn count(workload: &str, size: usize) -> Result<u64, Box<dyn Error>> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg("--toggle-collect=*instructions*measured*")
        .arg(env::current_exe()?)
        .args([workload, &size.to_string()])
        .output()
        .map_err(|error| format!("valgrind: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let collected = said.lines().find_map(|line| line.split_once("Collected : ")?.1.parse().ok());
    collected.filter(|count| *count > 0).ok_or_else(|| said.into())
}

fn work(workload: &str, size: usize) {
    if workload.starts_with("handshake") {
        return handshake(workload == "handshake-server");
    }
    let kind = match workload {
        "decode-ascii" => Kind::Ascii,
        "decode-mixed" => Kind::Mixed,
        _ => Kind::Binary,
    };
    let mut task = Workload::repeated(kind, size, size, MESSAGES);
    let mut out = Vec::with_capacity(task.wire.len());
    match workload {
        "encode-server" => measured(|| encode_server(&task, &mut out)),
        "encode-client" => measured(|| encode_client(&task, &mut out)),
        "echo-16-in-a-read" => {
            let read = BATCH * task.wire.len() / MESSAGES;
            measured(|| {
                black_box(echo(&mut task.wire, read));
            });
        }
        _ => measured(|| {
            black_box(decode_in_place(&mut task.wire));
        }),
    }
    black_box(&out);
}

/// Opens as many connections as other cells have messages; those of one end are counted.
fn handshake(of_server: bool) {
    let config = Arc::default();
    let (mut request, mut response) = (Vec::new(), Vec::new());
    for _ in 0..MESSAGES {
        request.clear();
        response.clear();
        if of_server {
            let _ = open_client(&config, &mut request);
            measured(|| open_server(&config, &mut request, &mut response));
        } else {
            let mut client = None;
            measured(|| client = Some(open_client(&config, &mut request)));
            open_server(&config, &mut request, &mut response);
            measured(|| finish_client(client.as_mut().expect("opened"), &mut response));
        }
    }
}

/// Only instructions in here are counted.
#[inline(never)]
fn measured(work: impl FnOnce()) {
    work();
}

fn table(cells: &[Cell]) -> String {
    cells.iter().fold(String::new(), |mut table, Cell { name, instructions }| {
        let _ = writeln!(table, "{name}\t{instructions:.1}");
        table
    })
}

/// Returns the compiler's version: another compiler produces other instructions.
fn compiler() -> Result<String, Box<dyn Error>> {
    let output = Command::new("rustc").arg("--version").output()?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
