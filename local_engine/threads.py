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
5. A measurement that other work disturbed says little, and kept it would say so for ever. The
   process's own CPU time tells: threads that had less than `QUIET` of the time that passed were
   waiting for a core. Measuring ends there, `device.plan_threads` is used as where nothing can be
   measured, and that is kept for `DISTURBED_S` only, so that restarts meanwhile cost nothing.
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
QUIET: Final = 0.85
DISTURBED_S: Final = 3600.0
DECODE_STEPS: Final = 4
PROMPT_TOKENS: Final = 32
_ROUNDS: Final = 2
_KEPT_RESULTS: Final = 64
_BUDGET_S: Final = 1.5


@dataclass(frozen=True, slots=True)
class Clocks:
    """Seconds that pass, and seconds of CPU that all threads of the process had."""

    wall: Callable[[], float] = time.perf_counter
    cpu: Callable[[], float] = time.process_time
    date: Callable[[], float] = time.time


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
    was_quiet: bool = True


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


def measure(steps: Steps, usable: int, clocks: Clocks, *, budget_s: float = _BUDGET_S) -> Measured:
    """Time the candidates, and leave the model on the choice. Begins nothing after `budget_s`.

    Candidates that the time does not reach are not chosen. Raises UnmeasuredError.
    """
    until = clocks.wall() + budget_s
    shares: list[float] = []
    prefill: dict[int, float] = {}
    decode: dict[int, float] = {}
    for threads in sorted({*candidates(usable), max(1, usable - 1)}):
        if prefill and (clocks.wall() >= until or min(shares) < QUIET):
            break
        steps.use(ThreadPlan(threads, threads))
        prefill[threads], cores = _best(steps, clocks, [PROMPT_TOKENS])
        shares.append(cores / threads)
        if threads <= max(1, usable - 1):
            decode[threads], cores = _best(steps, clocks, [1] * DECODE_STEPS)
            shares.append(cores / threads)
    was_quiet = min(shares) >= QUIET
    plan = ThreadPlan(choose(decode, DECODE_GAIN), choose(prefill, PREFILL_GAIN))
    if not was_quiet:
        plan = plan_threads(usable)
    steps.use(plan)
    steps.forget()
    return Measured(plan=plan, decode_tps=decode, prefill_tps=prefill, was_quiet=was_quiet)


def _best(steps: Steps, clocks: Clocks, sizes: Sequence[int]) -> tuple[float, float]:
    """Tokens per second of these decodes in the best of a few rounds, and cores that it had."""
    best_s, cores = math.inf, 0.0
    for _ in range(_ROUNDS):
        steps.forget()
        position, began, cpu_began = 0, clocks.wall(), clocks.cpu()
        for size in sizes:
            if not steps.run(size, position):
                raise UnmeasuredError
            position += size
        took_s = max(clocks.wall() - began, 1e-9)
        if took_s < best_s:
            best_s, cores = took_s, (clocks.cpu() - cpu_began) / took_s
    return sum(sizes) / best_s, cores


class UnmeasuredError(Exception):
    """A decode failed; the engine says more when it is used."""


class Results:
    """What was measured before: a small JSON file, whole or not at all."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def find(self, key: str, date: float) -> Measured | None:
        """The result under a key; None when there is none that can be read, or is too old."""
        try:
            found = self._read()[key]
            decode, prefill = found["plan"]
            was_quiet = bool(found["was_quiet"])
            if not was_quiet and not 0 <= date - found["date"] < DISTURBED_S:
                return None
            return Measured(
                plan=ThreadPlan(int(decode), int(prefill)),
                decode_tps={int(n): float(v) for n, v in found["decode_tps"].items()},
                prefill_tps={int(n): float(v) for n, v in found["prefill_tps"].items()},
                was_kept=True,
                was_quiet=was_quiet,
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def keep(self, key: str, measured: Measured, date: float) -> None:
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
            "was_quiet": measured.was_quiet,
            "date": date,
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
    steps: Steps, results: Results, key: str, usable: int, clocks: Clocks | None = None
) -> Measured:
    """The kept result or a new one; the model is left on its plan. Never raises."""
    clocks = clocks or Clocks()
    kept = results.find(key, clocks.date())
    if kept is not None and max(kept.plan.decode, kept.plan.prefill) <= usable:
        steps.use(kept.plan)
        return kept
    try:
        measured = measure(steps, usable, clocks)
    except UnmeasuredError:
        plan = plan_threads(usable)
        steps.use(plan)
        steps.forget()
        return Measured(plan=plan, decode_tps={}, prefill_tps={})
    results.keep(key, measured, clocks.date())
    return measured
