//! The guide: chapters for applications. It has no items.
//!
//! * [`tungstenite`]: migrating from tungstenite, call by call.
//! * [`deploy`]: servers behind proxies and load balancers: limits, shutdown, certificates.
//!
//! `deploy` also applies to `ws-mio`. The engine has a chapter on [embedding it](wsproto::guide::embed) in an
//! event loop, and `ws-common` has one on [writing an adapter](ws_common::guide).

pub mod deploy;
pub mod tungstenite;
