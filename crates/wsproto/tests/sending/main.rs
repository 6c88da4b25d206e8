//! The output: headers byte by byte, masking keys, fragments, prepared messages, control frames,
//! and split connections (RFC 6455 sections 5 and 6.1).

mod halves;
mod headers;
mod keys;
mod messages;
#[path = "../support/mod.rs"]
mod support;
mod written;
