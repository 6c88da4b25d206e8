#!/bin/sh
# Opens the chat in a real browser, headless, and lets scripts in its pages talk to
# our servers, those of ws-std and then those of ws-mio: the examples (mio_)chat and (mio_)echo_server,
# and `peer` (tests/examples/peer). A terminal, the example chat_client, joins the chat. All of
# it stays on the loopback.
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
logs=$target/browser
limit=${BROWSER_TIMEOUT:-180}

die() { printf 'browser: %s\n' "$*" >&2; exit 2; }
needs() { command -v "$1" >/dev/null 2>&1 || die "$1 is missing: $2"; }

[ $# -eq 0 ] || die 'usage: run.sh'
needs cargo 'install Rust'
needs timeout 'install coreutils'
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

# What was installed before is used again, also without network.
modules=$target/browser-node
if ! cmp -s "$here/package-lock.json" "$modules/installed"; then
    rm -rf "$modules"
    mkdir -p "$modules"
    cp "$here/package.json" "$here/package-lock.json" "$modules"
    npm ci --prefix "$modules" --ignore-scripts --no-audit --no-fund >"$modules.log" 2>&1 ||
        { tail -n 20 "$modules.log" >&2; die "could not install $modules"; }
    cp "$here/package-lock.json" "$modules/installed"
fi
examples ws-std chat chat_client echo_server
examples ws-mio mio_chat mio_echo_server
examples conformance peer

rm -rf "$logs" # nothing of an earlier run is counted
mkdir -p "$logs"
running=
stop() { # timeout passes the signal on
    for pid in $running; do kill "$pid" 2>/dev/null || :; done
    for pid in $running; do wait "$pid" 2>/dev/null || :; done
}
trap stop EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

start() { # LOG COMMAND...: starts a server of ours, leaves its address in $address
    log=$logs/$1.log
    shift
    timeout -k 5 $((limit * 4)) "$@" >"$log" 2>&1 &
    running="$running $!"
    tries=100
    address=
    while [ -z "$address" ]; do
        kill -0 $! 2>/dev/null && [ "$tries" -gt 0 ] || { cat "$log" >&2; die "$1 does not listen"; }
        tries=$((tries - 1))
        sleep 0.1
        address=$(sed -n 's/^.*\(127\.0\.0\.1:[0-9]*\).*/\1/p' "$log")
    done
}

all=0
all_failed=0
run() { # CRATE PREFIX HOW: runs all checks with the servers of a crate, and `peer HOW`
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

    log=$logs/$crate.log
    NODE_PATH=$modules/node_modules PEER=$3 CHAT=${ours}chat CHAT_CLIENT=$examples/chat_client DEFLATE=$deflate \
        timeout -k 5 "$limit" node "$here/browser.js" \
        "$chromium" "$chat" "$echo" "$peer" "$logs/$crate" >"$log" 2>&1 &
    last=$!
    running="$running $last"
    # Waiting for it, and not running it in the foreground, lets the traps run at once.
    status=0
    wait "$last" || status=$?
    passed=$(grep -c '^ok ' "$log" || :)
    failed=$(grep -c '^FAIL ' "$log" || :)
    sed -n "s/^FAIL /FAIL $crate: /p" "$log"
    # Whoever ends before the last check has not passed those that are missing.
    if ! grep -qx done "$log" || { [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; }; then
        printf 'FAIL %s: ended early, with status %s\n' "$crate" "$status"
        grep -v '^ok \|^FAIL ' "$log" | tail -n 20
        failed=$((failed + 1))
    fi
    printf 'browser: %s: %s checks, %s passed\n' "$crate" $((passed + failed)) "$passed"
    all=$((all + passed + failed))
    all_failed=$((all_failed + failed))
}

run ws-std '' serve
run ws-mio mio_ loop
printf 'browser: %s checks, %s passed\n' "$all" $((all - all_failed))
[ "$all_failed" -eq 0 ]
