#!/bin/sh
# Runs a benchmark: benches/check.sh STEP, where STEP is codec-alone, instructions, codec, uwebsockets, echo, latency,
# storm, tls, memory, handshake, broadcast, broadcast-net, deflate, deflate-echo, connection, size, report or test.
# README.md says what each measures.
#
# Exit: 0 done, 2 wrong usage or something is missing, anything else: it has failed.
set -eu
cd "$(dirname "$0")/.."

die() { printf 'benches: %s\n' "$*" >&2; exit 2; }

# The other implementations are a workspace of their own.
others='--manifest-path benches/peers/Cargo.toml'
others_built=${CARGO_TARGET_DIR:-benches/peers/target}/release

# Builds the programs that measure in memory.
# shellcheck disable=SC2086 # a list of options
build() { cargo build --quiet --release --bins $others "$@"; }

# results FILE COMMAND...: runs a command that prints a table, and keeps the table if the command succeeds.
results() {
    file=benches/results/$1
    shift
    mkdir -p benches/results
    "$@" >"$file.new" || { rm -f "$file.new"; exit 1; }
    mv "$file.new" "$file"
    echo "$file is written"
}

# Ends unless servers can be put under load.
need_load() {
    [ "$(uname)" = Linux ] || die 'servers are put under load on Linux only'
    [ "$(nproc)" -ge 2 ] || die 'a server and its load need a processor each'
}

# Prints the output of COMMAND..., and the servers that compress, under load.
deflate_rows() { "$@" && "$others_built/deflate-echo"; }

# under_load STEP NAME KIND: measures servers under load; also uWebSockets under that name, if it was built.
under_load() {
    step=$1
    own="$2=$others_built/uwebsockets/uwebsockets $3 {}"
    set --
    [ ! -x "$others_built/uwebsockets/uwebsockets" ] || set -- --own "$own"
    results "$step.tsv" "$others_built/$step" "$@"
}

case ${1:-} in
codec-alone) cargo bench -p benches --bench codec --bench parts ;;
instructions)
    command -v valgrind >/dev/null || die 'instructions needs valgrind'
    cargo run --quiet --release -p benches --bin instructions
    ;;
# shellcheck disable=SC2086
codec) results codec.tsv cargo run --quiet --release $others --bin codec ;;
memory)
    need_load
    build
    results memory.tsv "$others_built/memory"
    # Those that compress; what has the feature is not compared with what has not.
    build --features deflate
    "$others_built/memory" >>benches/results/memory.tsv
    ;;
deflate)
    need_load
    build --features deflate
    results deflate.tsv deflate_rows "$others_built/deflate"
    ;;
deflate-echo)
    need_load
    build --features deflate
    results deflate.tsv deflate_rows grep -v '^echo, ' benches/results/deflate.tsv
    ;;
uwebsockets) benches/uwebsockets/build.sh "$others_built/uwebsockets" ;;
echo | latency | storm)
    need_load
    build
    under_load "$1" uWebSockets echo
    ;;
broadcast-net)
    need_load
    build
    under_load "$1" uWebSockets-publish publish
    ;;
tls)
    need_load
    build
    results tls.tsv "$others_built/tls"
    ;;
handshake | broadcast)
    build
    results "$1.tsv" "$others_built/$1"
    ;;
size)
    build
    results size.tsv "$others_built/size"
    ;;
connection)
    build
    results connection.tsv "$others_built/allocations" connection
    ;;
report) cargo run --quiet -p benches --bin report ;;
# shellcheck disable=SC2086
test)
    cargo fmt $others --check
    cargo fmt --manifest-path benches/size/Cargo.toml --check
    cargo clippy --quiet --locked --all-features --all-targets --manifest-path benches/size/Cargo.toml -- -D warnings
    cargo clippy --quiet --all-targets $others -- -D warnings
    cargo test --quiet --release $others
    cargo clippy --quiet --all-targets $others --features deflate -- -D warnings
    cargo test --quiet --release $others --features deflate --test servers
    ;;
*) die "no step ${1:-}; see the beginning of benches/check.sh" ;;
esac
