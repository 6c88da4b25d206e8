//! Servers that compress, each with the parameters that the client asks for.

mod sockudo;
mod yawc;

use wsproto::Deflate;

use super::{Serve, ws_mio, ws_std};

/// Those whose memory is measured.
pub const FOR_MEMORY: [(&str, Serve); 3] = [
    ("ws-mio-deflate-new", |listener| ws_mio::serve_compressing(listener, Deflate::new())),
    ("ws-mio-deflate-frugal", |listener| ws_mio::serve_compressing(listener, Deflate::frugal())),
    ("ws-mio-deflate-dense", |listener| ws_mio::serve_compressing(listener, Deflate::dense())),
];

/// Those that are put under load without takeover.
pub const WITHOUT_TAKEOVER: [(&str, Serve); 5] = [
    ("ws-mio-frugal", |listener| ws_mio::serve_compressing(listener, Deflate::frugal())),
    ("ws-mio-frugal-level-6", |listener| {
        ws_mio::serve_compressing(listener, Deflate::frugal().level(6))
    }),
    ("ws-std-frugal", |listener| ws_std::serve_compressing(listener, Deflate::frugal())),
    ("sockudo-ws", sockudo::serve),
    ("yawc", yawc::serve),
];

/// Those that are put under load with takeover: of both ends, but with `new` of the server only.
pub const WITH_TAKEOVER: [(&str, Serve); 7] = [
    ("ws-mio-new", |listener| ws_mio::serve_compressing(listener, Deflate::new())),
    ("ws-mio-dense", |listener| ws_mio::serve_compressing(listener, Deflate::dense())),
    ("ws-mio-dense-level-6", |listener| {
        ws_mio::serve_compressing(listener, Deflate::dense().level(6))
    }),
    ("ws-std-new", |listener| ws_std::serve_compressing(listener, Deflate::new())),
    ("ws-std-dense", |listener| ws_std::serve_compressing(listener, Deflate::dense())),
    ("sockudo-ws", sockudo::serve),
    ("yawc", yawc::serve),
];

/// Returns the server of that name.
pub(super) fn find(name: &str) -> Option<Serve> {
    let mut all = FOR_MEMORY.iter().chain(&WITHOUT_TAKEOVER).chain(&WITH_TAKEOVER);
    all.find(|(known, _)| *known == name).map(|(_, serve)| *serve)
}
