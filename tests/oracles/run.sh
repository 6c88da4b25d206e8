#!/bin/sh
# Compares the engine with other implementations that do no I/O, on the same random frames: two in
# Rust, in memory (tests/tests/oracles.rs), and Python's websockets and wsproto, in lock step with
# `ws trace`. What they are known to choose differently is listed there, with reasons.
#
#   ORACLE_CASES       how many sequences of frames (default 100000)
#   ORACLE_SEED        what the random frames of the Python comparison begin with (default 1)
#   CARGO_TARGET_DIR   where everything is built (default target)
#
# The Python packages come from PyPI the first time, in the versions that requirements.txt names.
# Exit: 0 no unknown difference, 1 one was found, 2 something is missing.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
cd "$here/../.."
target=${CARGO_TARGET_DIR:-target}
case $target in /*) ;; *) target=$PWD/$target ;; esac
ORACLE_CASES=${ORACLE_CASES:-100000}
export ORACLE_CASES

die() { printf 'oracles: %s\n' "$*" >&2; exit 2; }
command -v python3 >/dev/null || die 'python3 is missing: install Python 3.10 or newer'
environment=$target/oracles-env
# What was installed before is used again, also without network.
if ! cmp -s "$here/requirements.txt" "$environment/installed"; then
    python3 -c 'import venv, ensurepip' 2>/dev/null ||
        die 'python3 has no venv: install it (Debian: apt-get install python3-venv)'
    rm -rf "$environment"
    python3 -m venv "$environment"
    "$environment/bin/python" -m pip install --quiet --disable-pip-version-check \
        -r "$here/requirements.txt" || die 'the Python packages websockets and wsproto are missing'
    cp "$here/requirements.txt" "$environment/installed"
fi

cargo test --quiet -p conformance --test oracles
printf 'oracles: %s cases each with tungstenite and tokio-websockets\n' "$ORACLE_CASES"
cargo build --quiet --release -p ws-cli
"$environment/bin/python" "$here/lockstep.py" "$target/release/ws" \
    "$ORACLE_CASES" "${ORACLE_SEED:-1}"
