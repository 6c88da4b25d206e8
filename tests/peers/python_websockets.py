"""Python's websockets as the peer of our crates.

python_websockets.py server       serves what our `peer call` asks for (tests/examples/peer)
python_websockets.py echo URL     is a client of our echo servers
python_websockets.py client URL   is a client of our `peer serve` or, with PEERS_LOOP set, `peer loop`
"""

import asyncio
import os
import ssl
import sys
from urllib.parse import parse_qs, urlsplit

import websockets
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.frames import Opcode

PATIENCE = 20  # seconds a check may take
MIB = 1 << 20
LONGEST = (
    "This reason is as long as one can be, which is one hundred and twenty-three "
    "bytes: after the code, no more fits in a frame."
)
ENDS = [
    (1000, "bye"),
    (1001, ""),
    (1011, "something broke"),
    (3000, "ä€😀"),
    (4001, "bye"),
    (4999, LONGEST),
    (None, ""),
]


def pattern(length):
    return (bytes(range(251)) * (length // 251 + 1))[:length]


# --- as a server ---


class Connection(ServerConnection):
    """Takes note of the Pings, which the library answers without a word."""

    def process_event(self, event):
        if getattr(event, "opcode", None) is Opcode.PING:
            self.__dict__.setdefault("pings", []).append(bytes(event.data).decode())
        super().process_event(event)


ends = {}


def end(connection_id):
    return ends.setdefault(connection_id, asyncio.get_running_loop().create_future())


def process_request(ws, request):
    if request.path.startswith("/refuse/"):
        response = ws.respond(int(request.path.removeprefix("/refuse/")), "not today\n")
        response.headers["WWW-Authenticate"] = "Basic"
        return response


def process_response(ws, request, response):
    if response.status_code == 101:
        response.headers["Set-Cookie"] = "seen=1"
        response.headers["Set-Cookie"] = "theme=dark; HttpOnly"
    if request.path == "/wrong-subprotocol":
        response.headers["Sec-WebSocket-Protocol"] = "chat.v9"


def select_subprotocol(ws, offered):
    return next((known for known in ("chat.v2", "chat.v1") if known in offered), None)


async def fragments(ws):
    yield "Frag"
    await ws.ping("between")
    yield "mentiert: ä€"
    yield "😀"


async def obey(ws):
    async for message in ws:
        command, _, rest = message.partition(" ") if isinstance(message, str) else ("", "", "")
        if command == "close":
            code, _, reason = rest.partition(" ")
            await ws.close(int(code) if code else None, reason)
        elif command == "abort":
            ws.transport.abort()
        elif command == "ping":
            await (await ws.ping(rest))
            await ws.send(f"pong {rest}")
        elif command == "pings":
            await ws.send(" ".join(getattr(ws, "pings", [])))
        elif command == "headers":
            headers = ws.request.headers.raw_items()
            await ws.send("".join(f"{name.lower()}: {value}\n" for name, value in headers))
        elif command == "large":
            await ws.send(pattern(int(rest)))
        elif command == "fragments":
            await ws.send(fragments(ws))
        elif command == "ended":
            await ws.send(await end(rest))
        else:
            await ws.send(message)


async def handle(ws):
    try:
        await obey(ws)
    except websockets.ConnectionClosed:
        pass
    for connection_id in parse_qs(urlsplit(ws.request.path).query).get("id", []):
        end(connection_id).set_result(f"{ws.close_code} {ws.close_reason}")


async def server():
    tls = None
    if "PEERS_CERT" in os.environ:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(os.environ["PEERS_CERT"], os.environ["PEERS_KEY"])
    async with serve(
        handle,
        "127.0.0.1",
        0,
        process_request=process_request,
        process_response=process_response,
        select_subprotocol=select_subprotocol,
        max_size=None,
        create_connection=Connection,
        ssl=tls,
    ) as listening:
        print(f"listening on 127.0.0.1:{listening.sockets[0].getsockname()[1]}", flush=True)
        await listening.serve_forever()


# --- as a client ---

failed = 0


async def check(name, run, *arguments):
    global failed
    try:
        await asyncio.wait_for(run(*arguments), PATIENCE)
        print(f"ok {name}", flush=True)
    except Exception as error:
        failed += 1
        print(f"FAIL {name}: {type(error).__name__} {str(error)[:300]}", flush=True)


def same(got, expected):
    if got != expected:
        raise AssertionError(f"got {got!r:.120}, not {expected!r:.120}")


def open_(url, **options):
    # A proxy of the user's has no business on the loopback.
    return connect(url, max_size=None, proxy=None, **options)


async def ask(ws, message):
    await ws.send(message)
    return await ws.recv()


async def finish(ws):
    await ws.close(1000)
    same((ws.close_code, ws.close_reason), (1000, ""))


async def closed(ws, code, reason):
    """Waits for the end, which has to come before any message."""
    try:
        message = await ws.recv()
    except websockets.ConnectionClosed:
        same((ws.close_code, ws.close_reason), (code, reason))
    else:
        raise AssertionError(f"got {message!r:.120}, not the end")


async def refused(url, status, body, **options):
    """Expects a refusal and returns its headers."""
    try:
        async with open_(url, **options):
            pass
    except websockets.InvalidStatus as refusal:
        response = refusal.response
        same((response.status_code, response.body), (status, body))
        return response.headers
    raise AssertionError("not refused")


async def echo(url):
    async def echoes(message):
        async with open_(url) as ws:
            same(await ask(ws, message), message)
            await finish(ws)

    await check("echo: text", echoes, "Grüße, κόσμε, 你好, 👋🏽\0\U0010ffff")
    await check("echo: empty text", echoes, "")
    await check("echo: empty binary", echoes, b"")
    for length in (1, 125, 126, 65535, 65536, 16 * MIB):
        await check(f"echo: text of {length} bytes", echoes, "x" * length)
        await check(f"echo: binary of {length} bytes", echoes, pattern(length))

    async def at_once():
        async with open_(url) as ws:
            for number in range(1000):
                await ws.send(f"number {number}")
            for number in range(1000):
                same(await ws.recv(), f"number {number}")
            await finish(ws)

    async def fragmented():
        async with open_(url) as ws:
            await ws.send(fragments(ws))
            same(await ws.recv(), "Fragmentiert: ä€😀")
            await finish(ws)

    async def many_fragments():
        everything = pattern(16 * MIB)
        async with open_(url) as ws:
            await ws.send([everything[at : at + 65536] for at in range(0, 16 * MIB, 65536)])
            same(await ws.recv(), everything)
            await finish(ws)

    async def character_in_two():
        async with open_(url) as ws:
            await ws.send(["€".encode()[:1], "€".encode()[1:]], text=True)
            same(await ws.recv(), "€")
            await finish(ws)

    async def compression():
        async with open_(url, compression="deflate") as ws:
            same(ws.protocol.extensions, [])
            same("Sec-WebSocket-Extensions" in ws.request.headers, True)
            same("Sec-WebSocket-Extensions" in ws.response.headers, False)
            text = "could be shorter " * 1000
            same(await ask(ws, text), text)
            await finish(ws)

    async def pings():
        async with open_(url) as ws:
            for payload in ("", "theirs", "x" * 125):
                await (await ws.ping(payload))
            await finish(ws)

    async def not_utf8():
        async with open_(url) as ws:
            await ws.send(b"\xc0\xaf", text=True)
            await closed(ws, 1007, "")

    async def many():
        connections = await asyncio.gather(*(open_(url) for _ in range(200)))
        answers = await asyncio.gather(
            *(ask(ws, f"number {number}") for number, ws in enumerate(connections))
        )
        same(answers, [f"number {number}" for number in range(200)])
        await asyncio.gather(*map(finish, connections))

    await check("echo: 1000 messages at once", at_once)
    await check("fragments: theirs, a Ping between", fragmented)
    await check("fragments: theirs, 16 MiB in 256", many_fragments)
    await check("fragments: theirs, a character cut in two", character_in_two)
    await check("compression: offered and declined", compression)
    await check("ping: theirs is answered", pings)
    await check("text that is not UTF-8: 1007", not_utf8)
    await check("200 connections at once", many)


async def client(url):
    async def large():
        async with open_(url) as ws:
            same(await ask(ws, f"large {16 * MIB}"), pattern(16 * MIB))
            await finish(ws)

    async def fragments_of_ours():
        async with open_(f"{url}/fragments") as ws:
            # Frame by frame, so that these really are fragments.
            text = [part async for part in ws.recv_streaming()]
            same(text, ["Frag", "mentiert: ä€", "😀"])
            binary = [part async for part in ws.recv_streaming()]
            same([len(part) for part in binary if part], [30000, 30000, 30000, 10000])
            same(b"".join(binary), pattern(100_000))
            await ws.send("".join(text))
            await ws.send(b"".join(binary))
            await closed(ws, 1000, "all came back")

    await check("a large message of ours", large)
    # Over TLS, and on a loop, ours has no special paths.
    plain = url.startswith("ws:")
    special = plain and "PEERS_LOOP" not in os.environ
    if special:
        await check("fragments: ours, a Ping between", fragments_of_ours)

    async def subprotocol(offered, selected):
        async with open_(url, subprotocols=offered) as ws:
            same(ws.subprotocol, selected)
            await finish(ws)

    for offered, selected in (
        (["chat.v1", "chat.v2"], "chat.v2"),
        (["chat.v9", "chat.v1"], "chat.v1"),
        (["chat.v9"], None),
        (None, None),
    ):
        await check(f"subprotocol: {selected} of {offered}", subprotocol, offered, selected)

    async def headers_of_theirs():
        headers = [
            ("Cookie", "a=1; b=2"),
            ("Authorization", "Basic dXNlcjpwYXNz"),
            ("X-Two", "one"),
            ("X-Two", "two"),
        ]
        async with open_(url, additional_headers=headers, origin="http://example.com") as ws:
            lines = (await ask(ws, "headers")).splitlines()
            headers.append(("Origin", "http://example.com"))
            headers.append(
                ("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits")
            )
            missing = [f"{name.lower()}: {value}" for name, value in headers]
            same([line for line in missing if line not in lines], [])
            await finish(ws)

    async def headers_of_ours():
        async with open_(url) as ws:
            cookies = ws.response.headers.get_all("Set-Cookie")
            same(cookies, ["seen=1", "theme=dark; HttpOnly"])
            await finish(ws)

    await check("headers: theirs arrive", headers_of_theirs)
    await check("headers: ours arrive", headers_of_ours)

    for status in (401, 403, 404):
        body = b"not today\n"
        await check(f"refusal: {status} with a body", refused, f"{url}/refuse/{status}", status, body)

    async def ordinary():
        to = urlsplit(url)
        tls = None if plain else ssl.create_default_context()
        reader, writer = await asyncio.open_connection(to.hostname, to.port, ssl=tls)
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        response = (await reader.read()).decode()
        same(response.splitlines()[0], "HTTP/1.1 426 Upgrade Required")
        writer.close()

    await check("refusal: 426 to an ordinary request", ordinary)

    async def closing(number, code, reason):
        expected = (code or 1005, reason)
        async with open_(f"{url}/?id=websockets-{number}") as ws:
            await ws.close(code, reason)
            same((ws.close_code, ws.close_reason), expected)
        async with open_(url) as ws:
            ended = await ask(ws, f"ended websockets-{number}")
            same(ended, f"{expected[0]} clean {reason}")
            await finish(ws)

    async def closing_of_ours(code, reason):
        async with open_(url) as ws:
            await ws.send(f"close {code or ''} {reason}".rstrip())
            await closed(ws, code or 1005, reason)

    for number, (code, reason) in enumerate(ENDS):
        await check(f"closing: {code or 'no code'} from them", closing, number, code, reason)
        await check(f"closing: {code or 'no code'} from us", closing_of_ours, code, reason)

    async def abort():
        async with open_(f"{url}/?id=websockets-abort") as ws:
            ws.transport.abort()
        async with open_(url) as ws:
            same(await ask(ws, "ended websockets-abort"), "1006 unclean ")
            await finish(ws)

    async def abort_of_ours():
        async with open_(url) as ws:
            await ws.send("abort")
            await closed(ws, 1006, "")

    await check("abort: 1006 at our end", abort)
    await check("abort: 1006 at their end", abort_of_ours)

    async def keep_alive():
        seen = []

        class Counting(websockets.asyncio.client.ClientConnection):
            def process_event(self, event):
                if getattr(event, "opcode", None) is Opcode.PING:
                    seen.append(event)
                super().process_event(event)

        async with open_(f"{url}/keepalive", create_connection=Counting) as ws:
            # Each goes out only after the Pong to the one before.
            while len(seen) < 5:
                await asyncio.sleep(0.01)
            await finish(ws)

    if special:
        await check("ping: the keep-alive is content", keep_alive)


async def main(role, *url):
    await {"server": server, "echo": echo, "client": client}[role](*url)
    # Without this line a program that ended too early could be taken for a success.
    print("done")
    return 1 if failed else 0


sys.exit(asyncio.run(main(*sys.argv[1:])))
