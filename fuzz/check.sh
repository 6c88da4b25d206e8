#!/bin/sh
# Runs every fuzz target for some time, beginning with its corpus: fuzz/check.sh SECONDS
#
# The committed corpus is read only; new inputs are in target/fuzz-corpus.
# Exit: 0 nothing was found, 2 wrong usage or a tool is missing, anything else: a finding.
set -eu
cd "$(dirname "$0")/.."

die() { printf 'fuzz: %s\n' "$*" >&2; exit 2; }

[ $# -eq 1 ] && [ -n "$1" ] || die 'usage: fuzz SECONDS'
cargo +nightly --version >/dev/null 2>&1 || die 'needs a nightly Rust'
cargo +nightly fuzz --version >/dev/null 2>&1 || die 'needs cargo-fuzz: cargo install cargo-fuzz'
cargo run --quiet -p wsproto-fuzz --example seeds -- target/fuzz-corpus/receive
for source in fuzz/fuzz_targets/*.rs; do
    name=$(basename "$source" .rs)
    printf '\n== fuzz %s for %s s\n' "$name" "$1"
    mkdir -p "target/fuzz-corpus/$name"
    cargo +nightly fuzz run "$name" "target/fuzz-corpus/$name" "fuzz/corpus/$name" -- \
        -max_total_time="$1" -max_len=4096 -print_final_stats=1
done
