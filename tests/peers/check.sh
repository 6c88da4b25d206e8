#!/bin/sh
# Checks a server with `ws check`: no probe may find it wrong, but for those that are named.
#
#   check.sh WS URL [ID...]    the probes ID, and no others, may find the server wrong
set -u

ws=$1 url=$2
shift 2
report=$("$ws" check -v "$url")
status=$?
if [ "$status" -ne 0 ] && [ "$status" -ne 2 ]; then
    printf 'ws check ended with status %s\n%s\n' "$status" "$report"
    exit 1
fi
failed=0
# "wrong    ID, RFC ..."
lines=$(printf '%s\n' "$report" | sed -n 's/^\(ok\|wrong\|unusual\|not applicable\) *\([a-z0-9.-]*\), RFC .*/\2 \1/p')
while read -r id verdict; do
    may=right
    for named in "$@"; do
        [ "$named" != "$id" ] || may=wrong
    done
    case $may,$verdict in
    wrong,wrong | *,ok | *,unusual | *,'not applicable') echo "ok $id" ;;
    *)
        echo "FAIL $id: $verdict"
        failed=1
        ;;
    esac
done <<LINES
$lines
LINES
echo done
exit "$failed"
