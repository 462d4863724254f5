# SPDX-License-Identifier: Apache-2.0
"""Counts what a detector finds, by kind and by how strict it was asked to be; no text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from gateway.signals.privacy import Mode, Verdict


class Scanner(Protocol):
    """A privacy detector, with or without a memory."""

    version: str

    @property
    def scan(self) -> Callable[..., Verdict]:
        """What a text holds, in a mode and with what else the detector can be asked."""


class CountedDetector:
    """A detector whose finds are told to `count` as (kind, mode), one by one.

    Both are closed sets. `count` is called by every thread that scans. `uncounted` is for those who
    look at the same text once more, such as the redactor: what a request holds counts once.
    """

    def __init__(self, detector: Scanner, count: Callable[[tuple[str, str]], None]) -> None:
        self.uncounted = detector
        self._scan = detector.scan
        self._count = count
        self.version = detector.version

    def scan(self, text: str, mode: Mode = "auto", **options: Any) -> Verdict:
        """As the detector's own."""
        verdict = self._scan(text, mode, **options)
        for span in verdict.spans:
            self._count((span.kind, mode))
        return verdict
