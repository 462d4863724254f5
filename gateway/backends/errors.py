# SPDX-License-Identifier: Apache-2.0

"""What can go wrong between the gateway and a backend.

    BackendError                      status  left  code
    +-- EgressRefused                 403     no    egress_refused
    +-- RequestRefused                500     no    upstream_request_invalid
    +-- UpstreamError                 502           upstream_failed
        +-- ConnectFailed             502     no    upstream_connect_failed
        +-- ConnectTimeout            504     no    upstream_connect_timeout
        +-- TlsFailed                 502     no    upstream_tls_failed
        +-- PoolExhausted             503     no    upstream_pool_exhausted
        +-- FirstByteTimeout          504     yes   upstream_first_byte_timeout
        +-- IdleTimeout               504     yes   upstream_idle_timeout
        +-- TotalTimeout              504     yes   upstream_total_timeout
        +-- ResponseTruncated         502     yes   upstream_truncated
        +-- ProtocolBroken            502     yes   upstream_protocol_broken
        +-- ResponseTooLarge          502     yes   upstream_response_too_large

"left" is `may_have_left`: whether bytes of the request may have reached the other side, which is
what an audit record needs to know. Messages are written here; none holds bytes of a request or
of a response.
"""

from __future__ import annotations


class BackendError(Exception):
    """Base of all errors of a backend.

    `retryable`: another attempt (at another destination) is sound, because the caller has been
    given nothing of a response yet.
    """

    status = 502
    code = "backend_failed"
    retryable = False
    may_have_left = False


class EgressRefused(BackendError):
    """The clearance does not cover this call: a fault in the gateway, so nothing is sent."""

    status = 403
    code = "egress_refused"


class RequestRefused(BackendError):
    """The request cannot be written as HTTP without harm: a method, target or header is unfit."""

    status = 500
    code = "upstream_request_invalid"


class UpstreamError(BackendError):
    """The other side failed.

    `head_seen` says that a whole response head had come: then the caller has the response in its
    hands and only the caller can know whether trying again is sound, so `retryable` is false.
    """

    code = "upstream_failed"
    may_have_left = True

    def __init__(self, detail: str, *, head_seen: bool = False) -> None:
        super().__init__(detail)
        self.retryable = not head_seen


class ConnectFailed(UpstreamError):
    """No connection: refused, unreachable, name not found, or the client is closed."""

    code = "upstream_connect_failed"
    may_have_left = False


class ConnectTimeout(UpstreamError):
    """No connection (TLS handshake included) within `connect_s`."""

    status = 504
    code = "upstream_connect_timeout"
    may_have_left = False


class TlsFailed(UpstreamError):
    """The handshake failed or the certificate is not for this host; no request byte was sent."""

    code = "upstream_tls_failed"
    may_have_left = False


class PoolExhausted(UpstreamError):
    """All connections to the origin stayed busy, or too many callers wait for one already."""

    status = 503
    code = "upstream_pool_exhausted"
    may_have_left = False


class FirstByteTimeout(UpstreamError):
    """The request was written and not one byte came back within `first_byte_s`."""

    status = 504
    code = "upstream_first_byte_timeout"


class IdleTimeout(UpstreamError):
    """The response began and then paused for longer than `idle_s`."""

    status = 504
    code = "upstream_idle_timeout"


class TotalTimeout(UpstreamError):
    """The whole exchange took longer than `total_s`."""

    status = 504
    code = "upstream_total_timeout"


class ResponseTruncated(UpstreamError):
    """The connection ended before the response did."""

    code = "upstream_truncated"


class ProtocolBroken(UpstreamError):
    """What came is not HTTP/1, or not the answer to what was asked."""

    code = "upstream_protocol_broken"


class ResponseTooLarge(UpstreamError):
    """The head or the body is larger than its limit; asking again would not help."""

    code = "upstream_response_too_large"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, head_seen=True)
