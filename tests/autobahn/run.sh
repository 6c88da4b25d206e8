#!/bin/sh
# Runs the Autobahn TestSuite against a WebSocket peer and judges the report.
#
#   run.sh server [ws://|wss://]HOST:PORT[/PATH] AGENT
#       drives the echo server that already listens there (loopback only)
#   run.sh client AGENT -- COMMAND...
#       runs COMMAND, an Autobahn client, once against a fuzzingserver; COMMAND
#       finds its address in $AUTOBAHN_URL and AGENT in $AUTOBAHN_AGENT
#
#   AUTOBAHN_CASES     a selection for debugging, e.g. "1.* 5.*"
#   AUTOBAHN_PORT      the fuzzingserver's port (default 9105)
#   AUTOBAHN_KEY, AUTOBAHN_CERT   PEM files; with both the fuzzingserver speaks wss
#   AUTOBAHN_TIMEOUT   seconds a run may take (default 900; a full run takes about 20)
#   AUTOBAHN_WAIT      seconds to wait for a listener (default 15)
#   AUTOBAHN_ENV       where setup.sh built (default target/autobahn-env)
#
# The report goes to target/autobahn/AGENT-ROLE/, wstest's output to wstest.log
# in it.
#
# Exit: 0 every case passed, 1 the verdict is bad, 2 wrong usage or no
# environment, 3 the port is in use or nobody listens, 4 the run did not end well.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=$(CDPATH='' cd -- "$here/../.." && pwd)
python=${AUTOBAHN_ENV:-$root/target/autobahn-env}/bin/python
cases=${AUTOBAHN_CASES:-1.* 2.* 3.* 4.* 5.* 6.* 7.* 9.* 10.*}
port=${AUTOBAHN_PORT:-9105}
limit=${AUTOBAHN_TIMEOUT:-900}
patience=${AUTOBAHN_WAIT:-15}

say() { printf 'autobahn: %s\n' "$*" >&2; }
die() { code=$1; shift; say "$*"; exit "$code"; }
usage() { sed -n '4,8s/^# \{0,1\}//p' "$here/run.sh" >&2; exit 2; }
matches() { printf '%s\n' "$1" | grep -Eqx -- "$2"; }

role=${1:-}
case $role in
server)
    [ $# -eq 3 ] || usage
    url=$2 agent=$3
    case $url in *://*) ;; *) url=ws://$url ;; esac
    matches "$url" 'wss?://(localhost|127(\.[0-9]{1,3}){3}):[0-9]{1,5}(/.*)?' ||
        die 2 "$2: want [ws://|wss://]HOST:PORT with HOST localhost or 127.x.x.x"
    ;;
client)
    [ $# -ge 4 ] && [ "$3" = -- ] || usage
    agent=$2
    shift 3
    ;;
*) usage ;;
esac
# The agent names a folder that is deleted before the run.
case $agent in
'' | [!A-Za-z0-9]* | *[!A-Za-z0-9._-]*) die 2 "$agent: want letters, digits and ._- in AGENT" ;;
esac
for number in "$port" "$limit" "$patience"; do
    matches "$number" '[1-9][0-9]*' || die 2 "$number: want a whole number above 0"
done
for tool in timeout python3; do
    command -v "$tool" >/dev/null 2>&1 || die 2 "$tool is missing"
done
[ -x "$python" ] || die 2 "no environment at ${python%/bin/python}; run $here/setup.sh"

# wstest would wait for ever on an empty selection.
count=$(python3 -B "$here/verdict.py" --count --cases "$cases") || exit 2

out=$root/target/autobahn/$agent-$role
log=$out/wstest.log
ready=$out/.listening
rm -rf "$out" # an old report must not be judged in place of this run's
mkdir -p "$out"

