//! Talks to a server: sends what is typed, line by line, and prints what comes back.
//!
//! ```text
//! cargo run --release -p ws-std --example client -- ws://127.0.0.1:9001/ \
//!     [--header "Name: value"]... [--subprotocol NAME]... [--ca CERT.pem] \
//!     [--proxy HOST:PORT] [--proxy-user USER:PASSWORD] [--redirects COUNT]
//! ```
//!
//! The end of the input (Ctrl-D) closes with 1000. Messages go to standard output, all else to
//! standard error. Whatever did not end cleanly is a failure, and the exit code says so. With
//! `RUST_LOG=debug` in the environment, it tells what it does.

use std::error::Error as StdError;
use std::io::{self, Write};
use std::process::ExitCode;
use std::{env, thread};

use ws_std::wsproto::handshake::{ClientRequest, Response};
use ws_std::wsproto::url::WsUrl;
use ws_std::wsproto::{CloseCode, CloseFrame, CloseInfo, Initiator};
use ws_std::{
    ClientOptions, ClientTls, Error, Message, Proxy, WebSocket, WebSocketConnection, connect_with,
};

const USAGE: &str = "usage: client URL [--header \"Name: value\"]... [--subprotocol NAME]... \
    [--ca CERT.pem] [--proxy HOST:PORT] [--proxy-user USER:PASSWORD] [--redirects COUNT]";

fn main() -> ExitCode {
    env_logger::init();
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Returns whether the connection ended cleanly.
fn run() -> Result<bool, Box<dyn StdError>> {
    let (request, options) = arguments()?;
    let mut ws = match connect_with(request, options) {
        Err(Error::Http(response)) => return Err(refusal(&response).into()),
        result => result?,
    };
    let url = ws.url();
    match ws.subprotocol() {
        Some(name) => eprintln!("connected to {url}, subprotocol {name}"),
        None => eprintln!("connected to {url}"),
    }

    let handle = ws.handle();
    let sender = thread::spawn(move || send_lines(&handle));
    let received = print_messages(&mut ws);
    if let Err(error) = &received {
        eprintln!("{error}");
    }
    let Some(info) = ws.close_info() else { return Ok(false) };
    eprintln!("{}", ending(info));
    // Unless we closed, the sender still waits for a line, and ends with the program.
    if received.is_ok()
        && info.initiator == Initiator::Local
        && let Ok(Err(error)) = sender.join()
    {
        return Err(format!("standard input: {error}").into());
    }
    Ok(received.is_ok() && info.was_clean)
}

/// Sends what is typed, and closes when there is no more.
fn send_lines(ws: &WebSocketConnection) -> Result<(), Error> {
    let sent = io::stdin().lines().try_for_each(|line| ws.send_text(&line?).map(drop));
    // If the connection has ended before, this does nothing.
    ws.close(CloseFrame::normal("")?)?;
    sent
}

fn print_messages(ws: &mut WebSocket) -> Result<(), Box<dyn StdError>> {
    let mut out = io::stdout();
    while let Some(message) = ws.recv()? {
        match message {
            Message::Text(text) => writeln!(out, "{text}")?,
            Message::Binary(bytes) => {
                let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                writeln!(out, "binary, {} bytes: {hex}", bytes.len())?;
            }
        }
    }
    Ok(())
}

/// Describes the response of a server that does not want to talk.
fn refusal(response: &Response) -> String {
    let mut text = format!("refused with status {}\n", response.status());
    for (name, value) in response.headers().iter() {
        text.extend([name, ": ", &String::from_utf8_lossy(value), "\n"]);
    }
    text.push('\n');
    text.push_str(&String::from_utf8_lossy(response.body_bytes()));
    text.trim_end().into()
}

/// Describes how a connection ended.
fn ending(info: &CloseInfo) -> String {
    let code = info.code;
    let reason = match &*info.reason {
        "" => String::new(),
        reason => format!(", reason {reason:?}"),
    };
    let how = if info.was_clean { "ended cleanly" } else { "did not end cleanly" };
    let who = match info.initiator {
        Initiator::Local => "we",
        Initiator::Remote if info.was_clean => "the server",
        Initiator::Remote => "the server, or the network,",
    };
    format!("closed: {code}{reason}. {}\nIt {how}; {who} began.", explain(code))
}

fn explain(code: CloseCode) -> &'static str {
    match code {
        CloseCode::NORMAL => "The connection has served its purpose.",
        CloseCode::GOING_AWAY => "The server shuts down, or has no time for us any more.",
        CloseCode::PROTOCOL_ERROR => "The server says that we broke a rule of the protocol.",
        CloseCode::UNSUPPORTED_DATA => "The server does not take data of this type.",
        CloseCode::NO_STATUS => "The server did not say why.",
        CloseCode::ABNORMAL => "No Close came from the server.",
        CloseCode::INVALID_PAYLOAD => "The server says that the data did not fit its type.",
        CloseCode::POLICY_VIOLATION => "The server does not allow what we did.",
        CloseCode::MESSAGE_TOO_BIG => "The server does not take messages as big as ours.",
        CloseCode::INTERNAL_ERROR => "Something unexpected went wrong in the server.",
        CloseCode::SERVICE_RESTART => "The server restarts; it will be back in a while.",
        CloseCode::TRY_AGAIN_LATER => "The server is overloaded; try again later.",
        CloseCode::BAD_GATEWAY => "The server, a gateway, got no valid answer from behind it.",
        _ => match u16::from(code) {
            3000..=3999 => "The code is registered with IANA, for a library or an application.",
            4000..=4999 => "Only the application knows what this code means.",
            _ => "This code has no meaning for a client.",
        },
    }
}

fn arguments() -> Result<(ClientRequest, ClientOptions), Box<dyn StdError>> {
    let (mut url, mut headers, mut subprotocols) = (None, Vec::new(), Vec::new());
    let (mut proxy, mut proxy_user) = (None, None);
    let mut options = ClientOptions::default();
    let mut arguments = env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--header" => headers.push(arguments.next().ok_or(USAGE)?),
            "--subprotocol" => subprotocols.push(arguments.next().ok_or(USAGE)?),
            "--ca" => {
                let file = arguments.next().ok_or(USAGE)?;
                options.tls = Some(ClientTls::from_pem_file(file)?);
            }
            "--proxy" => proxy = Some(arguments.next().ok_or(USAGE)?),
            "--proxy-user" => proxy_user = Some(arguments.next().ok_or(USAGE)?),
            "--redirects" => options.redirects = arguments.next().ok_or(USAGE)?.parse()?,
            _ if argument.starts_with('-') || url.is_some() => return Err(USAGE.into()),
            _ => url = Some(argument),
        }
    }

    let url = url.ok_or(USAGE)?;
    let url = WsUrl::parse(&url).map_err(|error| format!("{url}: {error}"))?;
    let mut request = ClientRequest::new(url);
    for header in headers {
        let (name, value) = header
            .split_once(':')
            .ok_or_else(|| format!("--header wants \"Name: value\", not {header:?}"))?;
        request = request.header(name, value)?;
    }
    for subprotocol in subprotocols {
        request = request.subprotocol(&subprotocol)?;
    }
    options.proxy = proxy.map(|address| Proxy::new(&address)).transpose().map_err(Error::from)?;
    if let Some(both) = proxy_user {
        let (user, password) = both.split_once(':').ok_or("--proxy-user wants USER:PASSWORD")?;
        let proxy = options.proxy.ok_or(USAGE)?;
        options.proxy = Some(proxy.credentials(user, password).map_err(Error::from)?);
    }
    Ok((request, options))
}
