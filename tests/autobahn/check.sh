#!/bin/sh
# Runs the Autobahn TestSuite against all adapters, in both roles, over ws and wss, with compression: twelve
# runs, each judged by verdict.py.
#
#   check.sh [fast]    with `fast`, of groups 12 and 13, which take long, one case of each kind
#
# Exit: 0 every case passed, 2 something is missing, anything else as run.sh.
set -eu
cd "$(dirname "$0")/../.."
. tests/build.sh

die() { printf 'autobahn: %s\n' "$*" >&2; exit 2; }

# Makes cert.pem and key.pem. The certificate is not an authority's (CA:FALSE): webpki accepts an authority's for
# no server.
self_signed() {
    printf '%s\n' '[req]' 'prompt = no' 'distinguished_name = name' 'x509_extensions = extensions' \
        '[name]' 'CN = localhost' \
        '[extensions]' 'basicConstraints = critical, CA:FALSE' \
        'subjectAltName = DNS:localhost, IP:127.0.0.1' >"$files/openssl.cnf"
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -config "$files/openssl.cnf" \
        -keyout "$key" -out "$cert" 2>"$files/openssl.log" || {
        cat "$files/openssl.log" >&2
        die 'openssl cannot make a certificate'
    }
}

# runs AGENT PREFIX DEFLATE TLS_SERVER ARGUMENT...: the four runs of an adapter: the prefix of its examples' names, and
# its echo server over TLS.
runs() {
    agent=$1
    prefix=$examples/$2
    deflate=$3
    tls=$examples/$4
    shift 4
    "${prefix}echo_server" 127.0.0.1:9001 --deflate "$deflate" >"$files/ws.log" 2>&1 &
    servers=$!
    "$tls" "$@" --deflate "$deflate" >"$files/wss.log" 2>&1 &
    servers="$servers $!"
    tests/autobahn/run.sh server 127.0.0.1:9001 "$agent"
    tests/autobahn/run.sh server wss://127.0.0.1:9443 "$agent-tls"
    # shellcheck disable=SC2086 # a list of processes
    kill $servers
    # Their addresses are free when they have ended.
    # shellcheck disable=SC2086
    wait $servers 2>/dev/null || :
    servers=

    tests/autobahn/run.sh client "$agent" -- \
        "${prefix}autobahn_client" ws://127.0.0.1:9105 "$agent" --deflate "$deflate"
    AUTOBAHN_KEY=$key AUTOBAHN_CERT=$cert tests/autobahn/run.sh client "$agent-tls" -- \
        "${prefix}autobahn_client" wss://127.0.0.1:9105 "$agent-tls" "$cert" --deflate "$deflate"
}

case ${1:-} in
'') AUTOBAHN_CASES=${AUTOBAHN_CASES:-*} AUTOBAHN_TIMEOUT=${AUTOBAHN_TIMEOUT:-7200} ;;
fast)
    AUTOBAHN_CASES='1.* 2.* 3.* 4.* 5.* 6.* 7.* 9.* 10.*'
    for group in 12.1 12.2 12.3 12.4 12.5 13.1 13.2 13.3 13.4 13.5 13.6 13.7; do
        AUTOBAHN_CASES="$AUTOBAHN_CASES $group.3 $group.11"
    done
    ;;
*) die 'usage: check.sh [fast]' ;;
esac
export AUTOBAHN_CASES AUTOBAHN_TIMEOUT=${AUTOBAHN_TIMEOUT:-900}
command -v openssl >/dev/null || die 'needs openssl, to make a certificate for wss'
tests/autobahn/setup.sh
examples ws-std echo_server tls_echo autobahn_client
examples ws-mio mio_echo_server mio_autobahn_client
examples ws-tokio tokio_echo_server tokio_autobahn_client
files=$(mktemp -d)
servers=
trap 'kill $servers 2>/dev/null || true; rm -rf "$files"' EXIT
cert=$files/cert.pem key=$files/key.pem
self_signed
runs wsproto '' new tls_echo 127.0.0.1:9443 "$cert" "$key"
runs ws-mio mio_ dense mio_echo_server 127.0.0.1:9443 --tls "$cert" "$key"
runs ws-tokio tokio_ frugal tokio_echo_server --async 127.0.0.1:9443 --tls "$cert" "$key"
