//! The settings of a client's connection that has no transport yet, or is redirected.

use std::time::Duration;

use wsproto::{Endpoint, KeepAlive, Role};

/// The pause and the keep-alive that the application has set. They are applied to the next endpoint.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Settings {
    pub(super) paused: bool,
    /// The keep-alive, if it is not that of the options.
    pub(super) keep_alive: Option<Option<KeepAlive>>,
}

impl Settings {
    /// Returns the settings of an endpoint.
    pub(super) fn of<R: Role>(endpoint: &Endpoint<R>) -> Self {
        let keep_alive = Some(endpoint.session().config().keep_alive);
        Self { paused: endpoint.is_paused(), keep_alive }
    }

    pub(super) fn apply<R: Role>(self, endpoint: &mut Endpoint<R>) {
        if self.paused {
            endpoint.pause();
        }
        if let Some(keep_alive) = self.keep_alive {
            // It begins once the connection is open, so this time has no effect.
            endpoint.set_keep_alive(keep_alive, Duration::ZERO);
        }
    }
}
