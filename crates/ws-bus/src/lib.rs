#![doc = include_str!("../README.md")]
//!
//! # Features
//!
//! | feature | |
//! |---|---|
//! | `nats` | [`Nats`], on the crate `async-nats` and a runtime of its own |
//! | `redis` | [`Redis`], on the crate `redis` and two threads |
//! | `redis-tls` | `rediss://`, with rustls and `ring` |
//!
//! None is on by default.
#![cfg_attr(
    not(all(feature = "nats", feature = "redis")),
    allow(rustdoc::broken_intra_doc_links, reason = "the features are off")
)]

#[cfg(any(test, feature = "nats", feature = "redis"))]
mod interest;
#[cfg(any(test, feature = "nats", feature = "redis"))]
mod member;
mod options;
#[cfg(any(test, feature = "nats", feature = "redis"))]
mod outbox;
#[cfg(feature = "nats")]
mod over_nats;
#[cfg(feature = "redis")]
mod over_redis;
#[cfg(any(test, feature = "nats", feature = "redis"))]
mod topic;

#[cfg(feature = "nats")]
pub use async_nats;
pub use options::BusOptions;
#[cfg(feature = "nats")]
pub use over_nats::Nats;
#[cfg(feature = "redis")]
pub use over_redis::Redis;
#[cfg(feature = "redis")]
pub use redis;
