//! Ours: the session, from its first byte until it is open.

use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;

use wsproto::handshake::{Accept, ClientRequest};
use wsproto::url::WsUrl;
use wsproto::{Config, Role, Session, SessionEvent};

use super::{Line, URL};
use crate::Outcome;

const NOW: Duration = Duration::ZERO;

/// The limits, which all sessions share.
#[derive(Debug, Default)]
pub(super) struct Peer(Arc<Config>);

impl super::Peer for Peer {
    fn name(&self) -> &'static str {
        "wsproto"
    }

    fn server(&self, mut line: Line) -> Outcome {
        let mut session = Session::server(Arc::clone(&self.0), NOW);
        let mut buffer = [0; 4096];
        let read = line.read(&mut buffer)?;
        let input = &mut &mut buffer[..read];
        let mut out = Vec::new();
        match session.next_event(NOW, input, &mut out) {
            Some(SessionEvent::Upgrade) => session.accept(&Accept::new(), NOW, &mut out)?,
            other => return Err(format!("{other:?}").into()),
        }
        line.write_all(&out)?;
        open(session, input, &mut out)
    }

    fn client(&self, mut line: Line) -> Outcome {
        let request = ClientRequest::new(WsUrl::parse(URL)?);
        let mut out = Vec::new();
        let seed = rand::random();
        let session = Session::client(request, Arc::clone(&self.0), seed, NOW, &mut out);
        line.write_all(&out)?;
        let mut buffer = [0; 4096];
        let read = line.read(&mut buffer)?;
        open(session, &mut &mut buffer[..read], &mut out)
    }
}

fn open<R: Role>(mut session: Session<R>, input: &mut &mut [u8], out: &mut Vec<u8>) -> Outcome {
    match session.next_event(NOW, input, out) {
        Some(SessionEvent::Open) => Ok(()),
        other => Err(format!("{other:?}").into()),
    }
}
