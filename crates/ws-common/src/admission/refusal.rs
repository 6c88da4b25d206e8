//! The reasons for which the options of a server refuse a client.

use std::time::Duration;

use wsproto::handshake::Response;

/// The reason why the options of a server refuse a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The server has too many connections.
    Full,
    /// The client's address has too many connections.
    Address,
    /// The client's address has connected too often; it may again after this time.
    Attempts(Duration),
    /// The path is another one.
    Path,
    /// The origin is not allowed.
    Origin,
}

impl Refusal {
    /// Returns the reason, with the option.
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::Full => "there are too many connections (`max_connections`)",
            Self::Address => {
                "there are too many connections from its address (`max_connections_per_address`)"
            }
            Self::Attempts(_) => "its address has connected too often (`max_attempts_per_address`)",
            Self::Path => "the server has another path (`path`)",
            Self::Origin => "its origin is not allowed (`origins`)",
        }
    }

    /// Returns the response: 503, 404, 403, or 429 (RFC 6585 section 4).
    pub(crate) fn response(self) -> Response {
        match self {
            Self::Full => Response::text(503, "Too many connections\n"),
            Self::Address => Response::text(429, "Too many connections from this address\n"),
            Self::Attempts(wait) => {
                let response = Response::text(429, "Too many attempts from this address\n");
                let seconds = wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0));
                // Digits are a valid value.
                response.header("Retry-After", seconds.to_string()).unwrap_or_else(Response::from)
            }
            Self::Path => Response::text(404, "Not Found\n"),
            Self::Origin => Response::text(403, "Forbidden\n"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_to_wait_is_whole_seconds_and_never_too_short() {
        for (wait, seconds) in [(1, "1"), (1000, "1"), (1001, "2"), (59_999, "60")] {
            let response = Refusal::Attempts(Duration::from_millis(wait)).response();
            assert_eq!(response.status(), 429);
            assert_eq!(response.headers().get("Retry-After"), Some(seconds), "{wait} ms");
        }
    }
}
