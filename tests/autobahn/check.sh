#!/bin/sh
# Runs the Autobahn TestSuite against both adapters, in both roles, over ws and wss: eight runs, each judged
# by verdict.py.
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

# runs AGENT PREFIX TLS_SERVER ARGUMENT...: the four runs of an adapter: the prefix of its examples' names, and
# its echo server over TLS.
runs() {
    agent=$1
    prefix=$examples/$2
    tls=$examples/$3
    shift 3
    "${prefix}echo_server" 127.0.0.1:9001 >"$files/ws.log" 2>&1 &
    servers=$!
    "$tls" "$@" >"$files/wss.log" 2>&1 &
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
        "${prefix}autobahn_client" ws://127.0.0.1:9105 "$agent"
    AUTOBAHN_KEY=$key AUTOBAHN_CERT=$cert tests/autobahn/run.sh client "$agent-tls" -- \
        "${prefix}autobahn_client" wss://127.0.0.1:9105 "$agent-tls" "$cert"
}

command -v openssl >/dev/null || die 'needs openssl, to make a certificate for wss'
tests/autobahn/setup.sh
examples ws-std echo_server tls_echo autobahn_client
examples ws-mio mio_echo_server mio_autobahn_client
files=$(mktemp -d)
servers=
trap 'kill $servers 2>/dev/null || true; rm -rf "$files"' EXIT
cert=$files/cert.pem key=$files/key.pem
self_signed
runs wsproto '' tls_echo 127.0.0.1:9443 "$cert" "$key"
runs ws-mio mio_ mio_echo_server 127.0.0.1:9443 --tls "$cert" "$key"
