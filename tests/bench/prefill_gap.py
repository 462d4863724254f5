# SPDX-License-Identifier: Apache-2.0
"""How long a prompt of 4,000 tokens keeps four running answers waiting, step by step.

    python -m tests.bench.prefill_gap [--cpu-time] [--tokens 4000] [--every 20]
        [--model FILE] [--threads 1,2]

Prints of every 20th step with prompt tokens: where it began, how many tokens of the prompt and
of answers were in it, its seconds and its processor seconds; then the longest and the median step
as JSON. The goal is a longest step under .25 s on an idle machine.

With `--cpu-time` the engine's own clock counts the processor seconds of its thread, and everything
runs in that one thread: the chunks are then those of a machine with one idle core, whatever else
runs here. That is harder than the goal, which may use two.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from local_engine.bench.engine import filled
from local_engine.bench.watch import ask
from local_engine.line import LineEngine
from local_engine.llama_api import LlamaRuntime, Run, RuntimeConfig
from local_engine.llamacpp import LlamaCppBackend
from local_engine.store.manifest import manifests, models_folder

MANIFEST = manifests()["smollm2-135m-instruct-q4_1"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One decode: `position` is where its longest run begins."""

    position: int
    prompt_tokens: int
    answers: int
    seconds: float
    cpu_s: float


class RecordingRuntime(LlamaRuntime):
    """Notes each decode."""

    def __init__(self, config: RuntimeConfig) -> None:
        super().__init__(config)
        self.steps: list[Step] = []

    def decode(self, runs: Sequence[Run], *, abort: Callable[[], bool] | None) -> int:
        """As its parent does."""
        began, cpu_began = time.perf_counter(), time.process_time()
        code = super().decode(runs, abort=abort)
        read = [run for run in runs if len(run.tokens) > 1 or not run.outputs]
        step = Step(
            position=max((run.position for run in read), default=0),
            prompt_tokens=sum(len(run.tokens) for run in read),
            answers=len(runs) - len(read),
            seconds=time.perf_counter() - began,
            cpu_s=time.process_time() - cpu_began,
        )
        self.steps.append(step)
        return code


def _steps(options: argparse.Namespace) -> list[Step]:
    """Of the long prompt only."""
    decode, prefill = (int(number) for number in options.threads.split(","))
    config = RuntimeConfig(
        model_file=options.model, n_ctx=5120, n_batch=256, slots=8, cells=10240, may_draft=False,
        decode_threads=decode, prefill_threads=1 if options.cpu_time else prefill,
    )  # fmt: skip
    runtimes: list[RecordingRuntime] = []

    def load() -> LlamaCppBackend:
        runtimes.append(RecordingRuntime(config))
        clock = time.thread_time if options.cpu_time else time.monotonic
        backend = LlamaCppBackend(runtimes[0], MANIFEST.profile, clock=clock)
        backend.calibrate()
        return backend

    engine = LineEngine(load, MANIFEST.profile)
    engine.start().result(timeout=120)
    running = [ask(engine, f"{n}. Tell a long story about a storm.", 1500) for n in range(4)]
    for _, watch in running:
        watch.has_begun.wait(timeout=120)
    first = len(runtimes[0].steps)
    ask(engine, filled(engine, options.tokens, "Read. "), 1)[1].wait()
    found = runtimes[0].steps[first:]
    for ticket, _ in running:
        ticket.cancel()
    engine.close()
    return [step for step in found if step.prompt_tokens and step.answers]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--model", type=Path, default=models_folder() / MANIFEST.file)
    parser.add_argument("--threads", default="1,2", help="for single tokens, for prompts")
    parser.add_argument("--cpu-time", action="store_true")
    parser.add_argument("--tokens", type=int, default=4000, help="of the long prompt")
    parser.add_argument("--every", type=int, default=20)
    options = parser.parse_args()
    steps = _steps(options)
    print("position prompt answers  seconds   cpu_s")
    for step in steps[:: options.every]:
        print(
            f"{step.position:8} {step.prompt_tokens:6} {step.answers:7}"
            f" {step.seconds:8.3f} {step.cpu_s:7.3f}"
        )
    wall, cpu = ([getattr(step, name) for step in steps] for name in ("seconds", "cpu_s"))
    figures = {
        "steps": len(steps),
        "longest_s": max(wall),
        "median_s": statistics.median(wall),
        "longest_cpu_s": max(cpu),
        "median_cpu_s": statistics.median(cpu),
        "share_over_250_ms": sum(seconds > 0.25 for seconds in wall) / len(wall),
        "prefill_cpu_s": sum(cpu),
    }
    print(json.dumps({name: round(value, 4) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
