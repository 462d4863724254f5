# SPDX-License-Identifier: Apache-2.0
"""Operational logs: JSON lines on standard error, and quiet libraries."""

from __future__ import annotations

import json
import logging
import sys

import pytest
import structlog

from gateway.records import logs


def test_lines_are_json_on_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    """One JSON object a line, with level and time, nothing on standard output."""
    logs.configure()
    structlog.get_logger().info("started", port=1)

    out, err = capfd.readouterr()
    assert out == ""
    line = json.loads(err)
    assert (line["event"], line["level"], line["port"]) == ("started", "info", 1)
    assert line["timestamp"].endswith("Z")


def test_level_is_a_floor(capfd: pytest.CaptureFixture[str]) -> None:
    """Below the level nothing is written."""
    logs.configure("warning")
    structlog.get_logger().info("quiet")
    structlog.get_logger().warning("loud")

    assert [json.loads(x)["event"] for x in capfd.readouterr().err.splitlines()] == ["loud"]


def test_for_a_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    """A person gets a readable line."""
    logs.configure(as_json=False)
    structlog.get_logger().info("started")

    assert "started" in capfd.readouterr().err


def test_libraries_that_log_requests_are_silent() -> None:
    """uvicorn, litellm and httpx say nothing below critical."""
    logs.configure("debug")

    for name in ("uvicorn.access", "uvicorn.error", "LiteLLM", "httpx", "asyncio"):
        assert not logging.getLogger(name).isEnabledFor(logging.ERROR)
    assert sys.stderr is not None
