//! Which clients a server admits: limits for each address, and their refusals.

mod addresses;
mod refusal;

pub(crate) use addresses::{AddressKey, AddressLimits, Addresses};
pub(crate) use refusal::Refusal;
