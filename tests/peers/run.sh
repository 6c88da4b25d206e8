#!/bin/sh
# Runs our crates with peers of other make, Node's ws and Python's websockets: each
# as a client of the echo servers of ws-std, ws-mio and ws-tokio and of `peer serve`, `peer loop`
# and `peer tasks` (tests/examples/peer), and as a server for `peer call` and `peer tokio call`,
# over ws and over wss; and as a client of the examples mio_own_loop and by_hand, and of `ws listen`.
# All of it stays on the loopback.
#
# `ws check` looks at the servers of both.
#
#   run.sh [ws|websockets]    with one of them, or with both
#
#   PEERS_TIMEOUT      seconds a run may take (default 120; it takes about 3)
#   CARGO_TARGET_DIR   where everything is built (default target)
#
# The peers come from npm and PyPI the first time, in the versions that
# package-lock.json and requirements.txt name. What each run printed is in
# target/peers/.
#
# Exit: 0 every check passed, 1 one failed, 2 wrong usage or something is missing.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
cd "$here/../.."
. tests/build.sh
name=peers logs=$target/peers limit=${PEERS_TIMEOUT:-120}
. tests/programs.sh

[ $# -gt 0 ] || set -- ws websockets
for peer in "$@"; do
    case $peer in ws | websockets) ;; *) die "usage: run.sh [ws|websockets]" ;; esac
done
needs cargo 'install Rust'
needs timeout 'install coreutils'
needs openssl 'install it, for a certificate (Debian: apt-get install openssl)'

pip_install() {
    python3 -m venv "$folder"
    "$folder/bin/python" -m pip install --disable-pip-version-check -r "$list"
}

for peer in "$@"; do
    case $peer in
    ws)
        needs node 'install Node.js 18 or newer (Debian: apt-get install nodejs npm)'
        needs npm 'install it beside Node.js (Debian: apt-get install npm)'
        install "$target/peers-node" "$here/package-lock.json" npm_ci
        ;;
    websockets)
        needs python3 'install Python 3.10 or newer (Debian: apt-get install python3 python3-venv)'
        python3 -c 'import venv, ensurepip' 2>/dev/null ||
            die 'python3 has no venv: install it (Debian: apt-get install python3-venv)'
        install "$target/peers-env" "$here/requirements.txt" pip_install
        ;;
    esac
done
examples ws-std echo_server tls_echo
examples ws-mio mio_echo_server mio_own_loop by_hand
examples ws-tokio tokio_echo_server
examples conformance peer
cargo build --quiet --release -p ws-cli
ws=$target/release/ws

begin
cert=$logs/cert.pem key=$logs/key.pem
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost \
    -addext basicConstraints=critical,CA:FALSE -addext subjectAltName=DNS:localhost,IP:127.0.0.1 \
    -keyout "$key" -out "$cert" 2>"$logs/openssl.log" || die "openssl: see $logs/openssl.log"
# Node and Python trust this certificate.
export NODE_EXTRA_CA_CERTS="$cert" SSL_CERT_FILE="$cert"

start std-echo "$examples/echo_server" 127.0.0.1:0
std_echo=ws://$address
start std-tls-echo "$examples/tls_echo" 127.0.0.1:0 "$cert" "$key"
std_tls_echo=wss://$address
start mio-echo "$examples/mio_echo_server" 127.0.0.1:0
mio_echo=ws://$address
start mio-tls-echo "$examples/mio_echo_server" 127.0.0.1:0 --tls "$cert" "$key"
mio_tls_echo=wss://$address
start tokio-echo "$examples/tokio_echo_server" 127.0.0.1:0
tokio_echo=ws://$address
start tokio-tls-echo "$examples/tokio_echo_server" 127.0.0.1:0 --tls "$cert" "$key"
tokio_tls_echo=wss://$address
start async-echo "$examples/tokio_echo_server" 127.0.0.1:0 --async
async_echo=ws://$address
start async-tls-echo "$examples/tokio_echo_server" 127.0.0.1:0 --async --tls "$cert" "$key"
async_tls_echo=wss://$address
start mio-own-loop "$examples/mio_own_loop" 127.0.0.1:0
own_loop=ws://$address
start by-hand "$examples/by_hand" 127.0.0.1:0
by_hand=ws://$address
start peer-serve "$examples/peer" serve 127.0.0.1:0
serve=ws://$address
start peer-tls-serve "$examples/peer" serve 127.0.0.1:0 "$cert" "$key"
tls_serve=wss://$address
start peer-loop "$examples/peer" loop 127.0.0.1:0
loop=ws://$address
start peer-tls-loop "$examples/peer" loop 127.0.0.1:0 "$cert" "$key"
tls_loop=wss://$address
start peer-tasks "$examples/peer" tasks 127.0.0.1:0
tasks=ws://$address
start peer-tls-tasks "$examples/peer" tasks 127.0.0.1:0 "$cert" "$key"
tls_tasks=wss://$address

start ws-listen "$ws" listen 0 --echo --max-message 64M
listen=ws://$address
start ws-tls-listen "$ws" listen 0 --echo --max-message 64M --tls "$cert" "$key"
tls_listen=wss://$address

