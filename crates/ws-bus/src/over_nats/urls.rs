//! Credentials in URLs, which the client does not use.

use std::io::{Error, ErrorKind, Result};

use async_nats::{ConnectOptions, ServerAddr};
use percent_encoding::percent_decode_str;

/// Moves the first credentials of the URLs to the client's options, and removes all others.
///
/// # Errors
///
/// `InvalidInput` if there is no URL, or one has no host.
pub(super) fn without_secrets(
    urls: impl Iterator<Item = ServerAddr>,
    mut client: ConnectOptions,
) -> Result<(Vec<ServerAddr>, ConnectOptions)> {
    let urls: Vec<_> = urls.collect();
    let invalid = |text| Err(Error::new(ErrorKind::InvalidInput, text));
    if urls.is_empty() {
        return invalid("there is no URL of a broker");
    }
    if urls.iter().any(|url| url.host().is_empty()) {
        return invalid("the URL of a broker has no host");
    }
    let decoded = |text| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let credentials = urls.iter().find_map(|url| Some((decoded(url.username()?), url.password())));
    if let Some((user, password)) = credentials {
        client = match password {
            Some(password) => client.user_and_password(user, decoded(password)),
            None => client.token(user),
        };
    }
    Ok((urls.into_iter().map(without_secret).collect::<Result<_>>()?, client))
}

fn without_secret(url: ServerAddr) -> Result<ServerAddr> {
    let mut url = url.into_inner();
    // These fail for URLs that cannot have credentials.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    ServerAddr::from_url(url)
}

#[cfg(test)]
mod tests {
    use crate::{BusOptions, Nats};

    #[test]
    fn secrets_are_in_no_debug_output() {
        for url in
            ["nats://ann:secret@h:1", "nats://secret@h:1", "ann:secret@h:1", "tls://:secret@h:1"]
        {
            let bus = Nats::connect(url, BusOptions::new()).expect("a URL");
            let debug = format!("{bus:?}");
            assert!(debug.contains("://h:1") && !debug.contains("secret"), "{debug}");
        }
    }

    #[test]
    fn invalid_urls_are_refused_without_their_secrets() {
        let urls = [
            "",
            "http://ann:secret@h",
            "nats://ann:secret@h:port",
            "nats://ann:secret@",
            "nats://ann:secret@[::",
        ];
        for url in urls {
            let error = Nats::connect(url, BusOptions::new()).expect_err(url);
            assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput, "{url}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
        let none: &[&str] = &[];
        let error = Nats::connect(none, BusOptions::new()).expect_err("no URL");
        assert_eq!(error.to_string(), "there is no URL of a broker");
        let prefix = BusOptions::new().prefix("*");
        assert!(Nats::connect("nats://h", prefix).is_err());
    }
}
