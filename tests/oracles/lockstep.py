"""Feeds the same frames to the engine, through `ws trace`, and to Python's websockets and
wsproto, neither of which does I/O, and compares what their applications see.

usage: lockstep.py WS CASES SEED
"""

import json
import random
import struct
import subprocess
import sys

import wsproto.connection
import wsproto.events
import wsproto.frame_protocol
import wsproto.utilities
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN, Protocol, Side

KEY = bytes.fromhex("37fa213d")

# What each chooses differently from us, and the reason: the rule by which we refuse, or a Close that
# we accept. Up to there, it has to see the same.
KNOWN = {
    "websockets": {
        "InvalidUtf8": "hands text out as bytes, which are decoded here when the message is complete",
        "Close within a message": "refuses it; RFC 6455 section 5.4 allows control frames there",
    },
    "wsproto": {
        "InvalidUtf8": "waits for the third byte of a character that two have made impossible",
        "Close 1014": "refuses the code, which was registered after RFC 6455",
    },
}


def subjects(events, rule, wire):
    """What a difference can be about."""
    if rule is not None:
        return {rule}
    if not events or events[-1][0] != "close":
        return set()
    within = {"Close within a message"} if closes_within_a_message(wire) else set()
    return within | {f"Close {events[-1][1]}"}


def closes_within_a_message(wire):
    """Whether the first Close of whole frames comes before the end of a message."""
    at, unfinished = 0, False
    while True:
        first, second = wire[at : at + 2]
        extended = {126: 2, 127: 8}.get(second & 0x7F, 0)
        at += 2 + extended
        size = int.from_bytes(wire[at - extended : at], "big") if extended else second & 0x7F
        at += size + (4 if second & 0x80 else 0)
        if first & 0x0F == 8:
            return unfinished
        if first & 0x08 == 0:
            unfinished = first & 0x80 == 0


def frame(first, payload, masked):
    """Writes a frame, the length in its shortest form."""
    size = len(payload)
    bit = 0x80 if masked else 0
    if size < 126:
        head = struct.pack(">BB", first, bit | size)
    elif size < 65536:
        head = struct.pack(">BBH", first, bit | 126, size)
    else:
        head = struct.pack(">BBQ", first, bit | 127, size)
    if not masked:
        return head + payload
    return head + KEY + bytes(b ^ KEY[i % 4] for i, b in enumerate(payload))


def text(rng):
    """Bytes that are UTF-8, or nearly."""
    characters = [rng.choice("aé€\U0001f600\x00\ufffe") for _ in range(rng.randrange(20))]
    data = bytearray("".join(characters).encode())
    if data and rng.random() < 0.1:
        data[rng.randrange(len(data))] = rng.choice(b"\x80\xc0\xed\xf5\xff")
    return bytes(data)


def close_body(rng):
    """The body of a Close, right or wrong."""
    codes = [999, 1000, 1001, 1004, 1005, 1006, 1011, 1014, 1015, 2999, 3000, 4999, 5000, 65535]
    body = struct.pack(">H", rng.choice(codes)) + text(rng)
    return body if rng.random() < 0.7 else body[: rng.randrange(3)]


def sequence(rng, masked):
    """Whole frames, most of them right."""
    wire = b""
    unfinished = False
    for _ in range(rng.randrange(1, 8)):
        draw = rng.random()
        if draw < 0.05:
            first, payload = rng.randrange(256), rng.randbytes(rng.randrange(130))
        elif draw < 0.30:
            first, payload = rng.choice([0x89, 0x8A]), rng.randbytes(rng.randrange(126))
        elif draw < 0.37:
            first, payload = 0x88, close_body(rng)
        else:
            fin = rng.random() < 0.6
            opcode = 0 if unfinished else rng.choice([1, 2])
            first, unfinished = (0x80 if fin else 0) | opcode, not fin
            payload = text(rng) if rng.random() < 0.9 else rng.randbytes(rng.choice([125, 126, 300]))
        wire += frame(first, payload, masked if rng.random() < 0.99 else not masked)
    return wire


def ours(ws, role, wires):
    """What the engine makes of each: its events, and the rule by which it refused, if it did."""
    records = b"".join(struct.pack(">I", len(wire)) + wire for wire in wires)
    arguments = [ws, "trace", "-", "--to", role, "--batch"]
    run = subprocess.run(arguments, input=records, stdout=subprocess.PIPE)
    # 2 if one of them breaks a rule.
    assert run.returncode in (0, 2), run.returncode
    lines = run.stdout.splitlines()
    assert len(lines) == len(wires)
    for line in lines:
        events, rule = [], None
        for event in json.loads(line):
            match event["event"]:
                case "text":
                    events.append(("text", event["data"]))
                case "binary" | "ping" | "pong" as kind:
                    events.append((kind, bytes.fromhex(event["hex"])))
                case "close":
                    events.append(("close", event["code"], event["reason"]))
                case "error":
                    rule = event["rule"]
        yield events, rule


