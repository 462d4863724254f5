# SPDX-License-Identifier: Apache-2.0
"""The error tree: codes, envelopes and retry advice."""

from __future__ import annotations

import orjson
import pytest

from gateway import errors
from gateway.errors import GatewayError, LocalUnavailable, error_headers, openai_envelope

_ALL = [e for e in vars(errors).values() if isinstance(e, type) and issubclass(e, GatewayError)]


def test_docstring_draws_the_whole_tree() -> None:
    """The tree in the module's docstring names every class with its status and code."""
    drawn = (errors.__doc__ or "").splitlines()

    for kind in _ALL[1:]:
        line = next(text for text in drawn if kind.__name__ in text.replace("+--", "").split())
        assert str(kind.status) in line
        assert kind.code in line


@pytest.mark.parametrize("kind", _ALL)
def test_envelope_has_openai_shape(kind: type[GatewayError]) -> None:
    """The envelope holds message, type, param and code, whatever the class."""
    error = orjson.loads(openai_envelope(kind("why", param="model")))["error"]

    assert error == {"message": "why", "type": kind.kind, "param": "model", "code": kind.code}


def test_own_code_wins() -> None:
    """A more precise code replaces the class's, for this error only."""
    assert errors.NotFound("x", code="model_not_found").code == "model_not_found"
    assert errors.NotFound("x").code == "not_found"


def test_retry_after_only_where_waiting_helps() -> None:
    """503 says when to come back; 4xx and 502 do not."""
    assert error_headers(LocalUnavailable("x", retry_after_s=7)) == [(b"retry-after", b"7")]
    assert error_headers(LocalUnavailable("x")) == [(b"retry-after", b"1")]
    assert error_headers(LocalUnavailable("x", retry_after_s=0)) == [(b"retry-after", b"0")]
    assert error_headers(errors.DeviceOff("x")) == []
    assert error_headers(errors.UpstreamFailed("x")) == []
    assert error_headers(errors.BadRequest("x", retry_after_s=7)) == []
