//! `--static`: the files of a folder, over HTTP/1.1, beside the WebSocket.
//!
//! A thread reads the files, so that no disk holds up the connections. Requests are GET and HEAD of whole files:
//! there are no ranges, listings or compression.

mod find;
mod kind;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use ws_mio::wsproto::handshake::Response;
use ws_mio::{ConnectionHandler, Decider, Decision, IncomingRequest, ServerHandle};

use find::{Found, find};
use kind::content_type;

use crate::terminal::{printable, tell};

/// The largest file that is served, in bytes: a response is in memory.
const MOST_BYTES: u64 = 16 << 20;

/// How many responses may be under way, with the requests that wait for one.
const MOST_RESPONSES: usize = 16;

/// A folder whose files are served.
#[derive(Debug)]
pub(super) struct Files<H> {
    requests: SyncSender<(String, Decider<H>)>,
}

impl<H: ConnectionHandler> Files<H> {
    /// Opens a folder, and starts the thread that reads its files.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if it is no folder.
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        let root = folder.canonicalize()?;
        if !root.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        let (requests, waiting) = sync_channel(MOST_RESPONSES);
        thread::Builder::new().spawn(move || serve(&root, &waiting))?;
        Ok(Self { requests })
    }

    /// Answers an ordinary request.
    pub(super) fn answer(&self, server: &ServerHandle, request: &IncomingRequest) -> Decision<H> {
        if !matches!(request.method(), "GET" | "HEAD") {
            let refusal = Response::text(405, "Only GET and HEAD\n").header("Allow", "GET, HEAD");
            return Decision::respond(refusal.unwrap_or_else(Response::from));
        }
        // A response counts as a connection until it is written. One more is this request.
        let stats = server.stats();
        if stats.connections.saturating_sub(stats.open) > MOST_RESPONSES + 1 {
            return Decision::respond(busy());
        }
        let (decision, decider) = Decision::later();
        match self.requests.try_send((request.path().to_owned(), decider)) {
            Ok(()) => decision,
            Err(_) => Decision::respond(busy()),
        }
    }
}

fn busy() -> Response {
    let busy = Response::text(503, "Too many requests at once\n").header("Retry-After", "1");
    busy.unwrap_or_else(Response::from)
}

/// Answers requests until the server has ended.
fn serve<H: ConnectionHandler>(root: &Path, requests: &Receiver<(String, Decider<H>)>) {
    while let Ok((path, decider)) = requests.recv() {
        if decider.is_awaited() {
            decider.decide(Decision::respond(respond(root, &path)));
        }
    }
}

/// Returns the response to a request of this path.
fn respond(root: &Path, path: &str) -> Response {
    match find(root, path) {
        Found::File(file) => read(&file).unwrap_or_else(|error| {
            let name = file.display().to_string();
            tell(&format!("ws: cannot read {}: {error}", printable(&name)));
            Response::text(500, "The file cannot be read\n")
        }),
        Found::Folder(location) => {
            let moved = Response::text(301, "It is a folder\n").header("Location", location);
            moved.unwrap_or_else(Response::from)
        }
        Found::Nothing => Response::text(404, "There is no such file\n"),
    }
}

fn read(path: &PathBuf) -> io::Result<Response> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let mut bytes =
        Vec::with_capacity(usize::try_from(metadata.len().min(MOST_BYTES)).unwrap_or(0));
    // It may grow meanwhile.
    if file.take(MOST_BYTES + 1).read_to_end(&mut bytes)? as u64 > MOST_BYTES {
        return Err(io::Error::other(format!("it has more than {} MiB", MOST_BYTES >> 20)));
    }
    let response = Response::new(200)
        .body(content_type(path), bytes)
        .header("Cache-Control", "no-cache")
        .and_then(|response| response.header("Accept-Ranges", "none"))
        .and_then(|response| response.header("X-Content-Type-Options", "nosniff"));
    Ok(response.unwrap_or_else(Response::from))
}
