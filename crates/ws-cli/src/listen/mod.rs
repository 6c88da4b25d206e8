//! `ws listen`: a server for trying things.

mod address;
mod app;
mod client;
#[cfg_attr(not(unix), path = "no_exec.rs")]
mod exec;
mod files;
mod report;
mod speaker;

use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

#[cfg(unix)]
use ws_mio::ServerSocket;
use ws_mio::wsproto::Deflate;
use ws_mio::wsproto::handshake::AllowedOrigins;
use ws_mio::{ServerHandle, ServerOptions, ServerTls, WebSocketServer};

use self::address::Address;
use self::app::{App, Mode};
use self::exec::ExecArgs;
use self::files::Files;
use self::report::Report;
use self::speaker::Speaker;
use crate::exit::{Exit, Status};
use crate::pipe::Outlet;
use crate::signals;
use crate::terminal::{Colours, tell};
use crate::values::{UNITS, size};

/// Listen for connections; by default, print what they send, and send them the lines of standard input
#[derive(clap::Args, Debug)]
#[command(after_help = UNITS)]
pub(crate) struct ListenArgs {
    /// Where to listen: HOST:PORT, or a port of the loopback; port 0 is any that is free
    #[arg(value_name = "ADDRESS", default_value = "127.0.0.1:9001")]
    address: Address,

    /// Listen on a Unix domain socket
    #[arg(long, value_name = "PATH", conflicts_with = "address")]
    unix: Option<PathBuf>,

    /// Send each message back
    #[arg(long, group = "mode")]
    echo: bool,

    /// Send each message to all other connections
    #[arg(long, group = "mode")]
    broadcast: bool,

    /// Serve the files of a folder, and broadcast on the WebSocket beside them
    #[arg(long = "static", group = "mode", value_name = "DIR")]
    folder: Option<PathBuf>,

    #[command(flatten)]
    exec: ExecArgs,

    /// Select a subprotocol if a client offers it; repeatable, in order of preference
    #[arg(short, long = "subprotocol", value_name = "NAME")]
    subprotocols: Vec<String>,

    /// Let only pages of this origin connect, and clients that are no browsers; repeatable, or "any". With --exec, no
    /// page may connect by default
    #[arg(long = "origin", value_name = "ORIGIN")]
    origins: Vec<String>,

    /// Compress messages for clients that offer it (permessage-deflate)
    #[arg(long)]
    deflate: bool,

    /// Speak TLS, with the certificate and the private key in these PEM files
    #[arg(long, num_args = 2, value_names = ["CERT", "KEY"])]
    tls: Vec<PathBuf>,

    /// How many clients may be connected; others get status 503
    #[arg(long, value_name = "COUNT", default_value = "1000")]
    max_connections: usize,

    /// The longest message to accept, and the longest line to send
    #[arg(long, value_name = "BYTES", default_value = "1M", value_parser = size)]
    max_message: u64,

    /// Print each event as a line of JSON: open, message, pong, close, error
    #[arg(long)]
    jsonl: bool,

    /// Say on standard error when connections open, close and fail
    #[arg(short, long)]
    verbose: bool,
}

/// How long the connections have to close after a signal.
const LAST_CALL: Duration = Duration::from_secs(5);

/// How many bytes a client may be behind with what others say before it is disconnected.
const BEHIND: usize = 4 << 20;

impl ListenArgs {
    /// Serves until a signal comes, or nobody reads standard output any more.
    pub(crate) fn run(self) -> Exit {
        self.serve().unwrap_or_else(|exit| exit)
    }

    fn serve(self) -> Result<Exit, Exit> {
        let server = self.bind(self.options()?)?;
        let url = self.url(&server)?;
        let begun: Arc<OnceLock<ServerHandle>> = Arc::default();
        let (outlet, writing) = {
            let begun = Arc::clone(&begun);
            // The reader of standard output has gone.
            Outlet::stdout(move || end(&begun))
        };
        let report = Arc::new(Report::new(self.jsonl, self.verbose, Arc::clone(&outlet)));
        let app = App::new(self.mode(&report)?, report, &self.subprotocols, begun.clone());
        let processes = app.processes();

        let running = server.spawn(app).map_err(|error| failed(&url, &error))?;
        let killed = processes.clone();
        let kill = move || killed.iter().for_each(|processes| processes.kill());
        signals::on_first_and_second(move || end(&begun), kill)?;
        tell(&format!("ws: listening on {url}"));
        running.join();
        if let Some(processes) = processes {
            processes.wait();
        }
        Ok(outlet.finish(writing, Exit::clean()))
    }

