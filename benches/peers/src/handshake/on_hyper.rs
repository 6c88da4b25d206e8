//! The common part of the implementations that leave the handshake to hyper.

use std::cell::Cell;
use std::error::Error;
use std::future::{Future, ready};

use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::runtime::{Builder, Runtime};

use super::Line;
use crate::Outcome;

/// The runtime that their clients start hyper's part of the work on.
pub(super) fn runtime() -> Runtime {
    Builder::new_current_thread().build().expect("a runtime without threads and timers")
}

/// Serves one request, which `upgrade` answers, and waits for the upgraded connection.
pub(super) async fn serve<F, S, E, U>(
    line: Line,
    upgrade: impl Fn(&mut Request<Incoming>) -> Result<(Response<Empty<Bytes>>, F), E>,
) -> Outcome
where
    F: Future<Output = Result<S, U>>,
    E: Error + Send + Sync + 'static,
    U: Error + 'static,
{
    let upgraded = Cell::new(None);
    let service = service_fn(|mut request| {
        let answer = upgrade(&mut request).map(|(response, future)| {
            upgraded.set(Some(future));
            response
        });
        ready(answer)
    });
    http1::Builder::new().serve_connection(TokioIo::new(line), service).with_upgrades().await?;
    let _open = upgraded.take().ok_or("no upgrade")?.await?;
    Ok(())
}
