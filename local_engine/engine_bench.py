# SPDX-License-Identifier: Apache-2.0
"""Measures an engine with a real model: `python -m local_engine.engine_bench`.

`nearward bench engine` runs it. It takes some three minutes, on a machine that should be idle:

  streams_N       tokens a second of N answers together, from the moment all run to the first end
  overhead        share of a step that is not llama.cpp's decode: Python and the samplers
  first_token_s   after a prompt of 1,000 tokens, cold, and with its beginning kept
  gap_s           the longest wait for a token in 4 answers beside a prompt of 4,000 tokens
  cancel_s        from `cancel` in the middle of that prompt to the end of the request
  drafts          tokens a second with drafts over without, on copying and on free prompts
  roofline        tokens a second of one answer over what memory allows, Q8_0 and Q4_0 (roofline.py)

The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from local_engine import roofline
from local_engine.backend import Backend
from local_engine.engine import (
    ChatMessage,
    Done,
    Event,
    Failed,
    GenerationRequest,
    Role,
    SamplingParams,
    Ticket,
    Token,
)
from local_engine.errors import LocalEngineError
from local_engine.line import LineEngine
from local_engine.llama_api import LlamaRuntime, RuntimeConfig
from local_engine.llama_server import LlamaServerBackend
from local_engine.llamacpp import LlamaCppBackend
from local_engine.profile import ModelProfile
from local_engine.store.manifest import manifests, models_folder
from local_engine.xllamacpp import XllamaCppBackend

_ENGINES = ("llamacpp", "xllamacpp", "llama-server")
_NAME = "smollm2-135m-instruct-q4_1"
_FILLER = "The clinic opens at eight and the team meets before the first visit. "
_LIST = "\n".join(
    f'{{"id": {n}, "bed": "{n % 7}A", "ward": "north", "state": "ok"}}' for n in range(9)
)
_CODE = "".join(f"def step_{n}(value):\n    return value + {n}\n\n" for n in range(7))
_COPYING = (
    f"Repeat this text exactly:\n{_FILLER * 6}",
    f"Write this list again, each line unchanged:\n{_LIST}",
    f"Write this code again and change nothing:\n{_CODE}",
)
_FREE = (
    "Tell a long story about a lighthouse and a storm.",
    "Explain how a river is born and where it ends.",
    "Describe a market in a small town in the morning.",
)


class Watch:
    """A sink that notes when events come."""

    def __init__(self) -> None:
        self.at: list[float] = []
        self.last: Done | Failed | None = None
        self.has_begun = threading.Event()
        self._has_ended = threading.Event()

    def __call__(self, event: Event) -> None:
        now = time.perf_counter()
        if isinstance(event, Token):
            self.at.append(now)
            self.has_begun.set()
        else:
            self.last = event
            self.ended_at = now
            self.has_begun.set()
            self._has_ended.set()

    def wait(self, timeout_s: float = 300.0) -> Watch:
        """Until the end."""
        assert self._has_ended.wait(timeout_s), "no end"
        return self


def ask(engine: LineEngine, prompt: str, most: int) -> tuple[Ticket, Watch]:
    """A greedy request of at most so many tokens."""
    watch = Watch()
    request = GenerationRequest(
        request_id="bench",
        messages=(ChatMessage(Role.USER, prompt),),
        sampling=SamplingParams(temperature=0),
        max_tokens=most,
    )
    return engine.submit(request, watch), watch


def filled(engine: LineEngine, tokens: int, first: str) -> str:
    """A prompt of nearly so many tokens that begins with `first`."""
    each = engine.count_tokens(_FILLER)
    return first + _FILLER * (tokens // each)


def _streams(engine: LineEngine, count: int, most: int = 96) -> float:
    watches = [
        ask(engine, f"{count}.{n} {_FREE[n % 3]} Make it long.", most)[1] for n in range(count)
    ]
    for watch in watches:
        watch.wait()
    begin, end = max(w.at[0] for w in watches), min(w.at[-1] for w in watches)
    drawn = sum(begin < at <= end for watch in watches for at in watch.at)
    return drawn / (end - begin)


def _first_token_s(engine: LineEngine, prompt: str) -> float:
    began = time.perf_counter()
    _, watch = ask(engine, prompt, 1)
    watch.has_begun.wait(timeout=120)
    return time.perf_counter() - began


def _prefix(engine: LineEngine) -> dict[str, float]:
    cold, warm = [], []
    for number in range(2):
        prompt = filled(engine, 1000, f"Note {number}. ")
        cold.append(_first_token_s(engine, prompt))
        warm.append(_first_token_s(engine, prompt + "What time is that?"))
    figures = {"first_token_cold_s": min(cold), "first_token_warm_s": min(warm)}
    return {**figures, "first_token_ratio": min(warm) / min(cold)}


def _gap(engine: LineEngine) -> dict[str, float]:
    """Streams long enough to last through the prompt; then the prompt again, given up."""
    running = [ask(engine, f"{n}. {_FREE[n % 3]}", 1000) for n in range(4)]
    for _, watch in running:
        watch.has_begun.wait(timeout=60)
    prompt_began = time.perf_counter()
    prompt = filled(engine, 4000, "Read. ")
    _, reading = ask(engine, prompt, 1)
    reading.wait()
    for ticket, _ in running:
        ticket.cancel()
    gaps = [
        later - earlier
        for _, watch in running
        for earlier, later in pairwise(watch.wait().at)
        if prompt_began <= later <= reading.ended_at
    ]
    ticket, given_up = ask(engine, filled(engine, 4000, "Again, from the start. "), 1)
    time.sleep(1.5)
    began = time.perf_counter()
    ticket.cancel()
    cancel_s = given_up.wait().ended_at - began
    figures = {"gap_s": max(gaps), "gap_median_s": statistics.median(gaps), "cancel_s": cancel_s}
    return {**figures, "prefill_beside_4_s": reading.ended_at - prompt_began}


def _drafts(with_drafts: LineEngine, without: LineEngine, rounds: int) -> dict[str, float]:
    """Both engines in turn on the same prompt; tokens are the same, so seconds are compared."""
    figures = {}
    for kind, prompts in (("copying", _COPYING), ("free", _FREE)):
        ratios = [
            statistics.median(
                _token_s(without, prompt) / _token_s(with_drafts, prompt) for _ in range(rounds)
            )
            for prompt in prompts
        ]
        figures[f"drafts_{kind}"] = statistics.median(ratios)
        figures[f"drafts_{kind}_least"] = min(ratios)
    status = with_drafts.status()
    figures["drafts_accepted"] = status.accepted_tokens / max(1, status.drafted_tokens)
    return figures


def _token_s(engine: LineEngine, prompt: str) -> float:
    watch = ask(engine, prompt, 128)[1].wait()
    assert isinstance(watch.last, Done)
    return watch.last.timings.decode_s / watch.last.usage.completion_tokens


@contextmanager
def _engine(kind: str, options: argparse.Namespace, *, drafts: bool) -> Iterator[LineEngine]:
    decode, prefill = (int(number) for number in options.threads.split(","))
    config = RuntimeConfig(
        model_file=options.model, n_ctx=5120, n_batch=256, slots=8, cells=10240,
        decode_threads=decode, prefill_threads=prefill, may_draft=drafts,
    )  # fmt: skip
    profile = manifests()[_NAME].profile
    engine = LineEngine(lambda: _backend(kind, config, profile, options.llama_server), profile)
    engine.start().result(timeout=120)
    try:
        yield engine
    finally:
        engine.close()


def _backend(
    kind: str, config: RuntimeConfig, profile: ModelProfile, program: Path | None
) -> Backend:
    if kind == "llama-server":
        assert program is not None, "checked with the options"
        return LlamaServerBackend(program, config)
    if kind == "xllamacpp":
        return XllamaCppBackend.load(config)
    backend = LlamaCppBackend(LlamaRuntime(config), profile)
    backend.calibrate()
    costs = {rows: round(seconds * 1e3, 1) for rows, seconds in backend.curve.points.items()}
    sys.stdout.write(f"cost of a step by its rows, ms: {costs}\n")
    return backend


def _measure(kind: str, options: argparse.Namespace) -> dict[str, float]:
    figures: dict[str, float] = {}
    with _engine(kind, options, drafts=False) as engine:
        _streams(engine, 1, 16)
        for count in (1, 4, 8):
            rates = [_streams(engine, count) for _ in range(options.rounds)]
            figures[f"streams_{count}"] = statistics.median(rates)
        backend = engine._backend
        if isinstance(backend, LlamaCppBackend):
            figures["overhead"] = 1 - backend.gauges.decode_s / backend.gauges.busy_s
        figures |= _prefix(engine)
        figures |= _gap(engine)
        if kind == "llamacpp":
            with _engine(kind, options, drafts=True) as drafting:
                figures |= _drafts(drafting, engine, options.rounds)
    if kind == "llamacpp":
        figures |= roofline.measure(options.model, int(options.threads.split(",")[0]))
    return figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m local_engine.engine_bench", description=__doc__
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--model", type=Path, default=models_folder() / manifests()[_NAME].file)
    parser.add_argument("--threads", default="1,2", help="for single tokens, for prompts")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--engine", choices=_ENGINES, default="llamacpp")
    parser.add_argument("--llama-server", type=Path, help="the peer's program", metavar="PATH")
    options = parser.parse_args()
    if options.engine == "llama-server" and options.llama_server is None:
        parser.error("--engine llama-server needs --llama-server PATH")
    try:
        figures = _measure(options.engine, options)
    except LocalEngineError as error:
        raise SystemExit(f"local engine: {error.message}") from None
    rounded = {name: round(value, 4) for name, value in figures.items()}
    sys.stdout.write(json.dumps(rounded) + "\n")


if __name__ == "__main__":
    main()
