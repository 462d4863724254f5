# SPDX-License-Identifier: Apache-2.0
"""Presidio as a second opinion: a stage of the cascade that asks a process of its own.

Rules
1. It only adds findings. What it finds of words alone (names, places) is weak: it counts beside a
   health context.
2. No answer in time, a process that ended, an answer that is none: OpinionMissing. The detector
   makes of it that the text is UNKNOWN, the strictest class.
3. Whoever gave no answer in time is ended, and what it may still say with it. A new one is started
   for the next text, but not twice within `RESTART_S`: until then there is no opinion.
4. The process has no secrets in its environment, no network, and nowhere to write what it prints.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from gateway.signals.privacy import Kind
from gateway.signals.privacy.found import Found
from gateway.signals.privacy.recognisers import Document

READY_S, RESTART_S = 60.0, 5.0
_WORKER = Path(__file__).with_name("presidio_worker.py")
_PIECE_BYTES = 65_536
_MOST_ANSWER_BYTES = 32 << 20
_WEAK = frozenset({Kind.NAME, Kind.GEO, Kind.DATE})
ENTITIES: Mapping[str, Kind] = MappingProxyType(
    {
        "PERSON": Kind.NAME,
        "LOCATION": Kind.GEO,
        "DATE_TIME": Kind.DATE,
        "PHONE_NUMBER": Kind.PHONE,
        "EMAIL_ADDRESS": Kind.EMAIL,
        "US_SSN": Kind.SSN,
        "US_ITIN": Kind.SSN,
        "CREDIT_CARD": Kind.CARD,
        "IBAN_CODE": Kind.ACCOUNT,
        "US_BANK_NUMBER": Kind.ACCOUNT,
        "US_DRIVER_LICENSE": Kind.LICENSE,
        "MEDICAL_LICENSE": Kind.LICENSE,
        "US_PASSPORT": Kind.OTHER_ID,
        "UK_NHS": Kind.HEALTH_PLAN,
        "IP_ADDRESS": Kind.IP,
        "URL": Kind.URL,
    }
)
"""Presidio's entities and our kinds."""


class OpinionMissing(Exception):
    """There is no second opinion on this text. Says nothing of it."""


class SecondOpinion:
    """A stage, see `detector.Stage`. May be shared by threads, which wait for each other."""

    name = "presidio"

    def __init__(
        self,
        command: Sequence[str],
        *,
        timeout_s: float,
        ready_s: float = READY_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`command` starts the worker, which is done when the first text comes."""
        self._command = list(command)
        self._timeout_s, self._ready_s, self._clock = timeout_s, ready_s, clock
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = -RESTART_S
        self.fingerprint = "\n".join(self._command[1:])

    def find(self, document: Document) -> Iterator[Found]:
        """What the other finds; raises OpinionMissing."""
        with self._lock:
            return iter(list(_findings(self._ask(document.text), len(document.text))))

    def close(self) -> None:
        """End the process, if there is one."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()

    def _ask(self, text: str) -> object:
        process = self._process or self._start()
        try:
            answer = self._exchange(process, json.dumps({"text": text}), self._timeout_s)
        except OpinionMissing:
            self.close()
            raise
        return answer.get("found")

    def _start(self) -> subprocess.Popen[bytes]:
        now = self._clock()
        if now - self._started_at < RESTART_S:
            raise OpinionMissing
        self._started_at = now
        try:
            self._process = process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={"PATH": os.defpath, "LANG": "C.UTF-8"},
                cwd="/",
            )
            self._exchange(process, "", self._ready_s)
        except (OSError, OpinionMissing):
            self.close()
            raise OpinionMissing from None
        return process

    def _exchange(self, process: subprocess.Popen[bytes], line: str, limit_s: float) -> Any:
        """Write a line, if there is one, and read the line that comes; OpinionMissing else."""
        assert process.stdin is not None and process.stdout is not None
        unsent = (line + "\n").encode("ascii") if line else b""
        into, out = process.stdin.fileno(), process.stdout.fileno()
        os.set_blocking(into, False)
        said, until = bytearray(), self._clock() + limit_s
        try:
            while not said.endswith(b"\n"):
                ready = _ready(out, into if unsent else None, until - self._clock())
                if into in ready:
                    unsent = unsent[os.write(into, unsent[:_PIECE_BYTES]) :]
                if out in ready:
                    said += _read(out)
                if not ready or len(said) > _MOST_ANSWER_BYTES:
                    raise OpinionMissing
            answer = json.loads(said)
        except (OSError, ValueError):
            raise OpinionMissing from None
        if not isinstance(answer, dict):
            raise OpinionMissing
        return answer


def _ready(out: int, into: int | None, left_s: float) -> set[int]:
    """Which of the two can be used now, or will be in so many seconds; none when neither will."""
    poll = select.poll()
    poll.register(out, select.POLLIN)
    if into is not None:
        poll.register(into, select.POLLOUT)
    return {each for each, _ in poll.poll(max(0.0, left_s) * 1_000)}


def _read(out: int) -> bytes:
    piece = os.read(out, _PIECE_BYTES)
    if not piece:
        raise OpinionMissing
    return piece


def worker_command(python: str, model: str, score: float, entities: Iterable[str]) -> list[str]:
    """What starts the worker in the environment of `python`."""
    return [python, "-I", str(_WORKER), model, str(score), *entities]


def _findings(said: object, chars: int) -> Iterator[Found]:
    if not isinstance(said, list):
        raise OpinionMissing
    for each in said:
        if not (isinstance(each, list) and len(each) == 3 and each[2] in ENTITIES):
            raise OpinionMissing
        start, end, entity = each
        is_place = type(start) is int and type(end) is int and 0 <= start < end <= chars
        if not is_place:
            raise OpinionMissing
        kind = ENTITIES[entity]
        yield Found(start, end, kind, is_strong=kind not in _WEAK)
