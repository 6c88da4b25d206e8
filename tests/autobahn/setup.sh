#!/bin/sh
# Builds the Python 2.7 environment of the Autobahn TestSuite. Safe to repeat.
#
#   AUTOBAHN_ENV   where to build it (default: target/autobahn-env)
#   PYTHON27       the Python 2.7 to use (default: python2.7, then pyenv's)
#
# wsaccel is compiled: that takes a C compiler and the Python 2.7 headers
# (Debian: gcc libc6-dev; a Python 2.7 built by pyenv brings its own headers).
#
# Exit: 0 ready, 1 the build failed, 2 Python 2.7 or a C compiler is missing.
set -eu

virtualenv=16.7.10 # last single-package release; carries its own pip and setuptools

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=$(CDPATH='' cd -- "$here/../.." && pwd)
env=${AUTOBAHN_ENV:-$root/target/autobahn-env}
requirements=$here/requirements.txt
# Changing the pins or this script rebuilds the environment.
stamp=$(cat "$requirements" "$here/setup.sh" | cksum)

unset PYTHONPATH PYTHONHOME # they would leak into Python 2.7

say() { printf 'autobahn setup: %s\n' "$*" >&2; }
die() { code=$1; shift; say "$*"; exit "$code"; }

# Imports what wstest needs; wsaccel by name, its absence would only show as slowness.
works() {
    [ -x "$env/bin/python" ] &&
        "$env/bin/python" -E -W ignore -c \
            'import wsaccel.xormask, wsaccel.utf8validator, autobahntestsuite.wstest' >/dev/null 2>&1
}

if [ -f "$env/.autobahn-env" ] && [ "$(cat "$env/.autobahn-env")" = "$stamp" ] && works; then
    say "$env is up to date"
    exit 0
fi

# Prints the real interpreter behind $1 if that is a usable Python 2.7. It has to
# be run to tell: a pyenv shim exists even where no 2.7 is selected.
python27() {
    "$1" -E -c 'import sys, ssl, zlib
if sys.version_info[:2] != (2, 7): sys.exit(1)
print(sys.executable)' 2>/dev/null
}

py=
if [ -n "${PYTHON27:-}" ]; then
    py=$(python27 "$PYTHON27") || die 2 "PYTHON27=$PYTHON27 is no Python 2.7 with ssl and zlib"
elif py=$(python27 python2.7); then
    :
elif command -v pyenv >/dev/null 2>&1; then
    for candidate in "$(pyenv root)"/versions/2.7*/bin/python; do
        if py=$(python27 "$candidate"); then break; fi
    done
fi
[ -n "$py" ] || die 2 "Python 2.7 is missing (tried python2.7 and pyenv's versions/2.7*); \
the Autobahn TestSuite runs on nothing newer. Install it, e.g. 'pyenv install 2.7.18', or set PYTHON27"

compiler=$("$py" -E -c 'import sysconfig; print((sysconfig.get_config_var("CC") or "cc").split()[0])')
command -v "$compiler" >/dev/null 2>&1 ||
    die 2 "a C compiler is missing ($compiler, which $py was built with); wsaccel has to be compiled"

if [ -e "$env" ]; then
    # Only ever delete a folder this script made (or an empty one).
    [ -f "$env/.autobahn-env" ] || [ -z "$(ls -A "$env" 2>/dev/null)" ] ||
        die 1 "$env exists and is not an environment made by this script; move it away"
    rm -rf "$env"
fi
mkdir -p "$env"
: >"$env/.autobahn-env"

say "building $env with $py"
# A Python 2.7 may come without pip; virtualenv's wheel is the same for Python 3.
pip=
for candidate in "$py" python3; do
    if "$candidate" -m pip --version >/dev/null 2>&1; then pip=$candidate; break; fi
done
[ -n "$pip" ] || die 1 "neither $py nor python3 has pip"

log=$env/setup.log
export PIP_DISABLE_PIP_VERSION_CHECK=1
build() {
    "$pip" -m pip install --quiet --no-deps --target "$env/bootstrap" "virtualenv==$virtualenv" &&
        PYTHONPATH=$env/bootstrap "$py" -m virtualenv --no-download "$env" &&
        "$env/bin/python" -E -m pip install --no-deps -r "$requirements" &&
        "$env/bin/python" -E -m pip check
}
build >"$log" 2>&1 || {
    tail -n 25 "$log" >&2
    die 1 "the build failed, all of it in $log"
}
works || die 1 "everything installed, but wstest cannot be imported; see $log"
printf '%s\n' "$stamp" >"$env/.autobahn-env"
say "ready: $env"
