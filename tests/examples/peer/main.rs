//! Our side of the tests with peers of other make; `tests/peers/run.sh` and `tests/browser/run.sh`
//! run it.
//!
//! ```text
//! peer serve ADDRESS            does what text messages tell it, and echoes all others
//! peer call URL [SCENARIO]...   runs scenarios, or all, against a peer that does the same
//! ```
//!
//! What a server understands:
//!
//! | message | answer |
//! |---|---|
//! | `close [CODE [REASON]]` | begins the closing handshake |
//! | `abort` | ends the transport without a Close |
//! | `ping PAYLOAD` | sends a Ping; peers that see Pongs then send `pong PAYLOAD` |
//! | `headers` | the header fields of the request, a line each |
//! | `large LENGTH` | a binary message of that length |
//! | `ended ID` | how the connection ended that was opened with `?id=ID` |
//! | `pings`, `fragments` | the Pings it has received; a message in fragments: not ours, see below |
//!
//! | path | what is special |
//! |---|---|
//! | `/refuse/STATUS` | the handshake is refused |
//! | `/keepalive` | ours sends Pings all the time |
//! | `/fragments` | ours sends messages in fragments, and closes when all has come back |
//! | `/wrong-subprotocol` | others select one that was not offered |

mod call;
mod fragments;
mod serve;

use std::env;
use std::error::Error;
use std::process::ExitCode;

const USAGE: &str = "usage: peer serve ADDRESS | peer call URL [SCENARIO]...";

type Outcome = Result<(), Box<dyn Error>>;

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let outcome = match &arguments[..] {
        ["serve", address] => serve::run(address),
        ["call", url, scenarios @ ..] => call::run(url, scenarios),
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
