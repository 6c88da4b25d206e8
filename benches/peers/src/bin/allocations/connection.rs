//! The cost of a connection: bytes, and allocations for each message.

use std::error::Error;
use std::sync::Arc;

use allocation_counter::AllocationInfo;
use benches::workload::{Kind, Workload};
use peers::Outcome;
use peers::codec::{End, Flush, Inbox, Ring, peers};
use wsproto::{Client, Config, Connection, Event, Extensions, Role, Server, Session};

/// So many messages more make a difference that can be divided.
const MESSAGES: usize = 1000;

/// The payload of an Ethernet frame.
const PACKET: usize = 1460;

/// Prints a line for each fact and implementation: fact, peer, count.
pub(super) fn print() -> Outcome {
    println!("fact\tpeer\tcount");
    let peers = peers();
    let ours = peers[0].name();
    let small = Workload::repeated(Kind::Binary, 126, 126, 10).wire;
    let (server, echo) = idle(Server, small)?;
    let (client, _) = idle(Client::from_seed([7; 32]), echo)?;
    for (fact, count) in [
        ("size of a server's `Connection`, bytes", size_of::<Connection<Server>>() as i64),
        ("size of a client's `Connection`, bytes", size_of::<Connection<Client>>() as i64),
        ("size of a server's `Session`, bytes", size_of::<Session<Server>>() as i64),
        ("heap of an idle server's `Connection`, bytes", server),
        ("heap of an idle client's `Connection`, bytes", client),
    ] {
        println!("{fact}\t{ours}\t{count}");
    }
    let frame = Workload::repeated(Kind::Binary, 126, 126, 1).wire.len();
    for (fact, size, segment) in [
        ("allocations, 126 B received with one read", 126, frame),
        ("allocations, 126 B received with two reads", 126, frame.div_ceil(2)),
        ("allocations, 16 KiB received with reads of 1460 B", 16 << 10, PACKET),
    ] {
        for peer in &peers {
            let inbox = &mut Inbox::default();
            let count = each(size, |workload| peer.decode(workload, segment, inbox))?;
            println!("{fact}\t{}\t{count}", peer.name());
        }
        let count = each(size, |workload| next_event(workload, segment))?;
        println!("{fact}\t{ours}, next_event\t{count}");
    }
    let mut ring = Ring::default();
    for (fact, end) in [
        ("allocations, 126 B sent by a server", End::Server),
        ("allocations, 126 B sent by a client", End::Client),
    ] {
        for peer in &peers {
            let count = each(126, |workload| peer.encode(workload, end, Flush::Each, &mut ring))?;
            println!("{fact}\t{}\t{count}", peer.name());
        }
    }
    Ok(())
}

/// How many allocations a message needs, beside those that are made once.
fn each(size: usize, mut work: impl FnMut(&Workload) -> Outcome) -> Result<f64, Box<dyn Error>> {
    let few = Workload::repeated(Kind::Binary, size, size, MESSAGES);
    let many = Workload::repeated(Kind::Binary, size, size, 2 * MESSAGES);
    // Memory that a thread has once exists before anything counts.
    work(&few)?;
    let few = super::counted(|| work(&few))?.count_total;
    let many = super::counted(|| work(&many))?.count_total;
    Ok(super::each(many.saturating_sub(few), MESSAGES))
}

/// Receives like a loop with one buffer for all connections: it keeps nothing for the next read.
fn next_event(workload: &Workload, segment: usize) -> Outcome {
    let mut server = Connection::server(Config::default());
    let mut buffer = vec![0; segment];
    let mut messages = 0;
    for part in workload.wire.chunks(segment) {
        let mut input = &mut buffer[..part.len()];
        input.copy_from_slice(part);
        while server.next_event(&mut input, &mut Vec::new())?.is_some() {
            messages += 1;
        }
    }
    if messages != workload.messages {
        return Err(format!("{messages} messages").into());
    }
    Ok(())
}

/// The bytes that a connection holds on the heap after it has echoed messages that arrived in parts, beside the
/// limits, which all connections share; and what it sent.
fn idle<R: Role>(role: R, mut wire: Vec<u8>) -> Result<(i64, Vec<u8>), Box<dyn Error>> {
    let mut out = Vec::with_capacity(2 * wire.len());
    let config = Arc::new(Config::default());
    let mut open = None;
    let AllocationInfo { bytes_current, .. } = super::counted(|| {
        let mut connection = Connection::new(role, Arc::clone(&config), Extensions::none());
        for mut part in wire.chunks_mut(50) {
            while let Some(event) = connection.next_event(&mut part, &mut out)? {
                if let Event::Binary(bytes) = event {
                    connection.send_binary(&bytes, &mut out)?;
                }
            }
        }
        open = Some(connection);
        Ok(())
    })?;
    drop(open);
    Ok((bytes_current, out))
}
