# SPDX-License-Identifier: Apache-2.0
"""The one engine behind its unix socket."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.backends import local as local_backend
from gateway.backends.base import Call
from gateway.backends.egress import Timeouts
from gateway.backends.http1 import Client
from gateway.backends.local import LocalEngine
from gateway.signals.capability import UNKNOWN, Snapshot
from tests.doubles.cloud import HANG, Act, Cloud
from tests.gateway.fakes import chat_body


async def test_local_engine_over_its_socket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chat and health go over the unix socket; what only clouds need is left out."""
    path = tmp_path / "e.sock"
    async with Cloud(unix_path=str(path)) as engine:
        local = LocalEngine(Client(reach="unix"), path)
        body = chat_body(user="u", metadata={"a": "b"}, store=True, tenant="of another")
        body["nearward_deadline_ms"] = 5
        reply = await local.send(Call("r", "device", "m", body, False, None, tenant="acme"))
        assert json.loads(await reply.read(10_000))["object"] == "chat.completion"
        assert set(engine.requests[0].json) == {"model", "messages", "tenant"}
        assert engine.requests[0].json["model"] == "m"
        assert engine.requests[0].json["tenant"] == "acme"
        await local.send(Call("r", "device", "m", body, False, None, deadline_s=1.25))
        assert engine.requests[1].json["nearward_deadline_ms"] == 1250

        raw = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b"
        for report, expected in [
            (b'{"status":"ready","n_ctx":5}', Snapshot(True, context_tokens=5)),
            (b"[]", UNKNOWN),
            (b"{", UNKNOWN),
        ]:
            engine.plan(Act(raw=raw % (len(report), report)))
            assert await local.health() == expected
        monkeypatch.setattr(local_backend, "_HEALTH_TIMEOUTS", Timeouts(first_byte_s=0.05))
        engine.plan(HANG)
        assert await local.health() is None
        await local.close()
    assert await LocalEngine(Client(reach="unix"), path).health() == UNKNOWN
