#!/bin/sh
# Checks `ws` as a client of a server of other make (node_ws.js or python_websockets.py): what it prints, and its exit
# status.
#
#   ws.sh WS URL [OPTION...]     OPTION is one of ws, such as --cacert FILE
set -u

ws=$1 url=$2
shift 2
failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# same NAME EXPECTED GOT
same() {
    if [ "$2" = "$3" ]; then
        echo "ok $1"
    else
        failed=1
        printf 'FAIL %s: %s\n' "$1" "$(printf '%s' "$3" | tr '\n' '|' | cut -c1-200)"
    fi
}

# The output, and the status in a line of its own.
told() {
    "$ws" "$@" 2>"$work/err"
    echo "status $?"
}

same lines 'one
zwei ä€😀
status 0' "$(printf 'one\nzwei ä€😀\n' | told "$url" "$@" -n 2)"

same texts 'one
two
status 0' "$(told "$url" "$@" -x one -x two -n 2 </dev/null)"

# A server may drop its answers once it has received our Close.
same 'only sent' 'status 0' "$(echo close | told "$url" "$@" --wait 60s)"

same count 'one
status 0' "$(told "$url" "$@" -x one -x two -n 1 </dev/null)"

same 'too few' 'one
status 4' "$(told "$url" "$@" -x one -n 2 --wait 200ms </dev/null)"

same hex '00ff7f
status 0' "$(echo '00 ff 7f' | told "$url" "$@" --hex -n 1)"

same base64 'AP9/
status 0' "$(echo AP9/ | told "$url" "$@" --base64 -n 1)"

same fragments 'Fragmentiert: ä€😀
status 0' "$(told "$url" "$@" -x fragments -n 1 </dev/null)"

head -c 3000000 /dev/urandom >"$work/in"
"$ws" "$url" "$@" --binary --frame chunks --wait 2s <"$work/in" >"$work/out" 2>"$work/err"
status=$?
same chunks "0 $(cksum <"$work/in")" "$status $(cksum <"$work/out")"

same large '1000000' "$("$ws" "$url" "$@" -x 'large 1000000' -n 1 --frame chunks </dev/null 2>"$work/err" | wc -c | tr -d ' ')"

same 'a close of the server' 'status 0' "$(told "$url" "$@" -x 'close 4000 why not' --wait 60s </dev/null)"
same 'its reason' 'ws: closed by the peer: 4000: "why not"' "$(cat "$work/err")"

same 'a close before the count' 'status 3' "$(told "$url" "$@" -x 'close 4000 why not' -n 1 </dev/null)"
same 'the count' 'ws: closed by the peer: 4000: "why not"; 0 of 1 messages arrived' "$(cat "$work/err")"

same 'a lost connection' 'status 3' "$(told "$url" "$@" -x abort --wait 60s </dev/null)"

same 'a refusal' 'status 1' "$(told "${url%/}/refuse/403" "$@" -v </dev/null)"
same 'its body' 'not today' "$(sed -n 's/^| //p' "$work/err")"

told "$url" "$@" -x headers -n 1 -H 'X-Test: 1' --cookie a=b --origin https://example.com </dev/null |
    tr '[:upper:]' '[:lower:]' >"$work/headers"
for line in 'x-test: 1' 'cookie: a=b' 'origin: https://example.com'; do
    same "$line" "$line" "$(grep -Fx "$line" "$work/headers")"
done

# A Ping of the server is answered, and told.
told "$url" "$@" --jsonl -x 'ping there' -n 1 </dev/null >"$work/jsonl"
same 'a ping' 1 "$(grep -c '"event":"ping","from":"peer","payload":"dGhlcmU="' "$work/jsonl")"
same 'its pong' 1 "$(grep -c '"from":"peer","text":"pong there"' "$work/jsonl")"
same 'the events' 'open message ping message close' \
    "$(sed -n 's/.*"event":"\([a-z]*\)".*/\1/p' "$work/jsonl" | tr '\n' ' ' | sed 's/ $//')"

told "$url" "$@" --jsonl --deflate -x 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' -n 1 </dev/null >"$work/jsonl"
same compression 1 "$(grep -c '"extensions":"permessage-deflate' "$work/jsonl")"
same 'a compressed message' 2 "$(grep -c '"text":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"' "$work/jsonl")"

echo done
exit "$failed"
