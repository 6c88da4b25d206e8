#!/bin/sh
# Opens the chat in a real browser, headless, and lets scripts in its pages talk to
# our servers, those of ws-std and then those of ws-mio: the examples (mio_)chat and (mio_)echo_server,
# and `peer` (tests/examples/peer). A terminal, the example chat_client, joins the chat. All of
# it stays on the loopback. Then a page that was loaded over HTTP/2 opens WebSockets on the same
# connection, with the example hyper_upgrade of ws-tokio.
#
#   run.sh
#
#   BROWSER            the Chromium to use (default: chromium, chromium-browser, google-chrome)
#   BROWSER_TIMEOUT    seconds a run may take (default 180; it takes about 10)
#   CARGO_TARGET_DIR   where everything is built (default target)
#
# playwright-core comes from npm the first time, in the version that package-lock.json
# names. What the runs printed is in target/browser/, and pictures of the chat.
#
# Exit: 0 every check passed, 1 one failed, 2 something is missing.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
cd "$here/../.."
. tests/build.sh
name=browser logs=$target/browser limit=${BROWSER_TIMEOUT:-180}
. tests/programs.sh

[ $# -eq 0 ] || die 'usage: run.sh'
needs cargo 'install Rust'
needs timeout 'install coreutils'
needs openssl 'install it, for a certificate (Debian: apt-get install openssl)'
needs node 'install Node.js 20 or newer (Debian: apt-get install nodejs npm)'
needs npm 'install it beside Node.js (Debian: apt-get install npm)'
node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' ||
    die "Node.js 20 or newer is missing, this is $(node --version)"

chromium=
for candidate in ${BROWSER:-chromium chromium-browser google-chrome}; do
    if chromium=$(command -v "$candidate"); then break; fi
done
[ -n "$chromium" ] || die "${BROWSER:-chromium} is missing: install it (Debian: \
apt-get install chromium), or name a Chromium or Chrome in BROWSER"

modules=$target/browser-node
install "$modules" "$here/package-lock.json" npm_ci
examples ws-std chat chat_client echo_server
examples ws-mio mio_chat mio_echo_server
examples ws-tokio hyper_upgrade
examples conformance peer

begin
export NODE_PATH="$modules/node_modules"

browser() { # CRATE PREFIX HOW: runs all checks with the servers of a crate, and `peer HOW`
    crate=$1
    ours=$examples/$2
    start "$crate-chat" "${ours}chat" 127.0.0.1:0
    chat=http://$address/
    start "$crate-echo" "${ours}echo_server" 127.0.0.1:0
    echo=ws://$address
    start "$crate-deflate" "${ours}echo_server" 127.0.0.1:0 --deflate new
    deflate=ws://$address
    start "$crate-peer" "$examples/peer" "$3" 127.0.0.1:0
    peer=ws://$address

    export PEER="$3" CHAT="${ours}chat" CHAT_CLIENT="$examples/chat_client" DEFLATE="$deflate"
    run "$crate" node "$here/browser.js" "$chromium" "$chat" "$echo" "$peer" "$logs/$crate"
}

browser ws-std '' serve
browser ws-mio mio_ loop

cert=$logs/cert.pem key=$logs/key.pem
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost \
    -addext 'subjectAltName=DNS:localhost,IP:127.0.0.1' \
    -keyout "$key" -out "$cert" 2>"$logs/openssl.log" || die "openssl: see $logs/openssl.log"
start hyper_upgrade "$examples/hyper_upgrade" 127.0.0.1:0 --tls "$cert" "$key"
run http2 node "$here/http2.js" "$chromium" "https://$address/"

printf 'browser: %s checks, %s passed\n' "$checks" "$passed"
[ "$checks" -eq "$passed" ]
