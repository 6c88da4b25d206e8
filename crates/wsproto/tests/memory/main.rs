//! The engine's heap usage, counted by the allocator: promises I4 and I5.

mod floods;
mod handshake;
mod idle;
mod messages;
mod meter;
#[path = "../support/mod.rs"]
mod support;
