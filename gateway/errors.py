# SPDX-License-Identifier: Apache-2.0
"""Every error a client can see, and the one place that turns it into bytes.

    GatewayError                    status  code
    +-- BadRequest                  400     invalid_request (or a more precise code)
    +-- Unauthenticated             401     invalid_api_key
    |   +-- UnknownKey              401     invalid_api_key
    +-- TooManyWrongKeys            429     too_many_wrong_keys
    +-- PolicyBlocked               403     policy_blocked
    +-- BreakGlassRefused           403     break_glass_refused
    +-- ApprovalRequired            403     approval_required, approval_refused
    +-- Forbidden                   403     forbidden, own_request
    +-- NotFound                    404     not_found, model_not_found ...
    +-- MethodNotAllowed            405     method_not_allowed
    +-- Conflict                    409     conflict, already_answered
    +-- BodyTooLarge                413     body_too_large
    +-- HeadersTooLarge             431     headers_too_large
    +-- UpstreamFailed              502     upstream_failed
    +-- Unavailable                 503     unavailable
        +-- Queued                  503     queued
        +-- LocalUnavailable        503     local_unavailable
        |   +-- DeviceOff           503     local_unavailable, and waiting does not help
        +-- AuditUnavailable        503     audit_unavailable

A message is written for the caller and never holds anything the caller sent as prompt: at most
the name of a field, a limit, a header or a model.
"""

from __future__ import annotations

import orjson

from policies import Tier


class GatewayError(Exception):
    """Base of all errors that become an HTTP answer; never a 500 by itself."""

    status = 500
    code = "internal_error"
    kind = "api_error"
    retryable = False

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.param = param
        self.retry_after_s = retry_after_s
        self.tried: Tier | None = None
        """Where a request was sent before it failed, None when nowhere."""
        self.attempts = 0
        """How often it was sent."""


class BadRequest(GatewayError):
    """The caller's request is malformed, or asks for what nearward does not do."""

    status = 400
    code = "invalid_request"
    kind = "invalid_request_error"


class Unauthenticated(GatewayError):
    """No key, or a key that is not known."""

    status = 401
    code = "invalid_api_key"
    kind = "authentication_error"


class UnknownKey(Unauthenticated):
    """A key was sent, and nobody has it."""


class TooManyWrongKeys(GatewayError):
    """One unknown key after the other from one address."""

    status = 429
    code = "too_many_wrong_keys"
    kind = "rate_limit_error"
    retryable = True


class PolicyBlocked(GatewayError):
    """Policy allows none of the destinations that the request asked for."""

    status = 403
    code = "policy_blocked"
    kind = "permission_error"


class BreakGlassRefused(GatewayError):
    """An emergency was claimed by a key without the right, or for a time that does not count."""

    status = 403
    code = "break_glass_refused"
    kind = "permission_error"


class Forbidden(GatewayError):
    """The caller is known, and may not do this."""

    status = 403
    code = "forbidden"
    kind = "permission_error"


class ApprovalRequired(GatewayError):
    """A person has to approve the request before it may leave."""

    status = 403
    code = "approval_required"
    kind = "permission_error"


class NotFound(GatewayError):
    """No such path or model."""

    status = 404
    code = "not_found"
    kind = "invalid_request_error"


class MethodNotAllowed(GatewayError):
    """The path exists, the method does not."""

    status = 405
    code = "method_not_allowed"
    kind = "invalid_request_error"


class Conflict(GatewayError):
    """What was asked for does not fit what has happened meanwhile."""

    status = 409
    code = "conflict"
    kind = "invalid_request_error"


class BodyTooLarge(GatewayError):
    """The body is over `server.max_body_bytes`."""

    status = 413
    code = "body_too_large"
    kind = "invalid_request_error"


class HeadersTooLarge(GatewayError):
    """The request's head is over its limit."""

    status = 431
    code = "headers_too_large"
    kind = "invalid_request_error"


class UpstreamFailed(GatewayError):
    """Every allowed destination was tried and none answered."""

    status = 502
    code = "upstream_failed"
    retryable = True


class Unavailable(GatewayError):
    """nearward cannot answer now; trying later may help."""

    status = 503
    code = "unavailable"
    retryable = True


class Queued(Unavailable):
    """Policy lets the request leave later; nearward keeps no queue, so it has to be sent again."""

    code = "queued"


class LocalUnavailable(Unavailable):
    """Only the device may answer and its engine is not ready."""

    code = "local_unavailable"


class DeviceOff(LocalUnavailable):
    """Only the device may answer and the operator has switched it off."""

    retryable = False


class AuditUnavailable(Unavailable):
    """The intent could not be recorded, so nothing may leave."""

    code = "audit_unavailable"


def openai_envelope(error: GatewayError) -> bytes:
    """The error as the JSON body that OpenAI's clients parse."""
    return orjson.dumps(
        {
            "error": {
                "message": error.message,
                "type": error.kind,
                "param": error.param,
                "code": error.code,
            }
        }
    )


def error_headers(error: GatewayError) -> list[tuple[bytes, bytes]]:
    """Headers that go with an error: Retry-After where waiting helps."""
    seconds = error.retry_after_s if error.retry_after_s is not None else 1
    if error.retryable and error.status in {429, 503}:
        return [(b"retry-after", str(seconds).encode())]
    return []
