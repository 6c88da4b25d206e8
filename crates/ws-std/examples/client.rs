//! A command-line client: sends typed lines and prints the messages it receives.
//!
//! ```text
//! cargo run --release -p ws-std --example client -- ws://127.0.0.1:9001/ \
//!     [--header "Name: value"]... [--subprotocol NAME]... [--ca CERT.pem] \
//!     [--proxy HOST:PORT] [--proxy-user USER:PASSWORD] [--redirects COUNT]
//! ```
//!
//! With `RUST_LOG=debug` in the environment, it logs every step.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use std::thread;

use ws_demo::{Arguments, Failure, on_ctrl_c};
use ws_std::wsproto::handshake::{ClientRequest, Response};
use ws_std::wsproto::{CloseCode, CloseInfo, Initiator};
use ws_std::{
    ClientOptions, ClientTls, Error, Message, Proxy, WebSocket, WebSocketConnection, connect_with,
};

const USAGE: &str = "\
usage: client URL [--header \"Name: value\"]... [--subprotocol NAME]... [--ca CERT.pem]
              [--proxy HOST:PORT] [--proxy-user USER:PASSWORD] [--redirects COUNT]

Connects to URL, such as ws://127.0.0.1:9001/, sends each typed line, and prints the messages it
receives. The end of the input (Ctrl-D) or Ctrl-C closes with 1000. Messages go to standard output,
everything else to standard error. If the connection does not end cleanly, the exit status is 1.

  --header \"Name: value\"      add a header field to the request
  --subprotocol NAME           offer a subprotocol, in order of preference
  --ca CERT.pem                trust only these certificates for wss://
  --proxy HOST:PORT            connect through an HTTP proxy
  --proxy-user USER:PASSWORD   send these credentials to the proxy
  --redirects COUNT            follow up to COUNT redirects (default: 0)
";

fn main() -> ExitCode {
    ws_demo::main(USAGE, run)
}

fn run(arguments: &mut Arguments) -> Result<(), Failure> {
    let (request, options) = prepare(arguments)?;
    let mut ws = match connect_with(request, options) {
        Err(Error::Http(response)) => return Err(Failure::other(refusal(&response))),
        result => result?,
    };
    let url = ws.url();
    match ws.subprotocol() {
        Some(name) => eprintln!("connected to {url}, subprotocol {name}"),
        None => eprintln!("connected to {url}"),
    }

    let (sender, closer) = (ws.handle(), ws.handle());
    on_ctrl_c(move || close(&closer))?;
    let unread = Arc::new(OnceLock::new());
    let noted = Arc::clone(&unread);
    // This thread may wait for a line until the program ends.
    thread::spawn(move || {
        if let Err(error) = send_lines(&sender) {
            noted.get_or_init(|| format!("standard input: {error}"));
        }
        close(&sender);
    });

    let received = print_messages(&mut ws);
    if let Some(info) = ws.close_info() {
        eprintln!("{}", ending(info));
    }
    received?;
    match (unread.get(), ws.close_info()) {
        (Some(error), _) => Err(Failure::other(error)),
        (None, Some(CloseInfo { was_clean: true, .. })) => Ok(()),
        (None, _) => Err(Failure::other("the connection did not end cleanly")),
    }
}

/// Sends typed lines.
fn send_lines(ws: &WebSocketConnection) -> io::Result<()> {
    for line in io::stdin().lines() {
        if ws.send_text(&line?).is_err() {
            // The receiving thread reports the error.
            break;
        }
    }
    Ok(())
}

/// Closes with 1000; does nothing if the connection has ended.
fn close(ws: &WebSocketConnection) {
    let _ = ws.terminate(CloseCode::NORMAL, "");
}

fn print_messages(ws: &mut WebSocket) -> Result<(), Failure> {
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

/// Describes the response of a server that refuses the upgrade.
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
        Initiator::Local => "the client",
        Initiator::Remote if info.was_clean => "the server",
        Initiator::Remote => "the server or the network",
    };
    format!("closed: {code}{reason}. {}\nThe connection {how}; {who} ended it.", explain(code))
}

fn explain(code: CloseCode) -> &'static str {
    match code {
        CloseCode::NORMAL => "The purpose of the connection is fulfilled.",
        CloseCode::GOING_AWAY => "The server is shutting down.",
        CloseCode::PROTOCOL_ERROR => "The server reports a protocol error by the client.",
        CloseCode::UNSUPPORTED_DATA => "The server does not accept data of this type.",
        CloseCode::NO_STATUS => "The server gave no code.",
        CloseCode::ABNORMAL => "The server sent no Close frame.",
        CloseCode::INVALID_PAYLOAD => "The server reports invalid data, such as invalid UTF-8.",
        CloseCode::POLICY_VIOLATION => "A message violates the server's policy.",
        CloseCode::MESSAGE_TOO_BIG => "A message is too big for the server.",
        CloseCode::INTERNAL_ERROR => "The server met an unexpected condition.",
        CloseCode::SERVICE_RESTART => "The server is restarting; reconnect later.",
        CloseCode::TRY_AGAIN_LATER => "The server is overloaded; try again later.",
        CloseCode::BAD_GATEWAY => "The server, a gateway, got an invalid response from upstream.",
        _ => match u16::from(code) {
            3000..=3999 => "A code registered with IANA.",
            4000..=4999 => "A private code, defined by the application.",
            _ => "This code is not defined.",
        },
    }
}

/// Parses the arguments into a request and options.
fn prepare(arguments: &mut Arguments) -> Result<(ClientRequest, ClientOptions), Failure> {
    let mut options = ClientOptions::default();
    options.redirects = arguments.option("--redirects")?.unwrap_or(options.redirects);
    options.proxy = proxy(arguments)?.into();
    if let Some(file) = arguments.option::<String>("--ca")? {
        options.tls = Some(ClientTls::from_pem_file(file)?);
    }
    let headers = arguments.options("--header")?;
    let subprotocols = arguments.options("--subprotocol")?;
    let url = arguments.word("URL")?;
    arguments.end()?;

    let mut request = ClientRequest::new(url);
    for header in headers {
        let Some((name, value)) = header.split_once(':') else {
            let text = format!("--header needs \"Name: value\", not {header:?}");
            return Err(Failure::Usage(text));
        };
        request = request.header(name, value)?;
    }
    for subprotocol in subprotocols {
        request = request.subprotocol(&subprotocol)?;
    }
    Ok((request, options))
}

fn proxy(arguments: &mut Arguments) -> Result<Option<Proxy>, Failure> {
    let address = arguments.option::<String>("--proxy")?;
    let both = arguments.option::<String>("--proxy-user")?;
    let proxy = address.map(|address| Proxy::new(&address)).transpose()?;
    let Some(both) = both else { return Ok(proxy) };
    let proxy = proxy.ok_or_else(|| Failure::Usage("--proxy-user needs --proxy".into()))?;
    let (user, password) = both
        .split_once(':')
        .ok_or_else(|| Failure::Usage("--proxy-user needs USER:PASSWORD".into()))?;
    Ok(Some(proxy.credentials(user, password)?))
}
