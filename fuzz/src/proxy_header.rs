//! The header of the PROXY protocol.

use ws_common::adapter::{ProxyHeader, ProxyHeaderError};
use wsproto_testing::Cuts;

/// Arbitrary bytes of a proxy in parts: the same header or the same error for every cut, and no byte
/// beyond the header is asked for.
pub fn proxy_header(data: &[u8]) {
    let [seed, wire @ ..] = data else { return };
    let read = |parts: &mut dyn Iterator<Item = &[u8]>| {
        let (mut header, mut taken) = (ProxyHeader::new(), 0);
        for mut part in parts {
            while !part.is_empty() && header.wanted() > 0 {
                let (now, later) = part.split_at(header.wanted().min(part.len()));
                header.take(now)?;
                (part, taken) = (later, taken + now.len());
            }
        }
        assert!(taken <= 107 || wire.starts_with(b"\r"), "a line is short");
        assert!(header.wanted() > 0 || taken <= wire.len());
        Ok::<_, ProxyHeaderError>((header.wanted(), header.client(), taken))
    };
    let whole = read(&mut [wire].into_iter());
    assert_eq!(whole, read(&mut wire.chunks(1)));
    assert_eq!(whole, read(&mut Cuts::from_seed(*seed).cut(wire)));
}
