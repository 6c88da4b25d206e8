"""Starts one wstest role. Runs on the suite's own Python 2.7; use run.sh.

    launch.py probe HOST PORT SECONDS
    launch.py fuzzingclient URL AGENT OUTDIR CASES
    launch.py fuzzingserver PORT OUTDIR CASES READYFILE [KEY CERT]

wstest's command line is not enough: its fuzzingserver listens on every
interface and ignores --key and --cert.
"""
from __future__ import print_function

import os
import socket
import sys
import time

PORT_IN_USE = 3  # also: nobody listens


def probe(host, port, seconds):
    deadline = time.time() + seconds
    while True:
        try:
            socket.create_connection((host, port), 5).close()
            return
        except socket.error as e:
            if time.time() >= deadline:
                print("nothing listens on %s:%d (%s)" % (host, port, e), file=sys.stderr)
                sys.exit(PORT_IN_USE)
        time.sleep(0.2)


def start(mode, spec):
    # This import installs the reactor, so it comes before anything of Twisted.
    from autobahntestsuite import wstest

    # webport 0: no web server beside the fuzzingserver.
    wstest.start({"mode": mode, "debug": False, "webport": 0}, spec)


def fuzzingclient(url, agent, outdir, cases):
    start("fuzzingclient", {
        "servers": [{"url": url, "agent": agent}],
        "outdir": outdir,
        "cases": cases.split(),
    })


def fuzzingserver(port, outdir, cases, ready, key=None, cert=None):
    from autobahntestsuite import choosereactor  # noqa: F401, as in start()
    from twisted.internet import error, reactor

    def on_loopback(listen, cores):
        # cores: arguments up to and including the context factory
        def wrapped(*args, **kwargs):
            args = args[:cores]  # backlog and interface come after these
            try:
                listener = listen(*args, backlog=50, interface="127.0.0.1")
            except error.CannotListenError as e:
                print("port %s on 127.0.0.1 cannot be had: %s" % (port, e.socketError),
                      file=sys.stderr)
                sys.exit(PORT_IN_USE)
            with open(ready + ".new", "w") as f:
                f.write("listening\n")
            os.rename(ready + ".new", ready)
            return listener
        return wrapped

    reactor.listenTCP = on_loopback(reactor.listenTCP, 2)
    reactor.listenSSL = on_loopback(reactor.listenSSL, 3)

    spec = {
        "url": "%s://127.0.0.1:%s" % ("wss" if key else "ws", port),
        "outdir": outdir,
        "cases": cases.split(),
    }
    if key:
        spec.update(key=key, cert=cert)
    start("fuzzingserver", spec)


def main(role, *args):
    if role == "probe":
        probe(args[0], int(args[1]), float(args[2]))
    elif role == "fuzzingclient":
        fuzzingclient(*args)
    elif role == "fuzzingserver":
        fuzzingserver(*args)
    else:
        sys.exit("launch.py: no role %r" % role)


if __name__ == "__main__":
    main(*sys.argv[1:])
