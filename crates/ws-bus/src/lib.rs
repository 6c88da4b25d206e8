//! Servers on several machines publish to each other's subscribers, over NATS or Redis. A bus of this crate goes into
//! the options of a server on any adapter, with [`ServerOptions::bus`](ws_common::ServerOptions::bus()), which has
//! the guarantees.
//!
//! | feature | |
//! |---|---|
//! | `nats` | `Nats`, on the crate `async-nats` and a runtime of its own |
//! | `redis` | `Redis`, on the crate `redis` and two threads |
//! | `redis-tls` | `rediss://`, with rustls and `ring` |
//!
//! None is on by default.
//!
//! The handler hears that the bus is [up or down](ws_common::ServerHandler::on_bus); the log (crate `log`) says why. A
//! broker that cannot be reached, or that refuses the password, is tried again and again.

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
