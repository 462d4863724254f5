# SPDX-License-Identifier: Apache-2.0
"""The first gate: sizes, headers, JSON syntax and depth (B1 to B3 of the bad inputs)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import MutableMapping
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadRequest, BodyTooLarge, HeadersTooLarge
from gateway.limits import ClientGone, Limits, bounded, parse_object, read_body, read_headers
from tests.gateway.fakes import Caller

SMALL = Limits(body_bytes=100, headers=5, header_bytes=64)


def piece(body: bytes, more: bool = True) -> MutableMapping[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


def nested(depth: int, opening: str = '{"a":', closing: str = "}") -> bytes:
    return (opening * depth + "1" + closing * depth).encode()


def test_depth_at_the_limit_passes() -> None:
    """64 levels are accepted, of objects and of arrays."""
    assert parse_object(nested(64), Limits())
    assert parse_object(b'{"a":' + nested(63, "[", "]") + b"}", Limits())


@pytest.mark.parametrize("depth", [65, 66, 500, 1023, 1024, 1025, 100_000])
def test_depth_over_the_limit_is_a_bad_request(depth: int) -> None:
    """One level too many, or a hundred thousand, is refused and never a crash."""
    with pytest.raises(BadRequest):
        parse_object(nested(depth), Limits())
    with pytest.raises(BadRequest):
        parse_object(b'{"a":' + nested(depth - 1, "[", "]") + b"}", Limits())


def test_depth_code() -> None:
    """Depth has its own code."""
    with pytest.raises(BadRequest) as caught:
        parse_object(nested(65), Limits())

    assert caught.value.code == "json_too_deep"


def test_depth_is_found_in_the_last_branch() -> None:
    """A deep branch beside many shallow ones is found, and mixed nesting counts each level."""
    deep = b'{"a":[' + b"[]," * 300 + b'{"b":' * 64 + b"1" + b"}" * 64 + b"]}"

    with pytest.raises(BadRequest):
        parse_object(deep, Limits())


def test_brackets_in_text_are_not_depth() -> None:
    """A text full of brackets is not nested."""
    assert parse_object(orjson.dumps({"a": "[{" * 1000}), Limits()) == {"a": "[{" * 1000}


def test_wide_is_not_deep() -> None:
    """Many siblings are no depth."""
    assert parse_object(orjson.dumps({"a": [[{}] for _ in range(1000)]}), Limits())


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b" ", b"{", b"}", b'{"a"', b"{'a':1}", b'{"a":1,}', b"\x00", b'{"a":1}x', b"nul"),
        *(b"[]", b"1", b'"x"', b"null", b"true", b"[{}]"),
        *(b"\xef\xbb\xbf{}", '{"a":1}'.encode("utf-16"), '{"a":1}'.encode("utf-32")),
        *(b'{"a":"\xff"}', b'{"a":"\xc0\x80"}', b'{"a":"\xed\xa0\x80"}', b'{"a":"\\ud800"}'),
        *(b'{"a":NaN}', b'{"a":Infinity}', b'{"a":-Infinity}', b'{"a":1e400}', b'{"a":+1}'),
        *(b'{"a":1' + b"0" * 400 + b"}", b'{"a":01}', b'{"a":.5}', b'{"a":0x10}'),
        *(b'{"a":"\n"}', b'{"a":"\x00"}', b'{/*c*/"a":1}', b'{"a":1}{"b":2}'),
    ],
)
def test_bad_json_is_a_bad_request(body: bytes) -> None:
    """Whatever is not one JSON object in UTF-8 is refused with its own code."""
    with pytest.raises(BadRequest) as caught:
        parse_object(body, Limits())

    assert caught.value.code == "invalid_json"


def test_large_integers_do_not_break() -> None:
    """An integer beyond 64 bits is read as a float, which is what goes on from here."""
    value = parse_object(b'{"a":123456789012345678901234567890}', Limits())["a"]

    assert isinstance(value, float)


@given(st.binary(max_size=200))
def test_any_bytes_give_an_object_or_a_bad_request(body: bytes) -> None:
    """No bytes make anything but an object or BadRequest, and the error quotes none of them."""
    try:
        assert isinstance(parse_object(body, Limits()), dict)
    except BadRequest as error:
        assert error.message.startswith("the body ")


@pytest.mark.parametrize(
    ("body", "passes"),
    [
        (b'{"a":[1,2,3,4]}', True),
        (b'{"a":[1,2,3,4,5]}', False),
        (b'{"a":[[],[],[],{}]}', True),
        (b'{"a":[[1],[2],{"b":3}]}', False),
    ],
)
def test_values_are_counted_before_they_are_walked(body: bytes, passes: bool) -> None:
    """Wherever they stand; the object's own members are among them."""
    limits = Limits(json_values=5)
    if passes:
        assert parse_object(body, limits)
        return
    with pytest.raises(BadRequest) as caught:
        parse_object(body, limits)
    assert caught.value.code == "json_too_large"


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":1,"a":2}',
        b'{"a":1,"a" :2}',
        b'{"a" \t\r\n:1,"a"\n:2}',
        b'{"a":1,"\\u0061":1}',
        b'{"m":[{"a":{"b":1,"c":2,"b":{}}}]}',
        b'{"a":{},"a":{"b":1}}',
    ],
)
def test_a_repeated_key_is_a_bad_request(body: bytes) -> None:
    """However it is spelled and wherever it stands: which of the two counts would be a guess."""
    with pytest.raises(BadRequest) as caught:
        parse_object(body, Limits())
    assert caught.value.code == "invalid_json"


