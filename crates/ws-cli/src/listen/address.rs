//! The address to listen on.

use std::str::FromStr;

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address(String);

impl Address {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Address {
    type Err = &'static str;

    /// Parses `HOST:PORT`, or a port with or without a colon, which means the loopback.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
        if port.parse::<u16>().is_err() {
            return Err("not an address such as 9001, localhost:9001 or 0.0.0.0:9001");
        }
        match host {
            "" => Ok(Self(format!("127.0.0.1:{port}"))),
            host if host.contains(':') && !host.starts_with('[') => {
                Err("an IPv6 address needs brackets, as in [::1]:9001")
            }
            _ => Ok(Self(text.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_is_the_default() {
        for (text, address) in [
            ("9001", "127.0.0.1:9001"),
            (":0", "127.0.0.1:0"),
            ("localhost:80", "localhost:80"),
            ("0.0.0.0:80", "0.0.0.0:80"),
            ("[::1]:80", "[::1]:80"),
        ] {
            assert_eq!(text.parse(), Ok(Address(address.into())), "{text}");
        }
        for text in ["", "host", "host:", "host:x", "65536", "::1", "::1:80", "ws://host:80/"] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }
}
