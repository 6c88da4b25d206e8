#!/bin/sh
# Runs the tests of many connections, in a release build: tests/load.sh loads|idle|soak SECONDS (of each adapter: a third).
#
# Exit: 0 passed, 1 failed, 2 something is missing.
set -eu
cd "$(dirname "$0")/.."
. tests/build.sh

missing() { printf 'load: %s\n' "$*" >&2; exit 2; }
loads_of() { cargo test --quiet --release -p conformance --test loads -- --ignored --nocapture --test-threads 1 "$@"; }

[ "$(uname)" = Linux ] || missing "$1 counts memory, wake-ups, descriptors and threads in /proc"
case $1 in
loads)
    # Both ends of every connection are in one process.
    ulimit -n "$(ulimit -Hn)" 2>/dev/null || :
    loads_of
    ;;
soak)
    cargo build --quiet --release -p conformance --example soak
    for adapter in std mio tokio; do
        "$target/release/examples/soak" $adapter $(($2 / 3))
    done
    # The median of an echo beside three floods, divided by that of an idle server.
    loads_of floods_leave
    ;;
idle)
    [ "$(ulimit -n)" -ge 11300 ] || missing 'idle needs descriptors: ulimit -n 11300'
    cargo test --quiet --release -p ws-mio --test idle -- --ignored --nocapture
    cargo test --quiet --release -p ws-tokio --test idle -- --ignored --nocapture
    ;;
*) missing 'usage: tests/load.sh loads|idle|soak SECONDS' ;;
esac
