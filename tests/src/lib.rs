//! The common parts of the conformance tests: cases and the drivers that run them, other implementations to
//! compare with, the adapters behind one trait, and sources of faults and load.

pub mod adapters;
pub mod cases;
pub mod compressed;
pub mod engine;
pub mod fault;
pub mod load;
pub mod oracle;

pub use wsproto_testing::model;

/// Compiles the examples of the READMEs.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
#[doc = include_str!("../../crates/wsproto/README.md")]
#[doc = include_str!("../../crates/wsproto-testing/README.md")]
#[doc = include_str!("../../crates/ws-common/README.md")]
#[doc = include_str!("../../crates/ws-std/README.md")]
#[doc = include_str!("../../crates/ws-mio/README.md")]
#[doc = include_str!("../../crates/ws-tokio/README.md")]
pub struct Readmes;
