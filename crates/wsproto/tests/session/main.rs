//! Sessions from start to end: the reports, their order, and the ends (RFC 6455 section 7.1;
//! promise I10).

mod ends;
mod handshake;
mod messages;
mod steps;
#[path = "../support/mod.rs"]
mod support;
