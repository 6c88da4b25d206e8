#!/bin/sh
# Servers of ours on a bus, over the brokers nats-server and redis-server: the tests of tests/tests/bus, then the cost
# of a bus (tests/examples/bus), whose table is kept as benches/results/bus.tsv. All of it stays on the loopback.
#
#   run.sh [tests|cost]    with one of them, or with both
#
#   BUS_TIMEOUT        seconds that either may take (default 900; they take about 300)
#   CARGO_TARGET_DIR   where everything is built (default target)
#
# Exit: 0 every test passed, 1 one failed, 2 wrong usage or something is missing.
set -eu

cd "$(dirname "$0")/../.."
. tests/build.sh
name=bus logs=$target/bus limit=${BUS_TIMEOUT:-900}
. tests/programs.sh

case ${1:-} in '' | tests | cost) ;; *) die 'usage: run.sh [tests|cost]' ;; esac
needs cargo 'install Rust'
needs timeout 'install coreutils'
needs nats-server 'install it (Debian: apt-get install nats-server)'
needs redis-server 'install it (Debian: apt-get install redis-server)'
[ "$(uname)" = Linux ] || die 'it counts descriptors and stops brokers with signals: Linux'
# A thousand clients and their servers are in one process.
ulimit -n "$(ulimit -Hn)" 2>/dev/null || :
[ "$(ulimit -n)" -ge 4096 ] || die 'it needs descriptors: ulimit -n 4096'
begin

tests() {
    cargo test --quiet --release -p conformance --features bus --test bus --no-run
    timeout -k 5 "$limit" cargo test --quiet --release -p conformance --features bus --test bus -- \
        --nocapture --test-threads 1
    # Two processes of the example bus_chat are one chat; nats-server prints the port that it has chosen.
    cargo build --quiet --release -p ws-bus --features nats,redis --example bus_chat
    start nats nats-server -a 127.0.0.1 -p -1
    BUS_URL=nats://$address timeout -k 5 "$limit" cargo test --quiet --release -p ws-bus --features nats,redis \
        --test bus_chat -- --ignored
}

cost() {
    [ "$(nproc)" -ge 2 ] || die 'the cost needs two processors'
    cargo build --quiet --release -p conformance --features bus --example bus
    table=benches/results/bus.tsv
    timeout -k 5 "$limit" "$examples/bus" >"$logs/bus.tsv"
    cp "$logs/bus.tsv" "$table"
    column -t -s "$(printf '\t')" "$table" 2>/dev/null || cat "$table"
    echo "$table is written"
}

case ${1:-} in
tests | '') tests ;;
esac
case ${1:-} in
cost | '') cost ;;
esac
