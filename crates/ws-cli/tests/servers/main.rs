//! `ws check` and `ws bench` with servers of all kinds.

mod faults;
mod load;
mod ours;
mod refusals;
mod support;
mod toy;
