# SPDX-License-Identifier: Apache-2.0
"""Where a request goes, how long it may take, and the bytes of its head."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from gateway.backends.errors import RequestRefused

Headers = Iterable[tuple[str, str]]

_DEFAULT_PORTS = {"http": 80, "https": 443}
_ORIGIN = re.compile(r"(https?)://(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([0-9]{1,5}))?/?", re.I | re.A)
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")

# HEAD and CONNECT are absent: their responses are framed differently, and no LLM API needs them.
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
_TARGET = re.compile(r"/[\x21-\x22\x24-\x7e]*")  # visible ASCII, no fragment
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # RFC 9110, 5.6.2 token
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")  # RFC 9110, 5.5; so no CR, LF, NUL
# Framing and addressing belong to the client: a caller that could set them could desynchronise
# the connection or name another host than the one that was cleared.
_RESERVED = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "keep-alive", "te", "trailer"}
    | {"upgrade", "expect", "accept-encoding", "proxy-connection", "proxy-authorization"}
)


@dataclass(frozen=True, slots=True)
class Origin:
    """One place to connect to: a TCP host and port, or a unix socket.

    `text` is the normal form that clearances carry: `https://host:port` with lower-case host and
    explicit port, or `unix:/path`. `authority` is the value of the Host header.
    """

    scheme: Literal["http", "https", "unix"]
    host: str
    port: int = 0
    path: str = ""
    text: str = field(init=False)
    authority: str = field(init=False)

    def __post_init__(self) -> None:
        if self.scheme == "unix":
            text, authority = f"unix:{self.path}", "localhost"
        else:
            shown = f"[{self.host}]" if ":" in self.host else self.host
            text = f"{self.scheme}://{shown}:{self.port}"
            is_default = self.port == _DEFAULT_PORTS[self.scheme]
            authority = shown if is_default else f"{shown}:{self.port}"
        object.__setattr__(self, "text", text)
        object.__setattr__(self, "authority", authority)

    @classmethod
    def parse(cls, text: str) -> Origin:
        """Read `http[s]://host[:port][/]` or `unix:/absolute/path`.

        Raises ValueError for anything else: user names, paths, queries, odd hosts.
        """
        if text.startswith("unix:"):
            path = text.removeprefix("unix:")
            if not path.startswith("/") or "\0" in path:
                raise ValueError("a unix origin needs an absolute path")
            return cls("unix", "", path=path)
        match = _ORIGIN.fullmatch(text)
        if match is None:
            raise ValueError("an origin has the form https://host:port")
        scheme: Literal["http", "https"] = "https" if match[1].lower() == "https" else "http"
        port = int(match[3] or _DEFAULT_PORTS[scheme])
        if not 0 < port < 65536:
            raise ValueError("the port of an origin is 1 to 65535")
        return cls(scheme, _normal_host(match[2].lower()), port)


def _normal_host(host: str) -> str:
    """A host name, or an IP address in its one canonical spelling."""
    if host.startswith("["):
        return str(ipaddress.IPv6Address(host[1:-1]))
    labels = host.split(".")
    # The resolver also reads 2130706433, 0x7f.1 and 127.1 as addresses; a host is cleared by its
    # spelling, so the spellings that mean something else than they show are refused.
    if labels[-1].isdigit() or labels[-1].startswith("0x"):
        return str(ipaddress.IPv4Address(host))
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError("the host of an origin is not a valid name")
    return host


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long each phase may take, in seconds.

    `connect_s`: name look-up, TCP and TLS handshake. `first_byte_s`: from the writing of the
    request to the first byte of the response. `idle_s`: between two reads of the response, not
    counted while the gateway itself has paused reading. `total_s`: from the call of `send` to the
    last byte, waiting for a connection included.
    """

    connect_s: float = 5.0
    first_byte_s: float = 30.0
    idle_s: float = 60.0
    total_s: float = 600.0


def head_prefix(method: str, target: str, host: str, headers: Headers = ()) -> bytes:
    """The head up to what changes per request; make it once, finish it with `finish_head`.

    Raises RequestRefused when a part could break the framing or is not the caller's to set.
    """
    if method not in _METHODS:
        raise RequestRefused("the method is not one that is sent upstream")
    if not _TARGET.fullmatch(target):
        raise RequestRefused("the request target is not a plain path")
    if not host or not host.isascii() or not _VALUE.fullmatch(host) or " " in host:
        raise RequestRefused("the host is not a plain authority")
    start = f"{method} {target} HTTP/1.1\r\nhost: {host}\r\naccept-encoding: identity\r\n"
    return start.encode("ascii") + header_lines(headers)


def header_lines(headers: Headers) -> bytes:
    """Headers as bytes. Raises RequestRefused for CR, LF, NUL or a name that is reserved."""
    lines = []
    for name, value in headers:
        if not _NAME.fullmatch(name) or name.lower() in _RESERVED:
            raise RequestRefused("a header name is malformed or reserved")
        if not _VALUE.fullmatch(value):
            raise RequestRefused("a header value holds control or non-latin characters")
        lines.append(f"{name}: {value}\r\n")
    return "".join(lines).encode("latin-1")


def finish_head(prefix: bytes, content_length: int, headers: Headers = ()) -> bytes:
    """A whole head, blank line included, from a prefix that `head_prefix` made."""
    if headers:
        prefix += header_lines(headers)
    if not content_length and prefix.startswith((b"GET ", b"DELETE ")):
        return prefix + b"\r\n"
    return prefix + b"content-length: %d\r\n\r\n" % content_length


def request_head(
    method: str, target: str, host: str, headers: Headers, content_length: int
) -> bytes:
    """A whole request head in one step. Raises RequestRefused as `head_prefix` does."""
    return finish_head(head_prefix(method, target, host, headers), content_length)
