//! permessage-deflate (RFC 7692): negotiation, receiving, sending, memory.

mod bad_input;
mod endpoint;
mod lending;
mod negotiation;
mod pieces;
mod properties;
mod receiving;
mod sending;
mod support;