class Messages:
    """Joins the parts of messages, for those who report parts."""

    def __init__(self):
        self.events = []
        self.parts = None

    def begin(self, kind):
        self.kind, self.parts = kind, []

    def add(self, part, fin):
        self.parts.append(part)
        if fin:
            joined = (b"" if self.kind == "binary" or isinstance(part, bytes) else "").join(self.parts)
            if self.kind == "text" and isinstance(joined, bytes):
                joined = joined.decode()
            self.events.append((self.kind, joined))


def by_websockets(role, wire):
    """What websockets makes of it. It reports frames; what joins them checks UTF-8."""
    protocol = Protocol(Side.SERVER if role == "server" else Side.CLIENT, state=OPEN)
    protocol.receive_data(wire)
    seen = Messages()
    try:
        for event in protocol.events_received():
            assert isinstance(event, Frame)
            match event.opcode:
                case Opcode.TEXT | Opcode.BINARY:
                    seen.begin(event.opcode.name.lower())
                    seen.add(bytes(event.data), event.fin)
                case Opcode.CONT:
                    seen.add(bytes(event.data), event.fin)
                case Opcode.PING | Opcode.PONG:
                    seen.events.append((event.opcode.name.lower(), bytes(event.data)))
                case Opcode.CLOSE:
                    code, reason = None, ""
                    if event.data:
                        code, reason = protocol.close_rcvd.code, protocol.close_rcvd.reason
                    seen.events.append(("close", code, reason))
    except UnicodeDecodeError:
        return seen.events, True
    return seen.events, protocol.parser_exc is not None


def by_wsproto(role, wire):
    """What wsproto makes of it."""
    side = wsproto.connection.ConnectionType
    connection = wsproto.connection.Connection(side.SERVER if role == "server" else side.CLIENT)
    connection.receive_data(wire)
    seen = Messages()
    begun = False
    try:
        for event in connection.events():
            match event:
                case wsproto.events.TextMessage() | wsproto.events.BytesMessage():
                    if not begun:
                        is_text = isinstance(event, wsproto.events.TextMessage)
                        seen.begin("text" if is_text else "binary")
                    data = event.data if isinstance(event.data, str) else bytes(event.data)
                    seen.add(data, event.message_finished)
                    begun = not event.message_finished
                case wsproto.events.Ping():
                    seen.events.append(("ping", bytes(event.payload)))
                case wsproto.events.Pong():
                    seen.events.append(("pong", bytes(event.payload)))
                case wsproto.events.CloseConnection():
                    # A refusal is reported like a Close, but the state knows that none arrived.
                    if connection.state is wsproto.connection.ConnectionState.OPEN:
                        return seen.events, True
                    code = int(event.code)
                    body = (None, "") if code == 1005 else (code, event.reason or "")
                    seen.events.append(("close", *body))
                    return seen.events, False
    except wsproto.utilities.RemoteProtocolError:
        return seen.events, True
    return seen.events, False


def main():
    ws, cases, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    others = {"websockets": by_websockets, "wsproto": by_wsproto}
    differences, refused = 0, 0
    used = set()
    for role in ("server", "client"):
        rng = random.Random(f"{seed} {role}")
        for _ in range(0, cases // 2, 1000):
            wires = [sequence(rng, role == "server") for _ in range(min(1000, cases // 2))]
            for wire, (events, rule) in zip(wires, ours(ws, role, wires)):
                refused += rule is not None
                for name, judge in others.items():
                    theirs, theirs_refused = judge(role, wire)
                    if theirs == events and theirs_refused == (rule is not None):
                        continue
                    known = subjects(events, rule, wire) & KNOWN[name].keys()
                    before = events if rule else events[:-1]
                    if known and theirs[: len(before)] == before:
                        used.update((name, about) for about in known)
                        continue
                    differences += 1
                    if differences <= 10:
                        print(f"{name}, as {role}: {wire.hex()}")
                        print(f"  we:   {events} {rule}\n  they: {theirs} {theirs_refused}")
    for name, about in sorted(used):
        print(f"oracles: {name}, known: {about}: {KNOWN[name][about]}")
    print(f"oracles: {cases} cases with {' and '.join(others)}, {refused} of them refused by us, "
          f"{differences} unknown differences")
    sys.exit(differences > 0)


main()
