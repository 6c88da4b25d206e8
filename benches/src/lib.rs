//! The workloads of the benchmarks, and the engine at work on them. Other implementations do the
//! same work in `peers`, a workspace of its own.

pub mod engine;
pub mod workload;
