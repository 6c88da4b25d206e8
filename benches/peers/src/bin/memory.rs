//! The cost of idle connections for a server: `memory [OPTION VALUE]...`.
//!
//! Writes a line for each server: bytes of its memory for each connection, after the handshake, after an
//! echo of 16 KiB, and when half of a message of 16 KiB was received.

use std::error::Error;

use peers::load::{Options, Server, memory};
use peers::servers;

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::from_arguments(&servers::ALL)?;
    memory::allow(options.connections)?;
    measure(options)
}

#[cfg(not(feature = "deflate"))]
fn measure(Options { servers, connections, .. }: Options) -> Result<(), Box<dyn Error>> {
    println!(
        "server\tconnections\tbytes_per_connection_after_handshake\t\
         bytes_per_connection_after_16k_echo\tbytes_per_connection_half_message"
    );
    for (name, command) in servers.into_iter().filter(|(name, _)| name != servers::OWN_LOOP) {
        let measured = Server::start(&command)
            .and_then(|server| memory::measure(&server, connections))
            .map_err(|error| format!("{name}: {error}"))?;
        let (handshake, echo) = (measured.after_handshake, measured.after_large_echo);
        let half = measured.half_message;
        println!("{name}\t{connections}\t{handshake:.0}\t{echo:.0}\t{half:.0}");
    }
    Ok(())
}

/// Adds the servers that compress, without the others and without a heading.
#[cfg(feature = "deflate")]
fn measure(Options { connections, .. }: Options) -> Result<(), Box<dyn Error>> {
    let program = std::env::current_exe()?.with_file_name("server");
    for (name, _) in servers::compressing::FOR_MEMORY {
        // A compressor for each connection: fewer say the same.
        let connections = if name.ends_with("dense") { connections.min(500) } else { connections };
        let takeover = !name.ends_with("frugal");
        let measured = Server::start(&format!("{} {name}", program.display()))
            .and_then(|server| memory::measure_compressing(&server, connections, takeover))
            .map_err(|error| format!("{name}: {error}"))?;
        let (handshake, echo) = (measured.after_handshake, measured.after_large_echo);
        let half = measured.half_message;
        println!("{name}\t{connections}\t{handshake:.0}\t{echo:.0}\t{half:.0}");
    }
    Ok(())
}
