//! Guide for applications. This module contains documentation only.
//!
//! * [`tungstenite`]: migrating from tungstenite, call by call.
//! * [`deploy`]: servers in production: proxies, limits, shutdown, certificates; clients that reconnect.
//! * [`past_one_machine`]: topics over a bus, sharding, deploys, presence, and how many connections one machine carries.
//!
//! The last two also apply to `ws-mio` and `ws-tokio`. The engine has a chapter on [embedding it](wsproto::guide::embed) in an
//! event loop, and `ws-common` has one on [writing an adapter](ws_common::guide).

pub mod deploy;
pub mod past_one_machine;
pub mod tungstenite;
