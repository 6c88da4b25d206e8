//! The states of compression without the feature `deflate`: empty.

use crate::{Config, Extensions};

/// The state of receiving compressed messages: none.
#[derive(Debug)]
pub(crate) struct Receiving;

impl Receiving {
    #[allow(clippy::extra_unused_type_parameters, reason = "compression needs it")]
    pub(crate) fn new<R>(_: &Extensions, _: &Config) -> Self {
        Self
    }

    #[inline]
    pub(crate) const fn reserved_bits(&self) -> u8 {
        0
    }
}

/// The state of sending compressed messages: none.
#[derive(Debug)]
pub(crate) struct Sending;

impl Sending {
    #[allow(clippy::extra_unused_type_parameters, reason = "compression needs it")]
    pub(crate) fn new<R>(_: &Extensions, _: &Config) -> Self {
        Self
    }
}
