//! Which clients a server admits: limits for each address, and their refusals.

mod addresses;
mod forwarded;
mod refusal;
mod trusted;

pub(crate) use addresses::{AddressKey, AddressLimits, Addresses};
pub(crate) use refusal::Refusal;
pub use trusted::{InvalidNetwork, TrustedProxies};
