# SPDX-License-Identifier: Apache-2.0
"""approvals on the command line, against a gateway that runs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from tests.doubles.cloud import Cloud
from tests.gateway.api.test_admin import APPROVING, DECLARED, Scene, key
from tests.gateway.cli.conftest import failed, run
from tests.gateway.serving_gateway import RunningGateway, settings_for


class Desk:
    """A gateway with requests that wait, and an operator's terminal."""

    def __init__(self, scene: Scene, directory: Path) -> None:
        self.scene = scene
        self._directory = directory
        self.config = directory / "cli.yaml"
        self.config.write_text(f"server: {{port: {scene.gateway.port}}}\n")

    async def run(self, *arguments: str, who: str = "admin") -> Result:
        """A command, with this key."""
        keys = self._directory / f"{who}.key"
        keys.write_text(f"nw-{who}\n")
        options = ("--config", self.config, "--key-file", keys)
        return await asyncio.to_thread(run, *arguments, *options)

    async def held(self, who: str = "user", words: str = "The plan") -> str:
        """The id of a request that waits now."""
        return (await self.scene.chat(who=who, words=words, **DECLARED)).headers[
            "x-nearward-approval"
        ]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    pack = tmp_path / "approving.yaml"
    pack.write_text(APPROVING)
    keys = [key(role, role) for role in ("user", "admin", "auditor")]
    policy: dict[str, Any] = {"packs": ["open"], "files": [pack]}
    async with Cloud() as cloud:
        settings = settings_for(tmp_path / "running", cloud, keys=keys, policy=policy)
        async with RunningGateway(settings) as gateway:
            scene = Scene(gateway, cloud)
            yield Desk(scene, tmp_path)
            await scene.http.aclose()


async def test_a_request_is_listed_shown_and_approved(desk: Desk) -> None:
    """By the beginning of its id; then the same request goes through, and the answer stands."""
    assert (await desk.run("approvals", "list")).stdout == "nothing waits for approval\n"
    found = await desk.held()
    listed = (await desk.run("approvals", "list", who="auditor")).stdout
    (asked,) = map(json.loads, (await desk.run("approvals", "list", "--json")).stdout.splitlines())
    shown = (await desk.run("approvals", "show", found[:4])).stdout

    assert listed.startswith(found[:12])
    assert listed.endswith("  default  confidential  approving/ask\n")
    assert asked["id"] == found
    assert f"id          {found}\n" in shown
    assert "data_class  confidential\n" in shown
    assert "T" in shown.split("until")[1]
    failed(await desk.run("approve", found, who="auditor"), 1, "forbidden: this takes a key")
    failed(await desk.run("approve", found, who="nobody"), 1, "invalid_api_key")
    assert desk.scene.cloud.requests == []

    approved = await desk.run("approve", found[:6])
    assert approved.stdout.startswith(f"approved: {found}, until 2")
    assert (await desk.scene.chat(words="The plan", **DECLARED)).status_code == 200
    failed(await desk.run("approvals", "refuse", found), 1, "already_answered")
    failed(await desk.run("approvals", "show", found), 1, "none waits that begins with")


async def test_a_refusal_and_four_eyes(desk: Desk) -> None:
    """Nobody answers for themselves, not for two at once either; a no is told to who asked."""
    own, others = await desk.held("admin"), await desk.held()
    failed(await desk.run("approvals", "approve", own), 1, "own_request: nobody approves")
    failed(await desk.run("approvals", "approve", ""), 1, "2 requests that wait begin with ''")
    refused = await desk.run("approvals", "refuse", others)

    assert refused.stdout.startswith(f"refused: {others}")
    again = await desk.scene.chat(words="The plan", **DECLARED)
    assert again.json()["error"]["code"] == "approval_refused"


async def test_without_a_key_or_a_gateway(desk: Desk, tmp_path: Path) -> None:
    """One line each, and the key goes to nobody but a nearward."""
    config = desk.config
    failed(run("approvals", "list", "-c", config), 2, "NEARWARD_API_KEY")
    missing = tmp_path / "none"
    failed(run("approvals", "list", "-c", config, "--key-file", missing), 2, "no key can be read")
    seen: list[bytes] = []

    async def stranger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
        writer.close()

    async with await asyncio.start_server(stranger, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        config.write_text(f"server: {{port: {port}}}\n")
        failed(await desk.run("approvals", "list"), 2, f"127.0.0.1:{port}; is it")
    assert len(seen) == 1
    assert b"nw-admin" not in seen[0]
