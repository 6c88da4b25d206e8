//! The weight of the smallest echo server of each implementation: `size [PROGRAM,...]`.
//!
//! Writes a line for each program and choice of features: the crates in its tree of normal dependencies, bytes stripped,
//! and seconds of processor time of a clean build. Each program has to echo before it counts.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::{env, fs};

use peers::Outcome;
use peers::load::tls::Tls;
use peers::load::{Client, processor_time_of_children};

/// A program, the feature that it needs, and what else is built with it: what the results call it, and more features.
type Program = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

const BUILDS: [Program; 11] = [
    ("bare", "bare", &[("", "")]),
    ("wsproto", "wsproto", &[("", ""), ("simd", "simd"), ("deflate", "deflate")]),
    ("ws-std", "ws-std", OURS),
    ("ws-mio", "ws-mio", OURS),
    ("ws-tokio", "ws-tokio", OURS),
    ("ws-tokio-async", "ws-tokio", &[("", ""), ("default", "tls,defaults")]),
    ("tungstenite", "tungstenite", &[("", ""), ("tls", "rustls")]),
    ("tokio-tungstenite", "tokio-tungstenite", ON_TOKIO),
    ("tokio-websockets", "tokio-websockets", ON_TOKIO),
    ("fastwebsockets", "fastwebsockets", &[("", ""), ("tls", "tokio-rustls")]),
    ("yawc", "yawc", &[("", ""), ("deflate", "deflate"), ("tls", "tokio-rustls")]),
];

const OURS: &[(&str, &str)] = &[
    ("", ""),
    ("simd", "simd"),
    ("deflate", "deflate"),
    ("tls", "tls"),
    ("default", "tls,defaults"),
];

const ON_TOKIO: &[(&str, &str)] = &[("", ""), ("tls", "tokio-rustls")];

fn main() -> Outcome {
    let wanted = env::args().nth(1);
    let wanted = |name: &str| wanted.iter().all(|list| list.split(',').any(|one| one == name));
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../size/Cargo.toml");
    let target = env::temp_dir().join(format!("size-{}", std::process::id()));
    let tls = Tls::new()?;
    println!("program\tfeatures\tcrates\tbytes\tbuild_cpu_s");
    for (program, needed, builds) in BUILDS.iter().filter(|(name, ..)| wanted(name)) {
        for (title, more) in *builds {
            let features = format!("{needed},{more}");
            let build =
                Build { program, features: &features, manifest: &manifest, target: &target };
            let measured = build.measure(&tls);
            let removed = fs::remove_dir_all(&target);
            let (crates, bytes, seconds) =
                measured.map_err(|error| format!("{program} with {features}: {error}"))?;
            removed?;
            println!("{program}\t{title}\t{crates}\t{bytes}\t{seconds:.1}");
        }
    }
    Ok(())
}

struct Build<'a> {
    program: &'a str,
    features: &'a str,
    manifest: &'a Path,
    target: &'a Path,
}

impl Build<'_> {
    /// Returns the number of crates, the bytes of the program, and the seconds that cargo and its children computed.
    fn measure(&self, tls: &Tls) -> Result<(usize, u64, f64), Box<dyn std::error::Error>> {
        let tree = self.cargo("tree", &["-e", "normal", "--prefix", "none"]).output()?;
        if !tree.status.success() {
            let reason = String::from_utf8_lossy(&tree.stderr);
            return Err(format!("its crates cannot be listed: {reason}").into());
        }
        let tree = String::from_utf8(tree.stdout)?;
        let crates: BTreeSet<_> = tree.lines().map(|line| line.trim_end_matches(" (*)")).collect();
        let before = processor_time_of_children()?;
        let built = self.cargo("build", &["--release", "--bin", self.program]).status()?;
        if !built.success() {
            return Err("it cannot be built".into());
        }
        let seconds = processor_time_of_children()? - before;
        let program = self.program();
        self.check(&program, tls)?;
        // Without the package of the program itself.
        Ok((crates.len() - 1, fs::metadata(&program)?.len(), seconds.as_secs_f64()))
    }

    fn cargo(&self, command: &str, arguments: &[&str]) -> Command {
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args([
            command,
            "--quiet",
            "--locked",
            "--features",
            self.features,
            "--manifest-path",
        ]);
        cargo.arg(self.manifest).args(arguments);
        cargo.env("CARGO_TARGET_DIR", self.target).stdin(Stdio::null());
        cargo
    }

    fn program(&self) -> PathBuf {
        self.target.join("release").join(self.program)
    }

    /// Checks that the program echoes.
    fn check(&self, program: &Path, tls: &Tls) -> Outcome {
        let mut command = Command::new(program);
        command.arg("127.0.0.1:0").args(tls.files()).stdout(Stdio::piped());
        let mut running = Running(command.spawn()?);
        let mut line = String::new();
        BufReader::new(running.0.stdout.take().ok_or("a pipe")?).read_line(&mut line)?;
        let address = line.trim().strip_prefix("listening on ").ok_or("it does not listen")?;
        let address = address.parse()?;
        match self.features {
            "bare," => {}
            features if features.contains("tls") => tls.connect(address)?.check(1000)?,
            _ => Client::connect(address)?.check(1000)?,
        }
        Ok(())
    }
}

/// A program, which is killed in the end.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended already needs no killing.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
