//! The bytes that a new connection writes.

use wsproto::Sender;
use wsproto_testing::End;

pub(crate) fn written<R: End>(send: impl FnOnce(&mut Sender<R>, &mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    send(R::connect().sender(), &mut out);
    out
}
