//! The extensions that a response selects.

use ws_std::wsproto::Extensions;
use ws_std::wsproto::handshake::{DeflateOffer, Extension, Response};

/// Returns the extensions that a response selects among these offers of permessage-deflate.
///
/// # Errors
///
/// Why the response breaks RFC 6455 section 9.1 or RFC 7692 section 7.1, for the user.
pub(crate) fn agreed(
    response: &Response,
    offers: impl IntoIterator<Item = DeflateOffer>,
) -> Result<Extensions, String> {
    let mut selected = Vec::new();
    for list in response.headers().get_all("Sec-WebSocket-Extensions") {
        selected.extend(Extension::parse_list(list).map_err(|error| error.to_string())?);
    }
    match &selected[..] {
        [] => Ok(Extensions::none()),
        [one] => verified(one, offers),
        several => Err(format!("{} extensions are selected", several.len())),
    }
}

/// Returns the extensions of a response that selects this one.
///
/// # Errors
///
/// Why no offer allows it, for the user.
pub(crate) fn verified(
    selected: &Extension,
    offers: impl IntoIterator<Item = DeflateOffer>,
) -> Result<Extensions, String> {
    let mut refused = format!("{selected} is selected, and was not offered");
    for offer in offers {
        match offer.verify(selected) {
            Ok(agreed) => return Ok(agreed.into()),
            Err(error) => refused = format!("{selected}: {error}"),
        }
    }
    Err(refused)
}

/// Returns the offer that allows every valid parameter, for requests that are not known.
pub(crate) fn any_offer() -> DeflateOffer {
    DeflateOffer { client_max_window_bits: Some(None), ..DeflateOffer::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(fields: &[&str], offers: &[DeflateOffer]) -> Result<bool, String> {
        let response = fields.iter().try_fold(Response::new(101), |response, field| {
            response.header("Sec-WebSocket-Extensions", *field)
        });
        let agreed = agreed(&response.expect("valid fields"), offers.iter().cloned());
        agreed.map(|extensions| extensions.deflate().is_some())
    }

    #[test]
    fn a_response_selects_one_of_the_offers_or_none() {
        let plain = DeflateOffer::default();
        assert_eq!(outcome(&[], &[any_offer()]), Ok(false));
        assert_eq!(outcome(&["permessage-deflate"], &[plain]), Ok(true));
        let bits = "permessage-deflate; client_max_window_bits=10";
        assert!(outcome(&[bits], &[plain]).is_err());
        assert_eq!(outcome(&[bits], &[plain, any_offer()]), Ok(true));
        let unoffered = "permessage-deflate is selected, and was not offered".to_owned();
        assert_eq!(outcome(&["permessage-deflate"], &[]), Err(unoffered));
        let several = Err("2 extensions are selected".to_owned());
        assert_eq!(outcome(&["permessage-deflate, a"], &[plain]), several);
        assert_eq!(outcome(&["permessage-deflate", "a"], &[plain]), several);
    }
}
