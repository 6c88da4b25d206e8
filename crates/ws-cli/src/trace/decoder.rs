//! One direction of a connection, decoded.

use std::sync::Arc;

use ws_std::wsproto::{Client, Config, Connection, Extensions, Role, Server};

use super::event::TraceEvent;

/// Nothing is sent, so the masking keys may be the same in every run.
const SEED: [u8; 32] = [0; 32];

/// The end that receives the bytes.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Receiver {
    /// The bytes were sent by a client
    Server,
    /// The bytes were sent by a server
    Client,
}

/// Decodes the bytes that one end received after the opening handshake.
#[derive(Debug)]
pub(super) struct Decoder {
    connection: Either,
    out: Vec<u8>,
    failed: bool,
}

#[derive(Debug)]
enum Either {
    Server(Connection<Server>),
    /// It owns a generator of masking keys.
    Client(Box<Connection<Client>>),
}

impl Decoder {
    pub(super) fn new(to: Receiver, config: Arc<Config>, extensions: Extensions) -> Self {
        let connection = match to {
            Receiver::Server => Either::Server(Connection::new(Server, config, extensions)),
            Receiver::Client => {
                let client = Client::from_seed(SEED);
                Either::Client(Box::new(Connection::new(client, config, extensions)))
            }
        };
        Self { connection, out: Vec::new(), failed: false }
    }

    /// Decodes bytes, and calls `emit` with each event. The first violation is the last event.
    pub(super) fn feed<E>(
        &mut self,
        bytes: &mut [u8],
        emit: impl FnMut(&TraceEvent<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Self { connection, out, failed } = self;
        match connection {
            Either::Server(connection) => feed(connection, bytes, out, failed, emit),
            Either::Client(connection) => feed(connection, bytes, out, failed, emit),
        }
    }

    /// Returns whether the peer has broken a rule.
    pub(super) const fn has_failed(&self) -> bool {
        self.failed
    }

    /// Takes the bytes with which the receiver answers by itself.
    pub(super) fn take_out(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }
}

fn feed<R: Role, E>(
    connection: &mut Connection<R>,
    mut bytes: &mut [u8],
    out: &mut Vec<u8>,
    failed: &mut bool,
    mut emit: impl FnMut(&TraceEvent<'_>) -> Result<(), E>,
) -> Result<(), E> {
    while !*failed {
        match connection.next_event(&mut bytes, out) {
            Ok(Some(event)) => emit(&TraceEvent::from(&event))?,
            Ok(None) => break,
            Err(error) => {
                *failed = true;
                emit(&TraceEvent::violation(&error))?;
            }
        }
    }
    Ok(())
}
