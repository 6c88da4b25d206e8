//! Guide for applications. This module contains documentation only.
//!
//! * [`tokio_tungstenite`]: migrating from tokio-tungstenite, call by call.
//! * `axum`, with the feature of that name: migrating from axum's own WebSockets.
//!
//! `ws_std::guide::deploy` covers servers in production.

#[cfg(feature = "axum")]
pub mod axum;
pub mod tokio_tungstenite;
