//! The program's log: macros of the crate `log`, or with the feature `tracing` those of that crate.

#[cfg(not(feature = "tracing"))]
pub use log::{debug, error, info, trace, warn};
#[cfg(feature = "tracing")]
pub use tracing::{debug, error, info, trace, warn};
