//! Servers on several machines publish to each other's subscribers, over NATS or Redis: each of these types is a
//! [bus](ws_common::Bus) for the options of a server, on any adapter.
//!
//! | feature | |
//! |---|---|
//! | `nats` | `Nats`, on the crate `async-nats` and a runtime of its own |
//! | `redis` | `Redis`, on the crate `redis` and two threads |
//! | `redis-tls` | `rediss://`, with rustls and `ring` |
//!
//! None is on by default.
//!
//! # Guarantees
//!
//! * At most once.
//! * In order, for one publisher and topic.
//! * What is published while the bus is down is lost elsewhere, and the handler is
//!   [told](ws_common::ServerHandler::on_bus). The messages on their way are lost with the connection.
//! * After [`Up`](ws_common::BusState::Up), topics are subscribed again before anything is delivered.
//! * Publishing never waits: [`BusOptions::queue_limit`](BusOptions::queue_limit()) bounds the bytes on the way to
//!   the broker.

#[cfg(any(test, feature = "nats", feature = "redis"))]
#[cfg_attr(not(feature = "redis"), allow(dead_code, reason = "each broker uses a part"))]
mod interest;
#[cfg(any(test, feature = "nats", feature = "redis"))]
#[cfg_attr(not(feature = "nats"), allow(dead_code, reason = "each broker uses a part"))]
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

/// Compiles the README.
#[cfg(all(doctest, feature = "nats"))]
#[doc = include_str!("../README.md")]
struct Readme;