@given(st.recursive(st.text(max_size=8), lambda inner: st.dictionaries(st.text(max_size=3), inner)))
def test_what_looks_like_keys_in_text_is_none(inner: object) -> None:
    """Quotes and colons in text, and equal keys of different objects, are no repetition."""
    value = {"text": 'say "yes": or "no" : "a":', "other": {"text": inner}}
    for separators in ((",", ":"), (", ", " :\t")):
        assert parse_object(json.dumps(value, separators=separators).encode(), Limits()) == value


def test_json_error_quotes_nothing() -> None:
    """The error says where, never what."""
    with pytest.raises(BadRequest) as caught:
        parse_object(b'{"canary": kestrel}', Limits())

    assert "kestrel" not in caught.value.message
    assert "line 1 column" in caught.value.message
    assert caught.value.__suppress_context__


async def test_body_comes_in_pieces() -> None:
    """Chunks are joined in order, also empty ones."""
    caller = Caller(piece(b"ab"), piece(b""), piece(b"c", more=False))

    assert await read_body(caller.receive, {}, SMALL) == b"abc"


async def test_body_at_the_limit_passes() -> None:
    """Exactly the limit is accepted, whole or in pieces."""
    assert await read_body(Caller(piece(b"x" * 100, more=False)).receive, {}, SMALL) == b"x" * 100
    caller = Caller(piece(b"x" * 50), piece(b"x" * 50, more=False))
    assert await read_body(caller.receive, {}, SMALL) == b"x" * 100


async def test_a_body_that_stops_arriving_is_given_up() -> None:
    """A caller who sends a part and then nothing gets a 400 when the time is over."""
    caller = Caller(piece(b"x"))
    with pytest.raises(BadRequest) as caught:
        await read_body(caller.receive, {}, Limits(body_s=0.01))
    assert caught.value.code == "body_timeout"


async def test_whole_body_over_the_limit() -> None:
    """One byte too many in one message is refused."""
    with pytest.raises(BodyTooLarge):
        await read_body(Caller(piece(b"x" * 101, more=False)).receive, {}, SMALL)


async def test_chunked_body_is_refused_as_soon_as_it_is_over() -> None:
    """A body without a length is refused at the chunk that goes over; no further one is read."""
    caller = Caller(piece(b"x" * 60), piece(b"x" * 60))  # a third receive would wait for ever

    async with asyncio.timeout(1):
        with pytest.raises(BodyTooLarge):
            await read_body(caller.receive, {}, SMALL)


async def test_first_chunk_over_the_limit_is_enough() -> None:
    """A caller that sends too much and then stalls is refused without waiting for more."""
    async with asyncio.timeout(1):
        with pytest.raises(BodyTooLarge):
            await read_body(Caller(piece(b"x" * 101)).receive, {}, SMALL)


