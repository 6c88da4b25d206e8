//! The workloads of the benchmarks, and the engine working on them. Other implementations do the
//! same work in `peers`, a separate workspace.

pub mod engine;
pub mod workload;