export NODE_PATH="$target/peers-node/node_modules" PYTHONDONTWRITEBYTECODE=1
for peer in "$@"; do
    case $peer in
    ws) program=node script=$here/node_ws.js ;;
    websockets) program=$target/peers-env/bin/python script=$here/python_websockets.py ;;
    esac
    run "$peer to ws-std" "$program" "$script" echo "$std_echo"
    run "$peer to ws-std, TLS" "$program" "$script" echo "$std_tls_echo"
    run "$peer to ws-mio" "$program" "$script" echo "$mio_echo"
    run "$peer to ws-mio, TLS" "$program" "$script" echo "$mio_tls_echo"
    run "$peer to ws-tokio" "$program" "$script" echo "$tokio_echo"
    run "$peer to ws-tokio, TLS" "$program" "$script" echo "$tokio_tls_echo"
    run "$peer to ws-tokio, async" "$program" "$script" echo "$async_echo"
    run "$peer to ws-tokio, async, TLS" "$program" "$script" echo "$async_tls_echo"
    run "$peer to mio_own_loop" "$program" "$script" echo "$own_loop"
    run "$peer to by_hand" "$program" "$script" echo "$by_hand"
    run "$peer to ws listen" "$program" "$script" echo "$listen"
    run "$peer to ws listen, TLS" "$program" "$script" echo "$tls_listen"
    run "$peer to peer serve" "$program" "$script" client "$serve"
    run "$peer to peer serve, TLS" "$program" "$script" client "$tls_serve"
    run "$peer to peer loop" env PEERS_LOOP=1 "$program" "$script" client "$loop"
    run "$peer to peer loop, TLS" env PEERS_LOOP=1 "$program" "$script" client "$tls_loop"
    run "$peer to peer tasks" env PEERS_LOOP=1 "$program" "$script" client "$tasks"
    run "$peer to peer tasks, TLS" env PEERS_LOOP=1 "$program" "$script" client "$tls_tasks"
    start "$peer" "$program" "$script" server
    run "peer to $peer" "$examples/peer" call "ws://$address"
    run "ws to $peer" "$here/ws.sh" "$ws" "ws://$address/"
    start "$peer-tls" env PEERS_CERT="$cert" PEERS_KEY="$key" "$program" "$script" server
    run "peer to $peer, TLS" "$examples/peer" call --ca "$cert" "wss://$address"
    run "ws to $peer, TLS" "$here/ws.sh" "$ws" "wss://$address/" --cacert "$cert"
    # The IDs of connections are used once.
    start "$peer-tokio" "$program" "$script" server
    run "peer tokio to $peer" "$examples/peer" tokio call "ws://$address"
    start "$peer-tokio-tls" env PEERS_CERT="$cert" PEERS_KEY="$key" "$program" "$script" server
    run "peer tokio to $peer, TLS" "$examples/peer" tokio call --ca "$cert" "wss://$address"
done

# Compression: each combination of takeover and windows, in both roles.
for how in new frugal dense; do
    start "std-$how" "$examples/echo_server" 127.0.0.1:0 --deflate $how
    eval "std_$how=ws://\$address"
    start "mio-$how" "$examples/mio_echo_server" 127.0.0.1:0 --deflate $how
    eval "mio_$how=ws://\$address"
    start "tokio-$how" "$examples/tokio_echo_server" 127.0.0.1:0 --deflate $how
    eval "tokio_$how=ws://\$address"
    start "async-$how" "$examples/tokio_echo_server" 127.0.0.1:0 --async --deflate $how
    eval "async_$how=ws://\$address"
done
start ws-listen-deflate "$ws" listen 0 --echo --max-message 64M --deflate
listen=ws://$address
for peer in "$@"; do
    case $peer in
    ws) program=node script=$here/node_deflate.js ;;
    websockets) program=$target/peers-env/bin/python script=$here/python_deflate.py ;;
    esac
    for how in new frugal dense; do
        eval "std=\$std_$how mio=\$mio_$how tokio=\$tokio_$how async=\$async_$how"
        # shellcheck disable=SC2154 # set by eval
        run "$peer to ws-std, $how" "$program" "$script" client "$std"
        # shellcheck disable=SC2154
        run "$peer to ws-mio, $how" "$program" "$script" client "$mio"
        # shellcheck disable=SC2154
        run "$peer to ws-tokio, $how" "$program" "$script" client "$tokio"
        # shellcheck disable=SC2154
        run "$peer to ws-tokio, async, $how" "$program" "$script" client "$async"
    done
    run "$peer to ws listen, compressing" "$program" "$script" client "$listen"
    start "$peer-deflate" "$program" "$script" server
    run "peer to $peer, compressing" "$examples/peer" deflate "ws://$address"
    run "peer tokio to $peer, compressing" "$examples/peer" tokio deflate "ws://$address"
    case $peer in
    ws) path=/1/1/0/0 ;;
    websockets) path=/1/1/15/15 ;;
    esac
    # Requests that a lenient server accepts.
    run "ws check of $peer" "$here/check.sh" "$ws" "ws://$address$path" http-1.0 host-missing version-unknown
done

printf 'peers: %s checks, %s passed\n' "$checks" "$passed"
[ "$checks" -eq "$passed" ]
