//! Masking, compared with the byte loop.

use wsproto::mask::Mask;
use wsproto_testing::{Cuts, xor};

/// Any key and payload, in any parts, in place and copied: equal to the byte loop of RFC 6455
/// section 5.3.
pub fn mask(data: &[u8]) {
    let Some(([seed, key @ ..], payload)) = data.split_first_chunk::<5>() else { return };
    let (mut in_place, mut copied) = (Vec::new(), Vec::new());
    let (mut apply, mut append) = (Mask::new(*key), Mask::new(*key));
    for part in Cuts::from_seed(*seed).cut(payload) {
        let mut bytes = part.to_vec();
        apply.apply(&mut bytes);
        in_place.extend(bytes);
        append.append(part, &mut copied);
        assert_eq!(apply, append);
    }
    let expected = xor(payload, *key);
    assert_eq!(in_place, expected);
    assert_eq!(copied, expected);
}
