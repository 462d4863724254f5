# SPDX-License-Identifier: Apache-2.0
"""Origins in their normal form, and request heads that cannot be broken out of."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.backends.errors import RequestRefused
from gateway.backends.http1_request import Origin, finish_head, head_prefix, request_head


@pytest.mark.parametrize(
    ("written", "text", "authority"),
    [
        ("https://API.Example.eu", "https://api.example.eu:443", "api.example.eu"),
        ("HTTPS://api.example.eu:443/", "https://api.example.eu:443", "api.example.eu"),
        ("http://localhost:8080", "http://localhost:8080", "localhost:8080"),
        ("http://vllm_1:80", "http://vllm_1:80", "vllm_1"),
        ("https://[2001:DB8::0:1]:8443", "https://[2001:db8::1]:8443", "[2001:db8::1]:8443"),
        ("http://127.0.0.1:9", "http://127.0.0.1:9", "127.0.0.1:9"),
        ("unix:/run/nearward/engine.sock", "unix:/run/nearward/engine.sock", "localhost"),
    ],
)
def test_origin_has_one_spelling(written: str, text: str, authority: str) -> None:
    """Scheme and host in lower case, the port always there; Host without a default port."""
    origin = Origin.parse(written)

    assert origin.text == text
    assert origin.authority == authority
    assert Origin.parse(text) == origin


@pytest.mark.parametrize(
    "written",
    [
        "",
        "api.example.eu",
        "ftp://api.example.eu",
        "https://user@api.example.eu",
        "https://user:pw@api.example.eu",
        "https://api.example.eu/v1",
        "https://api.example.eu?x",
        "https://api.example.eu:0",
        "https://api.example.eu:65536",
        "https://api.example.eu\\@evil.example",
        "https://api.example.eu\n",
        "https://api.example.eu.",
        "https://api..eu",
        "https://-api.eu",
        "https://" + "a" * 64 + ".eu",
        "https://" + "a." * 127 + "eu",
        "https://müller.example",
        "http://2130706433",
        "http://127.1",
        "http://0x7f.0x1",
        "http://1.2.3.4.5",
        "http://[::1%25eth0]",
        "http://[]",
        "unix:relative.sock",
        "unix:/a\0b",
    ],
)
def test_odd_origins_are_refused(written: str) -> None:
    """What a resolver or another parser could read differently is not an origin."""
    with pytest.raises(ValueError):
        Origin.parse(written)


def test_head_has_all_that_is_needed() -> None:
    """Host, identity encoding, the given headers and the length, then the blank line."""
    head = request_head("POST", "/v1/x?a=b", "h:8", [("Authorization", "Bearer k"), ("x-y", "")], 7)

    assert head == (
        b"POST /v1/x?a=b HTTP/1.1\r\nhost: h:8\r\naccept-encoding: identity\r\n"
        b"Authorization: Bearer k\r\nx-y: \r\ncontent-length: 7\r\n\r\n"
    )


@pytest.mark.parametrize(
    ("method", "has_length"), [("GET", False), ("DELETE", False), ("POST", True), ("PUT", True)]
)
def test_length_of_nothing(method: str, has_length: bool) -> None:
    """Methods that expect a body say that there is none; the others say nothing."""
    assert (b"content-length: 0" in request_head(method, "/", "h", (), 0)) is has_length


def test_prefix_takes_headers_of_one_request() -> None:
    """A prefix made once gives the same head as making all of it anew."""
    prefix = head_prefix("POST", "/", "h", [("a", "b")])

    assert finish_head(prefix, 3, [("c", "d")]) == request_head(
        "POST", "/", "h", [("a", "b"), ("c", "d")], 3
    )


@pytest.mark.parametrize(
    ("method", "target", "host"),
    [
        ("HEAD", "/", "h"),
        ("CONNECT", "/", "h"),
        ("post", "/", "h"),
        ("POST /evil HTTP/1.1\r\n", "/", "h"),
        ("POST", "v1", "h"),
        ("POST", "http://h/", "h"),
        ("POST", "/a b", "h"),
        ("POST", "/a\r\nx: y", "h"),
        ("POST", "/a#b", "h"),
        ("POST", "/ä", "h"),
        ("POST", "/", ""),
        ("POST", "/", "h\r\nx: y"),
        ("POST", "/", "h x"),
        ("POST", "/", "hä"),
    ],
)
def test_unfit_request_lines_are_refused(method: str, target: str, host: str) -> None:
    """Methods that change the framing, targets that are not paths, hosts that are not names."""
    with pytest.raises(RequestRefused):
        request_head(method, target, host, (), 0)


@pytest.mark.parametrize("name", ["", "a b", "a:", "a\r\n", "ä", "(a)", " a"])
def test_malformed_header_names_are_refused(name: str) -> None:
    """A name is an HTTP token."""
    with pytest.raises(RequestRefused):
        request_head("POST", "/", "h", [(name, "v")], 0)


@pytest.mark.parametrize("name", ["Host", "content-length", "Transfer-Encoding", "connection"])
def test_framing_headers_are_not_the_callers(name: str) -> None:
    """A caller cannot name another host or another length."""
    with pytest.raises(RequestRefused):
        finish_head(head_prefix("POST", "/", "h"), 0, [(name, "v")])


@given(st.text(max_size=30))
def test_no_header_value_breaks_out(value: str) -> None:
    """Invariant: whatever the value, it makes exactly one more line, or is refused without echo."""
    try:
        head = request_head("POST", "/", "h", [("x", value)], 0)
    except RequestRefused as refusal:
        assert not value.strip() or value not in str(refusal) or len(value) < 3
        assert any(c in "\r\n\0" or ord(c) < 32 or ord(c) > 126 for c in value)
    else:
        assert len(head.splitlines()) >= 6
        assert head.count(b"\r\n") == 6
        assert head.count(b"\n") == head.count(b"\r") == 6
        assert b"\0" not in head


@pytest.mark.parametrize("value", ["a\rb", "a\nb", "a\r\nevil: 1", "a\0b", "\x7f", "\x1b[0m", "日"])
def test_control_characters_are_refused(value: str) -> None:
    """CR, LF, NUL and the other controls never reach the wire."""
    with pytest.raises(RequestRefused):
        request_head("POST", "/", "h", [("x", value)], 0)
