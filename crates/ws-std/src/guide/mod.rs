//! The guide: chapters for programs. It has no items of its own.
//!
//! * [`tungstenite`]: coming from tungstenite, call by call.
//! * [`deploy`]: servers behind proxies and load balancers, their limits, their end, and their certificates.
//!
//! `deploy` holds for `ws-mio`, too. The engine has a chapter on [loops of your own](wsproto::guide::embed), and
//! `ws-common` one on [writing an adapter](ws_common::guide).

pub mod deploy;
pub mod tungstenite;
