//! The cases, the reference model, and what runs the engine beside them.

pub mod adapters;
pub mod cases;
pub mod engine;
pub mod fault;
pub mod oracle;

pub use wsproto::testing::model;

/// Compiles the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
