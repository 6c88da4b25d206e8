#!/bin/sh
# Builds the servers of uWebSockets for the benchmarks: build.sh DIRECTORY. Prints the program's path.
# Needs Linux on x86-64, pip, a C compiler, and libuv (Debian: libuv1).
set -eu
here=$(dirname "$0")
mkdir -p "$1"
to=$(cd "$1" && pwd)
version=0.0.31
name=socketify-$version
digest=7502bed5b382e75f04ea3c6d6b53b76f27bb8653740db92e3f2b55fab388df20
missing() { echo "build.sh: $* is missing" >&2; exit 2; }
[ "$(uname -sm)" = 'Linux x86_64' ] || missing 'Linux on x86-64'
for tool in pip cc tar sha256sum; do
    command -v "$tool" >/dev/null || missing "$tool"
done
/sbin/ldconfig -p | grep -q 'libuv\.so\.1 ' || missing libuv
[ -f "$to/$name.tar.gz" ] || pip download --quiet --no-deps "socketify==$version" -d "$to" >&2
echo "$digest  $to/$name.tar.gz" | sha256sum --check --quiet -
library=libsocketify_linux_amd64.so
tar -xzf "$to/$name.tar.gz" -C "$to" --strip-components=3 "$name/src/socketify/$library"
cc -O2 -o "$to/uwebsockets" "$here/server.c" -L"$to" -l:"$library" -Wl,-rpath,"$to" -lpthread
echo "$to/uwebsockets"
