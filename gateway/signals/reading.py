# SPDX-License-Identifier: Apache-2.0
"""Reads the three signals of a request. A signal that fails is *unknown*, never absent.

Privacy unknown means the strictest data class. Complexity unknown means 0.0, the easy end, which
keeps the request near; it can only order destinations that policy allows. Capability unknown
means the device is not preferred for speed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import NamedTuple, Protocol

from gateway.needs import NOTHING, TOOLS, needs_of, uses_of
from gateway.signals.capability import Capability, Snapshot
from gateway.signals.privacy import Verdict
from gateway.wire import ChatRequest
from policies import DataClass, Findings

# A scan of more than this many characters would hold up the other requests of the event loop.
_OFF_LOOP_CHARS = 32_768
# Characters per token of English prose in BPE vocabularies of 32k to 200k entries, on the low
# side so that the estimate errs towards "too long for the device".
_CHARS_PER_TOKEN = 3.0
# Other scripts take two to four bytes a character; small vocabularies spell most of them out.
_TOKENS_PER_BYTE = 0.85
_NOT_ASCII = bytes(range(128, 256))
_NOTHING_FOUND = Findings(DataClass.PUBLIC)


class Scanner(Protocol):
    """The privacy cascade, as the pipeline sees it."""

    version: str

    def scan(self, text: str) -> Verdict:
        """What `text` holds; never raises by contract, and is guarded all the same."""


class Signals(NamedTuple):
    """What is known of a request besides its facts.

    `complexity()` is worked out when asked for: only `auto` between several destinations asks.
    """

    findings: Findings
    span_count: int
    complexity: Callable[[], float]
    device: Snapshot
    prompt_tokens: int
    needs: frozenset[str] = NOTHING
    uses: frozenset[str] = NOTHING

    @property
    def wants_tools(self) -> bool:
        """Whether the request offers tools, holds their turns, or switches on a feature."""
        return bool(self.uses or self.needs & TOOLS)


class SignalReader:
    """Runs the detectors over a request."""

    def __init__(
        self,
        *,
        scanner: Scanner,
        score: Callable[[str], float],
        capability: Capability,
        waits: bool = False,
    ) -> None:
        """`waits`: the scanner waits for another process, so no scan runs on the event loop."""
        self._scanner = scanner
        self._off_loop_chars = 0 if waits else _OFF_LOOP_CHARS
        self._score = score
        self._capability = capability

    async def read(self, request: ChatRequest) -> Signals:
        """All three signals; raises nothing."""
        if len(request.text) > self._off_loop_chars:
            findings, spans = await asyncio.to_thread(self._privacy, request.text)
        else:
            findings, spans = self._privacy(request.text)
        if request.has_tokens:
            # No failure that emergency access could look past: nobody can say what they hold.
            findings = Findings(DataClass.UNKNOWN, findings.kinds)
        return Signals(
            findings=findings,
            span_count=spans,
            complexity=partial(self._complexity, request.question),
            device=self._capability.read(),
            prompt_tokens=_estimated_tokens(request.text),
            needs=needs_of(request.body),
            uses=uses_of(request.body),
        )

    def warm_up(self) -> None:
        """Let the detector read its files now, and not while a first caller waits."""
        self._privacy("")

    def _privacy(self, text: str) -> tuple[Findings, int]:
        try:
            verdict = self._scanner.scan(text)
        except Exception:
            return Findings.unknown("detector_raised"), 0
        if not isinstance(verdict, Verdict):
            return Findings.unknown("detector_gave_no_verdict"), 0
        if verdict.data_class is DataClass.PUBLIC and not verdict.spans:
            return _NOTHING_FOUND, 0
        errors = verdict.reasons if verdict.data_class is DataClass.UNKNOWN else ()
        kinds = frozenset(str(span.kind) for span in verdict.spans)
        findings = Findings(data_class=verdict.data_class, kinds=kinds, errors=errors)
        return findings, len(verdict.spans)

    def _complexity(self, question: str) -> float:
        try:
            return min(1.0, max(0.0, self._score(question)))
        except Exception:
            return 0.0


def _estimated_tokens(text: str) -> int:
    if text.isascii():
        return int(len(text) / _CHARS_PER_TOKEN) + 1
    data = text.encode("utf-8", "replace")
    ascii_bytes = len(data.translate(None, _NOT_ASCII))
    other_bytes = len(data) - ascii_bytes
    return int(ascii_bytes / _CHARS_PER_TOKEN + other_bytes * _TOKENS_PER_BYTE) + 1
