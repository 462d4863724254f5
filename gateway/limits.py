# SPDX-License-Identifier: Apache-2.0
"""The first gate: how much a request may weigh before anyone reads it.

Checked here, in this order: header count and size, content-encoding, body bytes (declared, then
counted), JSON syntax, JSON depth and number of values, repeated keys. Everything later may assume
a bounded, decoded JSON object.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import orjson

from gateway.errors import BadRequest, BodyTooLarge, HeadersTooLarge

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Headers = Mapping[bytes, bytes]
Json = dict[str, Any]

# Header values that decide something: sent twice, it would be unclear which one counts.
_SINGLE = (
    *(b"authorization", b"x-api-key", b"content-length", b"content-type", b"content-encoding"),
    *(b"host", b"x-nearward-"),
)
_KEY_END = re.compile(rb'"[ \t\n\r]*:')
# More digits than any length that a limit allows; int() itself refuses thousands of them.
_LENGTH_DIGITS = 18


class ClientGone(Exception):
    """The client went away before its request was complete."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Upper bounds on one request."""

    body_bytes: int = 4 * 1024 * 1024
    headers: int = 100
    header_bytes: int = 16 * 1024
    json_depth: int = 64
    json_values: int = 100_000
    body_s: float = 30.0


def read_headers(raw: list[tuple[bytes, bytes]], limits: Limits) -> Headers:
    """Header names to values; raises HeadersTooLarge, or BadRequest on one that is unclear."""
    if len(raw) > limits.headers:
        raise HeadersTooLarge(f"more than {limits.headers} headers")
    headers = dict(raw)
    if len(headers) != len(raw):
        _refuse_repeated(raw)
    # Names weigh too, and of a repeated header every value: over `raw`, not over the dict.
    if len(b"".join(map(b"".join, raw))) > limits.header_bytes:
        raise HeadersTooLarge(f"headers are over {limits.header_bytes} bytes")
    if headers.get(b"content-encoding", b"identity") != b"identity":
        raise BadRequest("send the body without content-encoding", code="unsupported_encoding")
    if headers.get(b"transfer-encoding", b"chunked").lower() != b"chunked":
        raise BadRequest("the only transfer-encoding is chunked", code="unsupported_encoding")
    return headers


def _refuse_repeated(raw: list[tuple[bytes, bytes]]) -> None:
    seen: set[bytes] = set()
    for name, _ in raw:
        if name in seen and name.startswith(_SINGLE):
            raise BadRequest(f"header {name.decode('latin-1')} is repeated", code="bad_header")
        seen.add(name)


async def read_body(receive: Receive, headers: Headers, limits: Limits) -> bytes:
    """The whole body; raises BodyTooLarge as soon as it is over, ClientGone if it is cut."""
    declared = headers.get(b"content-length", b"")
    if declared.isdigit() and (len(declared) > _LENGTH_DIGITS or int(declared) > limits.body_bytes):
        raise _too_large(limits)
    body, is_complete = bytearray(), False
    try:
        async with asyncio.timeout(limits.body_s):
            while len(body) <= limits.body_bytes and not is_complete:
                piece, is_complete = await _piece(receive)
                body += piece
    except TimeoutError:
        raise BadRequest(
            f"the body did not arrive within {limits.body_s:.0f} s", code="body_timeout"
        ) from None
    return bounded(bytes(body), limits)


def bounded(body: bytes, limits: Limits) -> bytes:
    """A body that is here; raises BodyTooLarge."""
    if len(body) > limits.body_bytes:
        raise _too_large(limits)
    return body


async def _piece(receive: Receive) -> tuple[bytes, bool]:
    """The next part of the body, and whether it was the last."""
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientGone
    return message.get("body", b""), not message.get("more_body")


def _too_large(limits: Limits) -> BodyTooLarge:
    return BodyTooLarge(f"the body may be {limits.body_bytes} bytes at most")


def parse_object(body: bytes, limits: Limits) -> Json:
    """The JSON object in `body`; BadRequest on bad UTF-8, bad JSON, another type, depth, more
    values than anyone should walk, or a key that stands twice in one object: it would be unclear
    which of the two counts.
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        raise BadRequest(f"the body is not valid JSON ({where})", code="invalid_json") from None
    if not isinstance(value, dict):
        raise BadRequest("the body must be a JSON object", code="invalid_json")
    keys = _survey(value, limits)
    # Each key ends in a quote and a colon: as many of those as there are keys leave none that was
    # dropped. Where text has them too, a slow look decides.
    if len(list(islice(_KEY_END.finditer(body), keys + 1))) > keys:
        json.loads(body, object_pairs_hook=_without_repeats)
    return value


def _survey(value: Json, limits: Limits) -> int:
    """How many keys there are; BadRequest on depth, and on more values than `json_values`."""
    keys = values = 0
    level: list[Any] = [value]
    for _ in range(limits.json_depth):
        below: list[Any] = []
        for node in level:
            values += len(node)
            children = node
            if type(node) is dict:
                keys += len(node)
                children = node.values()
            for child in children:
                # Types are compared: there are no others, and isinstance costs three times as much.
                if type(child) is dict or type(child) is list:
                    below.append(child)
        if values > limits.json_values:
            raise BadRequest(f"more than {limits.json_values} JSON values", code="json_too_large")
        if not below:
            return keys
        level = below
    raise BadRequest(f"JSON is nested deeper than {limits.json_depth}", code="json_too_deep")


def _without_repeats(pairs: list[tuple[str, Any]]) -> None:
    if len({key for key, _ in pairs}) < len(pairs):
        raise BadRequest("a key stands twice in one JSON object", code="invalid_json")
