//! What idle connections cost a server: `memory [OPTION VALUE]...`.
//!
//! Writes a line for each server: bytes of its memory for each connection, after the handshake and
//! after an echo of 16 KiB.

use std::error::Error;

use peers::load::{Options, Server, memory};

fn main() -> Result<(), Box<dyn Error>> {
    let Options { servers, connections, .. } = Options::from_arguments()?;
    memory::allow(connections)?;
    println!(
        "server\tconnections\tbytes_per_connection_after_handshake\t\
         bytes_per_connection_after_16k_echo"
    );
    for (name, command) in servers {
        let measured = Server::start(&command)
            .and_then(|server| memory::measure(&server, connections))
            .map_err(|error| format!("{name}: {error}"))?;
        let (handshake, echo) = (measured.after_handshake, measured.after_large_echo);
        println!("{name}\t{connections}\t{handshake:.0}\t{echo:.0}");
    }
    Ok(())
}
