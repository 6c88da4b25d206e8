//! The cases, the reference model, and what runs the engine beside them.

pub mod cases;
pub mod engine;
pub mod model;
