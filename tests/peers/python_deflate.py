"""Python's websockets with permessage-deflate (RFC 7692), every combination of its parameters.

python_deflate.py client URL   is a client of our echo servers
python_deflate.py server       is an echo server: the path /S/C/s/c says whether it grants takeover to the server
                               and the client (0 or 1), and their window bits
"""

import asyncio
import itertools
import sys

from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.extensions.permessage_deflate import (
    ClientPerMessageDeflateFactory,
    ServerPerMessageDeflateFactory,
)


def text(length):
    lines = ('{"line":%d,"name":"user%d","on":true}' % (line, line * 31 % 97) for line in itertools.count())
    made = ""
    while len(made) < length:
        made += next(lines)
    return made[:length]


MESSAGES = [text(60), text(1000), text(1000), "x", text(20_000), "", text(300_000), text(1000)]
BITS = [None, 9, 12, 15]

failed = 0


async def check(name, run):
    global failed
    try:
        await asyncio.wait_for(run(), 20)
        print(f"ok {name}", flush=True)
    except Exception as error:
        failed += 1
        print(f"FAIL {name}: {type(error).__name__} {' '.join(str(error).split())[:300]}", flush=True)


async def client(url):
    for s, c, server_bits, client_bits in itertools.product([False, True], [False, True], BITS, [None, True, 9, 15]):

        async def run():
            factory = ClientPerMessageDeflateFactory(
                server_no_context_takeover=s,
                client_no_context_takeover=c,
                server_max_window_bits=server_bits,
                client_max_window_bits=client_bits,
            )
            async with connect(url, compression=None, extensions=[factory], max_size=None, proxy=None) as ws:
                assert [extension.name for extension in ws.protocol.extensions] == ["permessage-deflate"]
                for message in MESSAGES:
                    await ws.send(message)
                    assert await ws.recv() == message, len(message)
                await ws.send([text(500), text(500)])
                assert await ws.recv() == text(500) * 2
                await ws.close()
                assert ws.close_code == 1000, ws.close_code

        await check(f"compression: {s} {c} {server_bits} {client_bits}", run)


async def echo(ws):
    async for message in ws:
        await ws.send(message)


def accept(request_path):
    s, c, server_bits, client_bits = (int(part) for part in request_path.split("/")[1:])
    return ServerPerMessageDeflateFactory(
        server_no_context_takeover=s == 0,
        client_no_context_takeover=c == 0,
        server_max_window_bits=server_bits or None,
        client_max_window_bits=client_bits or None,
    )


async def server():
    def choose(ws, request):
        # Before the handshake looks at the offers.
        ws.protocol.available_extensions = [accept(request.path)]

    async with serve(echo, "127.0.0.1", 0, compression=None, process_request=choose, max_size=None) as listener:
        port = listener.sockets[0].getsockname()[1]
        print(f"listening on 127.0.0.1:{port}", flush=True)
        await asyncio.get_running_loop().create_future()


async def main(role, *url):
    await {"server": server, "client": client}[role](*url)
    print("done")
    return 1 if failed else 0


sys.exit(asyncio.run(main(*sys.argv[1:])))
