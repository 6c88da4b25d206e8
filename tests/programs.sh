# Sourced by the scripts that run our programs beside others, after `name` (of the script), `logs` (a folder) and
# `limit` (seconds for a run) are set.
#
#   needs COMMAND ADVICE        ends with status 2 if the command is missing
#   install FOLDER LIST COMMAND...   runs COMMAND unless FOLDER has what LIST asks for
#   npm_ci                      the COMMAND for npm: package.json and package-lock.json of $here
#   begin                       empties the logs; stops what was started when the script ends
#   start NAME COMMAND...       starts a server, leaves its address (of the loopback) in $address
#   run NAME COMMAND...         runs checks, and counts them in $checks and $passed

die() { printf '%s: %s\n' "$name" "$*" >&2; exit 2; }
needs() { command -v "$1" >/dev/null 2>&1 || die "$1 is missing: $2"; }

# Uses an earlier installation again, also without network.
install() {
    folder=$1 list=$2
    shift 2
    cmp -s "$list" "$folder/installed" && return
    rm -rf "$folder"
    mkdir -p "$folder"
    "$@" >"$folder.log" 2>&1 || { tail -n 20 "$folder.log" >&2; die "could not install $folder"; }
    cp "$list" "$folder/installed"
}
npm_ci() {
    # shellcheck disable=SC2154 # set by the script
    cp "$here/package.json" "$here/package-lock.json" "$folder"
    npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund
}

running=
stop() { # timeout passes the signal on
    for pid in $running; do kill "$pid" 2>/dev/null || :; done
    for pid in $running; do wait "$pid" 2>/dev/null || :; done
}
begin() {
    rm -rf "$logs" # nothing of an earlier run is counted
    mkdir -p "$logs"
    trap stop EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
}

start() {
    log=$logs/$1.log
    shift
    timeout -k 5 $((limit * 4)) "$@" >"$log" 2>&1 &
    running="$running $!"
    tries=100
    address=
    while [ -z "$address" ]; do
        kill -0 $! 2>/dev/null && [ "$tries" -gt 0 ] || { cat "$log" >&2; die "$1 does not listen"; }
        tries=$((tries - 1))
        sleep 0.1
        address=$(sed -n 's/^.*\(127\.0\.0\.1:[0-9]*\).*/\1/p' "$log")
    done
}

checks=0
passed=0
run() {
    log=$logs/$(printf %s "$1" | tr ' ' -).log
    what=$1
    shift
    timeout -k 5 "$limit" "$@" >"$log" 2>&1 &
    last=$!
    running="$running $last"
    # Waiting for it, and not running it in the foreground, lets the traps run at once.
    status=0
    wait "$last" || status=$?
    good=$(grep -c '^ok ' "$log" || :)
    bad=$(grep -c '^FAIL ' "$log" || :)
    sed -n "s/^FAIL /FAIL $what: /p" "$log"
    # A program that ends before its last check has not passed those that are missing.
    if ! grep -qx done "$log" || { [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; }; then
        printf 'FAIL %s: ended early, with status %s\n' "$what" "$status"
        grep -v '^ok \|^FAIL ' "$log" | tail -n 20
        bad=$((bad + 1))
    fi
    printf '%s: %s: %s checks, %s passed\n' "$name" "$what" $((good + bad)) "$good"
    checks=$((checks + good + bad))
    passed=$((passed + good))
}