    fn mode(&self, report: &Arc<Report>) -> Result<Mode, Exit> {
        Ok(match self {
            Self { echo: true, .. } => Mode::Echo,
            Self { broadcast: true, .. } => Mode::Broadcast,
            Self { folder: Some(folder), .. } => {
                let wrong =
                    |error| Exit::usage(format!("cannot serve {}: {error}", folder.display()));
                Mode::Files(Files::open(folder).map_err(wrong)?)
            }
            _ => match self.exec.exec(self.max_message) {
                Some(exec) => Mode::Exec(exec),
                None => Mode::Print(Speaker::new(self.max_message, Arc::clone(report))),
            },
        })
    }

    fn options(&self) -> Result<ServerOptions, Exit> {
        let mut options = ServerOptions::new()
            .max_message_size(self.max_message)
            .max_connections(self.max_connections)
            .deflate(self.deflate.then(Deflate::new));
        if self.broadcast || self.folder.is_some() {
            options = options.high_water_mark(BEHIND);
        }
        let any = self.origins.iter().any(|origin| origin == "any");
        if !any && (!self.origins.is_empty() || self.exec.is_wanted()) {
            let origins = AllowedOrigins::new(self.origins.iter().map(String::as_str));
            let origins = origins.map_err(|error| Exit::usage(format!("--origin: {error}")))?;
            options = options.origins(origins);
        }
        Ok(match &self.tls[..] {
            [] => options,
            [certificate, key] => {
                let tls = ServerTls::from_pem_files(certificate, key);
                options.tls(tls.map_err(|error| Exit::usage(format!("--tls: {error}")))?)
            }
            _ => return Err(Exit::usage("--tls: a server has one certificate")),
        })
    }

    fn bind(&self, options: ServerOptions) -> Result<WebSocketServer, Exit> {
        #[cfg(unix)]
        if let Some(path) = &self.unix {
            let socket = ServerSocket::bind_unix(path);
            let socket = socket.map_err(|error| {
                let place = path.display().to_string();
                match error.kind() {
                    ErrorKind::AddrInUse => Exit::new(
                        Status::Refused,
                        format!(
                            "cannot listen on {place}: another program does, or it is no socket"
                        ),
                    ),
                    _ => failed(&place, &error),
                }
            })?;
            return Ok(WebSocketServer::from_listener(socket, options));
        }
        #[cfg(not(unix))]
        if let Some(path) = &self.unix {
            let error = ErrorKind::Unsupported.into();
            return Err(failed(&path.display().to_string(), &error));
        }
        let address = &self.address;
        let server = WebSocketServer::bind(address.as_str(), options);
        server.map_err(|error| {
            let mut exit = failed(address.as_str(), &error);
            if error.kind() == ErrorKind::AddrInUse {
                exit.line.push_str("; port 0 is any that is free");
            }
            exit
        })
    }

    /// Returns the URL of the server, and warns if others than the users of this computer can reach it.
    fn url(&self, server: &WebSocketServer) -> Result<String, Exit> {
        let scheme = if self.tls.is_empty() { "ws" } else { "wss" };
        if let Some(path) = &self.unix {
            return Ok(format!(
                "{scheme}://localhost/ at the Unix domain socket {}",
                path.display()
            ));
        }
        let address = server.local_addr().map_err(|error| failed(self.address.as_str(), &error))?;
        if !address.ip().is_loopback() {
            let danger = match self.exec.is_wanted() {
                false => "others on the network can connect",
                true => "others on the network can run the command",
            };
            let warning = format!("ws: {address} is no loopback address: {danger}");
            tell(&Colours::of(&io::stderr()).loud(&warning));
        }
        Ok(format!("{scheme}://{address}/"))
    }
}

/// Ends the server, if it has begun.
fn end(server: &OnceLock<ServerHandle>) {
    if let Some(server) = server.get() {
        server.terminate(Some(LAST_CALL));
    }
}

/// Explains why the server cannot listen.
fn failed(place: &str, error: &io::Error) -> Exit {
    let line = match error.kind() {
        ErrorKind::AddrInUse => format!("cannot listen on {place}: another program does"),
        _ => format!("cannot listen on {place}: {error}"),
    };
    Exit::new(Status::Refused, line)
}