@pytest.mark.parametrize("declared", [b"101", b"9" * 19, b"9" * 5000])
async def test_declared_length_over_the_limit_is_refused_unread(declared: bytes) -> None:
    """A length over the limit is refused before a byte is read, however many digits it has."""
    async with asyncio.timeout(1):
        with pytest.raises(BodyTooLarge):
            await read_body(Caller().receive, {b"content-length": declared}, SMALL)


@pytest.mark.parametrize("declared", [b"1", b"-5", b"abc", b"", b"+3"])
async def test_lying_length_does_not_lift_the_limit(declared: bytes) -> None:
    """Bytes are counted whatever the caller declared."""
    caller = Caller(piece(b"x" * 60), piece(b"x" * 60, more=False))

    with pytest.raises(BodyTooLarge):
        await read_body(caller.receive, {b"content-length": declared}, SMALL)


@pytest.mark.parametrize("before", [(), (b"ab",), (b"ab", b"cd")])
async def test_client_that_leaves_inside_its_body(before: tuple[bytes, ...]) -> None:
    """A disconnect before the body is complete is ClientGone, never a short body."""
    caller = Caller(*(piece(b) for b in before), {"type": "http.disconnect"})

    with pytest.raises(ClientGone):
        await read_body(caller.receive, {}, SMALL)


def test_headers_are_a_mapping() -> None:
    """Headers come out by name."""
    assert read_headers([(b"a", b"1"), (b"b", b"2")], SMALL) == {b"a": b"1", b"b": b"2"}


def test_too_many_headers() -> None:
    """Five pass, six do not."""
    assert read_headers([(b"%d" % i, b"") for i in range(5)], SMALL)
    with pytest.raises(HeadersTooLarge) as caught:
        read_headers([(b"%d" % i, b"") for i in range(6)], SMALL)

    assert caught.value.code == "headers_too_large"


@pytest.mark.parametrize(
    "raw",
    [
        [(b"a", b"x" * 64)],
        [(b"a" * 64, b"x")],
        [(b"cookie", b"x" * 60), (b"cookie", b"y")],
        [(b"a", b"x" * 40), (b"b", b"x" * 40)],
    ],
    ids=["value", "name", "repeated", "together"],
)
def test_headers_too_large(raw: list[tuple[bytes, bytes]]) -> None:
    """Names and values count, and each occurrence of a repeated header."""
    with pytest.raises(HeadersTooLarge) as caught:
        read_headers(raw, SMALL)

    assert caught.value.code == "headers_too_large"


@pytest.mark.parametrize(
    "name",
    [
        *(b"authorization", b"x-api-key", b"content-length", b"content-type"),
        *(b"content-encoding", b"x-nearward-data-class", b"x-nearward-max-tier"),
    ],
)
def test_deciding_header_sent_twice_is_refused(name: bytes) -> None:
    """Where two values could mean two things, neither is taken, also when they are equal."""
    with pytest.raises(BadRequest) as caught:
        read_headers([(name, b"identity"), (b"accept", b"x"), (name, b"identity")], Limits())

    assert caught.value.code == "bad_header"


def test_other_headers_may_repeat() -> None:
    """`accept` and the like may come twice."""
    assert read_headers([(b"accept", b"1"), (b"accept", b"2")], SMALL) == {b"accept": b"2"}


@pytest.mark.parametrize("encoding", [b"gzip", b"br", b"deflate", b"identity, gzip", b""])
def test_encoded_bodies_are_refused(encoding: bytes) -> None:
    """A body that would have to be unpacked is refused."""
    with pytest.raises(BadRequest) as caught:
        read_headers([(b"content-encoding", encoding)], SMALL)

    assert caught.value.code == "unsupported_encoding"


def test_identity_encoding_is_none() -> None:
    """`identity` says nothing and passes."""
    assert read_headers([(b"content-encoding", b"identity")], SMALL)


async def test_a_body_that_never_begins_times_out() -> None:
    """The bound holds for the first byte, too."""
    with pytest.raises(BadRequest) as caught:
        await read_body(Caller().receive, {b"content-length": b"9"}, Limits(body_s=0.01))

    assert caught.value.code == "body_timeout"


def test_a_body_that_is_here_is_bounded_all_the_same() -> None:
    """Having arrived whole does not make it small."""
    assert bounded(b"x" * 100, SMALL) == b"x" * 100
    with pytest.raises(BodyTooLarge):
        bounded(b"x" * 101, SMALL)
