# SPDX-License-Identifier: Apache-2.0
"""Operational logs: JSON lines on standard error, events from a closed vocabulary, no prompts.

Requests are not logged one by one: the audit log records each, the metrics count them.
"""

from __future__ import annotations

import logging
import sys

import structlog


def configure(level: str = "info", *, as_json: bool = True) -> None:
    """Set up structlog, and silence the libraries that would log requests or bodies."""
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer()
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    for name in ("uvicorn", "uvicorn.access", "uvicorn.error", "LiteLLM", "httpx", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
