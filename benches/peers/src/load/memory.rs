//! Many connections that are silent, some in the middle of a message.

use std::io;
use std::thread;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

#[cfg(feature = "deflate")]
use wsproto::DeflateTools;

use super::client::Client;
#[cfg(feature = "deflate")]
use super::compressing::Compressing;
use super::process::Server;

const LARGE: usize = 16 << 10;

/// How often the memory of a server is read before the last value is taken.
const LOOKS: usize = 20;

/// The descriptors that a process needs beside its connections.
const SPARE: u64 = 100;

/// The results, in bytes for each connection.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// When its handshake was done.
    pub after_handshake: f64,
    /// When a message of 16 KiB was echoed on it.
    pub after_large_echo: f64,
    /// When half of another was received on it.
    pub half_message: f64,
}

/// Lets this process, and those it starts, have `connections` connections.
///
/// # Errors
///
/// If the system does not allow so many.
pub fn allow(connections: usize) -> io::Result<()> {
    let needed = connections as u64 + SPARE;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if maximum.is_some_and(|maximum| maximum < needed) {
        return Err(io::Error::other(format!(
            "{connections} connections need {needed} open files in a process, and {} are allowed: \
             raise the limit (ulimit -n {needed}) or use fewer (--connections N)",
            maximum.unwrap_or_default()
        )));
    }
    if current.is_some_and(|current| current < needed) {
        setrlimit(Resource::Nofile, Rlimit { current: Some(needed), maximum })?;
    }
    Ok(())
}

/// Opens connections and looks at how much the server grows.
///
/// # Errors
///
/// If the server does not take them, or does not echo.
pub fn measure(server: &Server, connections: usize) -> io::Result<Measured> {
    // Memory that all connections share exists before the first counts.
    Client::connect(server.address)?.check(LARGE)?;
    let before = settled(server)?;
    let mut clients = Vec::new();
    for _ in 0..connections {
        clients.push(Client::connect(server.address)?);
    }
    let after_handshake = settled(server)?;
    for client in &mut clients {
        client.check(LARGE)?;
    }
    let after_large_echo = settled(server)?;
    for client in &mut clients {
        client.begin(LARGE)?;
    }
    let half_message = settled(server)?;
    // It was received, and it was kept.
    for client in &mut clients {
        client.finish(LARGE)?;
    }
    let growth = |after: u64| (after as f64 - before as f64) / connections as f64;
    Ok(Measured {
        after_handshake: growth(after_handshake),
        after_large_echo: growth(after_large_echo),
        half_message: growth(half_message),
    })
}

/// Measures a server that compresses, as [`measure`] does: a text of 16 KiB is echoed twice, and half of a
/// compressed message of 16 KiB is received. `takeover` if the server allows itself that.
///
/// # Errors
///
/// If the server does not take the connections, does not compress, or does not echo.
#[cfg(feature = "deflate")]
pub fn measure_compressing(
    server: &Server,
    connections: usize,
    takeover: bool,
) -> io::Result<Measured> {
    let (mut tools, text) = (DeflateTools::new(), text());
    let mut first = Compressing::connect(server.address, takeover)?;
    first.check(&mut tools, &text)?;
    let before = settled(server)?;
    let mut clients = Vec::new();
    for _ in 0..connections {
        clients.push(Compressing::connect(server.address, takeover)?);
    }
    let after_handshake = settled(server)?;
    for _ in 0..2 {
        for client in &mut clients {
            client.check(&mut tools, &text)?;
        }
    }
    let after_large_echo = settled(server)?;
    for client in &mut clients {
        client.begin()?;
    }
    let half_message = settled(server)?;
    let growth = |after: u64| (after as f64 - before as f64) / connections as f64;
    Ok(Measured {
        after_handshake: growth(after_handshake),
        after_large_echo: growth(after_large_echo),
        half_message: growth(half_message),
    })
}

/// A text of 16 KiB that compresses.
#[cfg(feature = "deflate")]
fn text() -> String {
    let mut text: String = (0..1000).map(|id| format!("{{\"id\":{id},\"on\":true}},")).collect();
    text.truncate(LARGE);
    text
}

/// The server's memory when it has received everything: when it changes no more.
fn settled(server: &Server) -> io::Result<u64> {
    let mut before = None;
    for _ in 0..LOOKS {
        thread::sleep(Duration::from_millis(500));
        let now = server.memory()?;
        if before.replace(now) == Some(now) {
            return Ok(now);
        }
    }
    server.memory()
}
