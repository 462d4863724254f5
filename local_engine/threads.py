# SPDX-License-Identifier: Apache-2.0
"""How many threads decode and how many read prompts, from a short measurement when a model loads.

Rules
1. Never more threads than the affinity mask and the CPU quota give (`Device.usable_cpus`); one core
   fewer for decoding, where there are several: all decode threads wait for the slowest at each of
   some hundred barriers a token, and the gateway and other programs need a core too. On two cores
   a second thread gained 1.3 to 1.4x when quiet and lost up to 3x beside a busy program.
2. Candidates are 1, 2, 4 ... all but one and all. Each is timed a few times, and its best time
   counts: other work on the machine only ever makes a step slower.
3. A step up must pay, or it is not taken: 1.4x for twice the threads when decoding single tokens,
   1.2x when reading prompts.
4. The result is kept under a key of machine, library and file, and found there at the next start.
5. What cannot be measured is planned without (`device.plan_threads`).
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from local_engine.device import Device, ThreadPlan, plan_threads
from local_engine.pins import LLAMA_VERSION

DECODE_GAIN: Final = 1.4
PREFILL_GAIN: Final = 1.2
DECODE_STEPS: Final = 4
PROMPT_TOKENS: Final = 32
_ROUNDS: Final = 3
_KEPT_RESULTS: Final = 64
_BUDGET_S: Final = 2.0

Clock = Callable[[], float]


class Steps(Protocol):
    """A loaded model, as far as it is timed."""

    def use(self, plan: ThreadPlan) -> None:
        """From now on with so many threads."""
        ...

    def run(self, tokens: int, position: int) -> bool:
        """One decode; false when it failed."""
        ...

    def forget(self) -> None:
        """Empty the context."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The choice, and tokens per second by threads that it was made from."""

    plan: ThreadPlan
    decode_tps: dict[int, float]
    prefill_tps: dict[int, float]
    was_kept: bool = False


def candidates(usable: int) -> list[int]:
    """1, 2, 4 ... and `usable` itself."""
    powers = [1 << n for n in range(usable.bit_length()) if 1 << n < usable]
    return [*powers, usable]


def choose(tps: Mapping[int, float], gain: float) -> int:
    """The most threads that are reached by steps that pay: `gain` for every doubling."""
    chosen = min(tps)
    for threads in sorted(tps):
        owed = gain ** math.log2(threads / chosen)
        if threads > chosen and tps[threads] >= tps[chosen] * owed:
            chosen = threads
    return chosen


def measure(steps: Steps, usable: int, clock: Clock, *, budget_s: float = _BUDGET_S) -> Measured:
    """Time the candidates, and leave the model on the choice. Begins nothing after `budget_s`.

    Candidates that the time does not reach are not chosen. Raises UnmeasuredError.
    """
    until = clock() + budget_s
    prefill: dict[int, float] = {}
    decode: dict[int, float] = {}
    for threads in sorted({*candidates(usable), max(1, usable - 1)}):
        if prefill and clock() >= until:
            break
        steps.use(ThreadPlan(threads, threads))
        prefill[threads] = _best(steps, clock, [PROMPT_TOKENS])
        if threads <= max(1, usable - 1):
            decode[threads] = _best(steps, clock, [1] * DECODE_STEPS)
    plan = ThreadPlan(choose(decode, DECODE_GAIN), choose(prefill, PREFILL_GAIN))
    steps.use(plan)
    steps.forget()
    return Measured(plan=plan, decode_tps=decode, prefill_tps=prefill)


def _best(steps: Steps, clock: Clock, sizes: Sequence[int]) -> float:
    """Tokens per second of these decodes, in the best of a few rounds."""
    best_s = math.inf
    for _ in range(_ROUNDS):
        steps.forget()
        position, began = 0, clock()
        for size in sizes:
            if not steps.run(size, position):
                raise UnmeasuredError
            position += size
        best_s = min(best_s, clock() - began)
    return sum(sizes) / max(best_s, 1e-9)


class UnmeasuredError(Exception):
    """A decode failed; the engine says more when it is used."""


class Results:
    """What was measured before: a small JSON file, whole or not at all."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def find(self, key: str) -> Measured | None:
        """The result under a key; None when there is none that can be read."""
        try:
            found = self._read()[key]
            decode, prefill = found["plan"]
            return Measured(
                plan=ThreadPlan(int(decode), int(prefill)),
                decode_tps={int(n): float(v) for n, v in found["decode_tps"].items()},
                prefill_tps={int(n): float(v) for n, v in found["prefill_tps"].items()},
                was_kept=True,
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def keep(self, key: str, measured: Measured) -> None:
        """Add a result; the oldest make room. A folder that is read-only costs a measurement."""
        try:
            kept = self._read()
        except (OSError, ValueError, TypeError):
            kept = {}
        kept.pop(key, None)
        kept[key] = {
            "plan": [measured.plan.decode, measured.plan.prefill],
            "decode_tps": measured.decode_tps,
            "prefill_tps": measured.prefill_tps,
        }
        newest = dict(list(kept.items())[-_KEPT_RESULTS:])
        new = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        try:
            new.write_text(json.dumps(newest), encoding="utf-8")
            new.replace(self._path)
        except OSError:
            new.unlink(missing_ok=True)

    def _read(self) -> dict[str, Any]:
        found = json.loads(self._path.read_text(encoding="utf-8"))
        if not isinstance(found, dict):
            raise TypeError
        return found


def key_of(device: Device, model_file: Path) -> str:
    """Same machine, same share of it, same library, same file: same result."""
    details = model_file.stat()
    parts = (
        LLAMA_VERSION, device.cpu_model, *device.cpu_flags, device.usable_cpus,
        details.st_size, details.st_mtime_ns, model_file.name,
    )  # fmt: skip
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]


def settle(
    steps: Steps, results: Results, key: str, usable: int, clock: Clock = time.monotonic
) -> Measured:
    """The kept result or a new one; the model is left on its plan. Never raises."""
    kept = results.find(key)
    if kept is not None and max(kept.plan.decode, kept.plan.prefill) <= usable:
        steps.use(kept.plan)
        return kept
    try:
        measured = measure(steps, usable, clock)
    except UnmeasuredError:
        plan = plan_threads(usable)
        steps.use(plan)
        steps.forget()
        return Measured(plan=plan, decode_tps={}, prefill_tps={})
    results.keep(key, measured)
    return measured