wstest= command=
stop() { # timeout passes the signal on and follows it with SIGKILL
    for pid in $command $wstest; do kill "$pid" 2>/dev/null || :; done
    for pid in $command $wstest; do wait "$pid" 2>/dev/null || :; done
    wstest= command=
}
trap stop EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# -E: keep PYTHONPATH and the like away from Python 2.7.
launch() { exec timeout -k 10 "$bound" "$python" -E -u -B -W ignore "$here/launch.py" "$@"; }

bound=$limit
[ "$role" = server ] || bound=$((limit + 60)) # the fuzzingserver outlives the command

last_words() { grep -v '^Cases = ' "$log" | tail -n 5 >&2 || :; }

# Waits in a way that lets the traps run at once; leaves the status in $status.
await() { status=0; wait "$1" || status=$?; }
timed_out() { [ "$1" -eq 124 ] || [ "$1" -eq 137 ]; }

began=$(date +%s)
status=0
failed=0

if [ "$role" = server ]; then
    address=${url#*://}
    address=${address%%/*}
    # Connects and closes: waits for a server still starting, says plainly if none is there.
    "$python" -E -B "$here/launch.py" probe "${address%:*}" "${address##*:}" "$patience" || exit $?

    say "$count cases against $url, output in $log"
    launch fuzzingclient "$url" "$agent" "$out" "$cases" >"$log" 2>&1 &
    wstest=$!
    await "$wstest"
    wstest=
    if [ "$status" -ne 0 ]; then
        last_words
        if timed_out "$status"; then say "the run did not end within $limit s"; else say "wstest failed ($status)"; fi
        failed=1
    fi
else
    key=${AUTOBAHN_KEY:-} cert=${AUTOBAHN_CERT:-} scheme=ws
    if [ -n "$key$cert" ]; then
        for file in "$key" "$cert"; do
            [ -r "$file" ] || die 2 "AUTOBAHN_KEY and AUTOBAHN_CERT must both name a readable file"
        done
        scheme=wss
        launch fuzzingserver "$port" "$out" "$cases" "$ready" "$key" "$cert" >"$log" 2>&1 &
    else
        launch fuzzingserver "$port" "$out" "$cases" "$ready" >"$log" 2>&1 &
    fi
    wstest=$!
    tries=$((patience * 5))
    while [ ! -e "$ready" ]; do
        if ! kill -0 "$wstest" 2>/dev/null; then
            await "$wstest"
            wstest=
            last_words
            [ "$status" -eq 3 ] && exit 3
            die 4 "the fuzzingserver did not start ($status)"
        fi
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || die 4 "the fuzzingserver does not listen after $patience s, see $log"
        sleep 0.2
    done
    rm -f "$ready"

    export AUTOBAHN_URL="$scheme://127.0.0.1:$port" AUTOBAHN_AGENT="$agent"
    say "$count cases, fuzzingserver at $AUTOBAHN_URL, output in $log"
    timeout -k 10 "$limit" "$@" &
    command=$!
    await "$command"
    command=
    if [ "$status" -ne 0 ]; then
        last_words
        if timed_out "$status"; then say "the command did not end within $limit s"; else say "the command failed ($status)"; fi
        failed=1
    fi
    if ! kill -0 "$wstest" 2>/dev/null; then
        say "the fuzzingserver ended before the command did, see $log"
        failed=1
    fi
    # A client may leave without waiting for the end of /updateReports.
    tries=15
    while [ "$failed" -eq 0 ] && [ ! -e "$out/index.json" ]; do
        tries=$((tries - 1))
        if [ "$tries" -eq 0 ]; then
            say "no report; did the command ask for /updateReports?"
            break
        fi
        sleep 0.2
    done
    stop
fi

say "took $(($(date +%s) - began)) s"
python3 -B "$here/verdict.py" "$out" --agent "$agent" --role "$role" --cases "$cases" || {
    status=$?
    [ "$failed" -eq 0 ] || exit 4
    exit "$status"
}
[ "$failed" -eq 0 ] || exit 4
