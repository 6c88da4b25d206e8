//! Our side of the tests with other implementations; `tests/peers/run.sh` and `tests/browser/run.sh`
//! run it.
//!
//! ```text
//! peer serve ADDRESS [CERT.pem KEY.pem]       obeys commands in text messages, echoes other messages
//! peer loop ADDRESS [CERT.pem KEY.pem]        the same on `ws-mio`
//! peer tasks ADDRESS [CERT.pem KEY.pem]       the same on `ws-tokio`
//! peer call [--ca CERT.pem] URL [SCENARIO]... runs scenarios, or all, against such a server
//! peer deflate URL                            compresses, with all parameters, against such a server
//! ```
//!
//! `peer tokio ...` does the last two with `ws-tokio` instead of `ws-std`.
//!
//! The commands of a server:
//!
//! | message | answer |
//! |---|---|
//! | `close [CODE [REASON]]` | begins the closing handshake |
//! | `abort` | ends the transport without a Close |
//! | `ping PAYLOAD` | sends a Ping; peers that see Pongs then send `pong PAYLOAD` |
//! | `headers` | the header fields of the request, one per line |
//! | `large LENGTH` | a binary message of that length |
//! | `ended ID` | the end of the connection that was opened with `?id=ID` |
//! | `pings`, `fragments` | the Pings it has received; a message in fragments: not ours, see below |
//!
//! | path | behaviour |
//! |---|---|
//! | `/refuse/STATUS` | the handshake is refused |
//! | `/keepalive` | our server sends Pings at a short interval, but only that of `ws-std`, and not over TLS |
//! | `/fragments` | it sends fragmented messages, and closes after their echoes; not over TLS |
//! | `/wrong-subprotocol` | other servers select one that was not offered |

mod call;
mod deflate;
mod fragments;
mod obey;
mod serve;
mod socket;

use std::env;
use std::error::Error;
use std::process::ExitCode;

use ws_common::{ClientTls, ServerTls};

const USAGE: &str = "usage: peer serve|loop|tasks ADDRESS [CERT.pem KEY.pem] | \
    peer [tokio] call [--ca CERT.pem] URL [SCENARIO]... | peer [tokio] deflate URL";

type Outcome = Result<(), Box<dyn Error>>;

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let mut arguments = &arguments[..];
    if let ["tokio", rest @ ..] = arguments {
        socket::use_tokio();
        arguments = rest;
    }
    let outcome = match arguments {
        ["serve", address] => serve::run(address, None),
        ["loop", address] => serve::run_loop(address, None),
        ["tasks", address] => serve::run_tasks(address, None),
        ["serve", address, certificate, key] => ServerTls::from_pem_files(certificate, key)
            .map_err(Into::into)
            .and_then(|tls| serve::run(address, Some(&tls))),
        ["loop", address, certificate, key] => ServerTls::from_pem_files(certificate, key)
            .map_err(Into::into)
            .and_then(|tls| serve::run_loop(address, Some(tls))),
        ["tasks", address, certificate, key] => ServerTls::from_pem_files(certificate, key)
            .map_err(Into::into)
            .and_then(|tls| serve::run_tasks(address, Some(tls))),
        ["call", "--ca", certificate, url, scenarios @ ..] => ClientTls::from_pem_file(certificate)
            .map_err(Into::into)
            .and_then(|tls| call::run(url, Some(tls), scenarios)),
        ["call", url, scenarios @ ..] => call::run(url, None, scenarios),
        ["deflate", url] => deflate::run(url),
        _ => Err(USAGE.into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Bytes of which none can be missing or exchanged unnoticed.
fn pattern(len: usize) -> Vec<u8> {
    (0..=250).cycle().take(len).collect()
}
