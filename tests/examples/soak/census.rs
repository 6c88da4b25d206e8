//! The resources of this process.

use std::{fmt, fs, io};

/// The memory growth that is allowed, in KiB: less than one large message per client.
const MEMORY: usize = 32 << 10;

/// The resources that this process holds.
#[derive(Debug)]
pub(crate) struct Census {
    descriptors: usize,
    threads: usize,
    /// Resident memory in KiB.
    memory: usize,
}

impl Census {
    pub(crate) fn take() -> io::Result<Self> {
        let count = |what| Ok::<_, io::Error>(fs::read_dir(format!("/proc/self/{what}"))?.count());
        let status = fs::read_to_string("/proc/self/status")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let memory = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        let memory = memory.ok_or(io::ErrorKind::InvalidData)?;
        Ok(Self { descriptors: count("fd")?, threads: count("task")?, memory })
    }

    /// Fails if this census holds more than `before`.
    pub(crate) fn compare(&self, before: &Self) -> Result<(), String> {
        let is_fine = self.descriptors <= before.descriptors
            && self.threads <= before.threads
            && self.memory <= before.memory + MEMORY;
        if is_fine { Ok(()) } else { Err(format!("{before} have become {self}")) }
    }
}

impl fmt::Display for Census {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { descriptors, threads, memory } = self;
        write!(f, "{descriptors} descriptors, {threads} threads, {memory} KiB")
    }
}
