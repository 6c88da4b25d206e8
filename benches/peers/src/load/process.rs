//! A server as a process of its own, and what the system says about it.

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use rustix::param::clock_ticks_per_second;
use rustix::thread::{CpuSet, sched_setaffinity};

const SERVERS_PROCESSOR: usize = 0;
const OUR_PROCESSOR: usize = 1;

/// A running server; it is killed when this is dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// Kept, so that its output finds an open pipe.
    _output: BufReader<ChildStdout>,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Server {
    /// Starts a server with one thread on a processor of its own, and waits until it says `listening on ADDRESS`.
    /// The address it is to take is appended to the words of `command`, or takes the place of `{}`.
    ///
    /// # Errors
    ///
    /// If it does not start, or says something else.
    pub fn start(command: &str) -> io::Result<Self> {
        Self::start_with_threads(command, 1)
    }

    /// Starts a server as [`start`](Self::start) does; with several threads, also on our processor, and with
    /// `--threads N` appended.
    ///
    /// # Errors
    ///
    /// If it does not start, or says something else.
    pub fn start_with_threads(command: &str, threads: usize) -> io::Result<Self> {
        let count = threads.to_string();
        let mut words: Vec<&str> = command.split_whitespace().collect();
        match words.iter_mut().find(|word| **word == "{}") {
            Some(word) => *word = "127.0.0.1:0",
            None => words.push("127.0.0.1:0"),
        }
        let mut processors = vec![SERVERS_PROCESSOR];
        if threads > 1 {
            words.extend(["--threads", &count]);
            processors.push(OUR_PROCESSOR);
        }
        let mut process = Command::new(words[0]);
        process.args(&words[1..]).stdout(Stdio::piped()).stderr(Stdio::null());
        // A process begins on the processor of the one that starts it.
        run_on(&processors)?;
        let child = process.spawn();
        run_on(&[OUR_PROCESSOR])?;
        let mut child = child.map_err(|error| io::Error::other(format!("{command}: {error}")))?;

        let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut line = String::new();
        output.read_line(&mut line)?;
        let address = line.trim().strip_prefix("listening on ").and_then(|to| to.parse().ok());
        let Some(address) = address else {
            child.kill()?;
            child.wait()?;
            return Err(io::Error::other(format!("{command} does not say where it listens")));
        };
        Ok(Self { child, _output: output, address })
    }

    /// How long it has been computing, in user space and in the kernel.
    ///
    /// # Errors
    ///
    /// If it has ended.
    pub fn processor_time(&self) -> io::Result<Duration> {
        processor_time(&self.child.id().to_string(), OWN)
    }

    /// How long its threads have been computing, to less than a tick of [`processor_time`](Self::processor_time).
    /// Threads that have ended are not counted.
    ///
    /// # Errors
    ///
    /// If it has ended, or the system keeps no such account.
    pub fn time_of_threads(&self) -> io::Result<Duration> {
        let mut nanoseconds = 0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let account = fs::read_to_string(thread?.path().join("schedstat"))?;
            let running = account.split(' ').next().and_then(|time| time.parse::<u64>().ok());
            nanoseconds += running.ok_or(io::ErrorKind::InvalidData)?;
        }
        Ok(Duration::from_nanos(nanoseconds))
    }

    /// How much memory it holds in user space, in bytes.
    ///
    /// # Errors
    ///
    /// If it has ended.
    pub fn memory(&self) -> io::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        Ok(kibibytes.ok_or(io::ErrorKind::InvalidData)? << 10)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that has ended already needs no killing.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How long this process has been computing, in user space and in the kernel.
pub(super) fn our_processor_time() -> io::Result<Duration> {
    processor_time("self", OWN)
}

/// How long the processes that this one has waited for, and those that they have waited for, have been computing.
///
/// # Errors
///
/// If the system does not say.
pub fn processor_time_of_children() -> io::Result<Duration> {
    processor_time("self", CHILDREN)
}

/// Where the times of a process are in its `stat`, and those of its children, counted from the third field.
const OWN: usize = 11;
const CHILDREN: usize = 13;

fn processor_time(process: &str, first: usize) -> io::Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The second field, the name, ends with the last parenthesis.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u64 = fields.skip(first).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    Ok(Duration::from_secs_f64(ticks as f64 / clock_ticks_per_second() as f64))
}

fn run_on(processors: &[usize]) -> io::Result<()> {
    let mut set = CpuSet::new();
    processors.iter().for_each(|processor| set.set(*processor));
    sched_setaffinity(None, &set).map_err(|_| io::Error::other("this needs two processors"))
}
