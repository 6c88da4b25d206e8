//! The page, embedded in the program.

use ws_common::wsproto::handshake::Response;

const HTML: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The content security policy: the page may load resources only from this server, and connect only to
/// it. If a line ever became markup, the browser would not run it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    connect-src 'self' ws: wss:; img-src data:; base-uri 'none'; frame-ancestors 'none'";

/// Answers a request that is not an upgrade.
pub(super) fn respond(path: &str) -> Response {
    let response = match path {
        "/" => Response::html(HTML).header("Content-Security-Policy", POLICY),
        "/page.css" => Ok(Response::new(200).body("text/css; charset=utf-8", STYLE)),
        "/page.js" => Ok(Response::new(200).body("text/javascript; charset=utf-8", SCRIPT)),
        _ => Ok(Response::text(404, "Not Found\n")),
    };
    // A new version of the program may have a new page.
    response
        .and_then(|response| response.header("Cache-Control", "no-cache"))
        .and_then(|response| response.header("X-Content-Type-Options", "nosniff"))
        .unwrap_or_else(|_| Response::new(500))
}

#[cfg(test)]
mod tests {
    use super::super::{MAX_NAME, MAX_TEXT};
    use super::*;

    #[test]
    fn everything_is_served_from_here() {
        for path in ["/", "/page.css", "/page.js"] {
            assert_eq!(respond(path).status(), 200, "{path}");
        }
        assert_eq!(respond("/other").status(), 404);
        for text in [HTML, STYLE, SCRIPT] {
            assert!(
                !text.contains("http:") && !text.contains("https://") && !text.contains("//cdn")
            );
        }
    }

    #[test]
    fn the_page_knows_the_limits() {
        assert_eq!(HTML.matches(&format!("maxlength=\"{MAX_NAME}\"")).count(), 2);
        assert_eq!(HTML.matches(&format!("maxlength=\"{MAX_TEXT}\"")).count(), 1);
    }

    #[test]
    fn what_others_say_is_never_markup() {
        for dangerous in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("]
        {
            assert!(!SCRIPT.contains(dangerous), "{dangerous}");
        }
    }
}
