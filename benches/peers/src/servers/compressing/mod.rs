//! Servers that compress, each with the parameters that the client asks for.

mod sockudo;
mod yawc;

use wsproto::Deflate;

use super::{Serve, ws_mio, ws_std, ws_tokio};

/// Those whose memory is measured.
pub const FOR_MEMORY: [(&str, Serve); 6] = [
    ("ws-mio-deflate-new", |start| ws_mio::serve_compressing(start, Deflate::new())),
    ("ws-mio-deflate-frugal", |start| ws_mio::serve_compressing(start, Deflate::frugal())),
    ("ws-mio-deflate-dense", |start| ws_mio::serve_compressing(start, Deflate::dense())),
    ("ws-tokio-deflate-new", |start| ws_tokio::serve_compressing(start, Deflate::new())),
    ("ws-tokio-deflate-frugal", |start| ws_tokio::serve_compressing(start, Deflate::frugal())),
    ("ws-tokio-deflate-dense", |start| ws_tokio::serve_compressing(start, Deflate::dense())),
];

/// Those that are put under load without takeover.
pub const WITHOUT_TAKEOVER: [(&str, Serve); 6] = [
    ("ws-mio-frugal", |start| ws_mio::serve_compressing(start, Deflate::frugal())),
    ("ws-mio-frugal-level-6", |start| ws_mio::serve_compressing(start, Deflate::frugal().level(6))),
    ("ws-std-frugal", |start| ws_std::serve_compressing(start, Deflate::frugal())),
    ("ws-tokio-frugal", |start| ws_tokio::serve_compressing(start, Deflate::frugal())),
    ("sockudo-ws-deflate", sockudo::serve),
    ("yawc-deflate", yawc::serve),
];

/// Those that are put under load with takeover: of both ends, but with `new` of the server only.
pub const WITH_TAKEOVER: [(&str, Serve); 9] = [
    ("ws-mio-new", |start| ws_mio::serve_compressing(start, Deflate::new())),
    ("ws-mio-dense", |start| ws_mio::serve_compressing(start, Deflate::dense())),
    ("ws-mio-dense-level-6", |start| ws_mio::serve_compressing(start, Deflate::dense().level(6))),
    ("ws-std-new", |start| ws_std::serve_compressing(start, Deflate::new())),
    ("ws-std-dense", |start| ws_std::serve_compressing(start, Deflate::dense())),
    ("ws-tokio-new", |start| ws_tokio::serve_compressing(start, Deflate::new())),
    ("ws-tokio-dense", |start| ws_tokio::serve_compressing(start, Deflate::dense())),
    ("sockudo-ws-deflate", sockudo::serve),
    ("yawc-deflate", yawc::serve),
];

/// Returns the server of that name.
pub(super) fn find(name: &str) -> Option<Serve> {
    let mut all = FOR_MEMORY.iter().chain(&WITHOUT_TAKEOVER).chain(&WITH_TAKEOVER);
    all.find(|(known, _)| *known == name).map(|(_, serve)| *serve)
}
