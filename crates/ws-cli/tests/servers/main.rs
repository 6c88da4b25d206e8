//! What `ws check` and `ws bench` find out about servers.

mod faults;
mod load;
mod ours;
mod refusals;
mod support;
mod toy;
