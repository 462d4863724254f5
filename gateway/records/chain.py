# SPDX-License-Identifier: Apache-2.0
"""The audit log's chain, without I/O: how one record is sealed and unsealed.

Theory of operation
-------------------
A segment is a file of lines; a line is a JSON object whose last member is `mac`:

    {"seq":7,"t":1790000000.123,"event":"intent",...,"mac":"<64 hex digits>"}

    mac(n) = HMAC-SHA256(key, mac(n-1) || line n without its mac member)

Rule 1. The first record of a segment is `open`. It names the worker, the segment before it and
        that segment's last mac, which is mac(0) of this one; the very first starts from 32 zeros.
Rule 2. `seq` counts from 1 in each worker's series and goes on across segments, without a gap.
Rule 3. A segment that ends in a torn line (the process or the machine died) is accepted only if
        the `open` of the next one says how many bytes are torn, or if it is the last segment.
Rule 4. Whoever changes, drops or reorders a line must forge an HMAC. Dropping whole lines from
        the end of the *last* segment leaves a valid prefix: a checkpoint (checkpoint.py) that was
        anchored elsewhere shows that.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

GENESIS = bytes(32)
MAC_MARK = b',"mac":"'
_MAC_CHARS = 64
TAIL_BYTES = len(MAC_MARK) + _MAC_CHARS + len(b'"}')
_BLOCK_BYTES = 64  # of SHA-256

Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Fault:
    """Where a log stops being whole. `line` counts from 1; 0 means the segment as such."""

    segment: str
    line: int
    problem: str


class Link(NamedTuple):
    """The end of a chain: what the next record is sealed with. A tuple: one is made per record."""

    seq: int
    mac: bytes


FIRST = Link(0, GENESIS)


class Seal:
    """HMAC-SHA256 (RFC 2104) from two prepared states: less than half the time of `hmac.digest`."""

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        short = hashlib.sha256(key).digest() if len(key) > _BLOCK_BYTES else key
        block = short.ljust(_BLOCK_BYTES, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))

    def mac(self, data: bytes) -> bytes:
        """The authentication code of `data`."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(data)
        outer.update(inner.digest())
        return outer.digest()

    def seal(self, link: Link, entry: Entry) -> tuple[bytes, Link]:
        """The line (with newline) for `entry`, and the link after it."""
        seq = link.seq + 1
        # In front of the members, without a copy of the dictionary.
        payload = b'{"seq":%d,%b' % (seq, orjson.dumps(entry)[1:])
        mac = self.mac(link.mac + payload)
        return b'%b,"mac":"%b"}\n' % (payload[:-1], mac.hex().encode()), Link(seq, mac)

    def unseal(self, link: Link, line: bytes) -> tuple[Entry, Link]:
        """The entry in `line` (without newline); ValueError says what is wrong with it."""
        if line[-TAIL_BYTES : -_MAC_CHARS - 2] != MAC_MARK or not line.endswith(b'"}'):
            raise ValueError("the line has no mac at its end")
        payload = line[:-TAIL_BYTES] + b"}"
        mac = self.mac(link.mac + payload)
        # Plainly compared: whoever checks a file at rest has nobody who could time it.
        if mac.hex().encode() != line[-_MAC_CHARS - 2 : -2]:
            raise ValueError("the mac does not match: this line or one before it was changed")
        entry = orjson.loads(payload)
        seq = link.seq + 1
        if entry.get("seq") != seq:
            raise ValueError(f"sequence number {entry.get('seq')} where {seq} was due")
        return entry, Link(seq, mac)


def stated_mac(line: bytes) -> bytes:
    """The mac that a line (with newline) states, unchecked; ValueError when there is none."""
    return bytes.fromhex(line[-_MAC_CHARS - 3 : -3].decode())


def whole_bytes(tail: bytes) -> int:
    """The most that a torn write could have left of the record in `tail`: all but its newline."""
    mark = tail.find(MAC_MARK)
    return len(tail) if mark < 0 else mark + TAIL_BYTES
