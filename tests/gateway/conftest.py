# SPDX-License-Identifier: Apache-2.0
"""Logging is global: what one test configures must not reach the next."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import structlog

from gateway import app, runtime, serving

_NAMES = ("uvicorn", "uvicorn.access", "uvicorn.error", "LiteLLM", "httpx", "asyncio")


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    levels = {name: logging.getLogger(name).level for name in _NAMES}
    yield
    structlog.reset_defaults()
    for module in (app, runtime, serving):
        vars(module._log).pop("bind", None)  # the logger that was kept on first use
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
