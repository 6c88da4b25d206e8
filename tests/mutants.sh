#!/bin/sh
# Makes small changes to the parts of wsproto, one at a time, and runs the tests that are about the changed file.
#
# The reports are in target/mutants. Exit: 0 every mutant was noticed, 1 some were not, 2 a tool is missing.
set -eu
cd "$(dirname "$0")/.."

# mutate FILES TESTS...: mutants of those files of wsproto, against those of its tests. So a mutant takes seconds.
mutate() {
    files=$1
    shift
    options=
    set -f
    for file in $files; do options="$options --file crates/wsproto/src/$file.rs"; done
    for test in "$@"; do options="$options --cargo-arg=--test=$test"; done
    results=target/mutants/$(printf %s "$files" | tr -c 'a-z0-9\n' -)
    mkdir -p "$results"
    # shellcheck disable=SC2086 # a list of options
    cargo mutants --package wsproto $options --no-shuffle --output "$results" \
        --cargo-arg=--profile=mutants --cargo-arg=--lib ||
        [ $? -eq 3 ] || survived="$survived $results" # 3: a mutant that never ended was noticed
    set +f
}

cargo mutants --version >/dev/null 2>&1 ||
    { echo 'mutants: needs cargo-mutants: cargo install cargo-mutants' >&2; exit 2; }
survived=
mutate 'frame mask utf8' parts errors
mutate 'close closing' closing errors parts printing
mutate 'handshake/*' handshake_server handshake_client extensions origin http memory redirect printing session
[ -z "$survived" ] || { echo "mutants that no test noticed:$survived" >&2; exit 1; }
