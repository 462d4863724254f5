# SPDX-License-Identifier: Apache-2.0
"""Measures an engine with a real model: `python -m local_engine.bench.engine`.

`nearward bench engine` runs it. It takes some eight minutes, on a machine that should be idle:

  streams_N       tokens a second of N answers together, from the moment all run to the first end
  overhead        share of a step that is not llama.cpp's decode: Python and the samplers
  first_token_s   after a prompt of 1,000 tokens, cold, and with its beginning kept
  gap_s           the longest wait for a token in 4 answers beside a prompt of 4,000 tokens, and
                  how many of them still ran when it had been read
  cancel_s        from `cancel` in the middle of that prompt to the end of the request
  drafts          seconds of a token without drafts over those with, on copying and on free prompts;
                  what a step costs by its rows, and how many tokens are drafted behind which match
  identity        greedy answers that are the same with drafts and without; where others part
  busy_core       tokens a second beside a program that keeps one core busy, and the threads taken
  roofline        tokens a second of one answer over what memory allows, and why (roofline.py)

With --data the copying prompts are notes, JSON and code from that folder (prompts.py). Progress
goes to stderr; the last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from contextlib import AbstractContextManager
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from itertools import pairwise
from pathlib import Path
from typing import Any

from local_engine.backend import Backend
from local_engine.bench import MODEL_NAME, drafts, prompts, roofline, threads
from local_engine.bench.llama_server import LlamaServerBackend
from local_engine.bench.watch import ask, running
from local_engine.device import plan_threads, probe
from local_engine.errors import LibraryMissingError, LocalEngineError
from local_engine.line import LineEngine
from local_engine.llama_api import LlamaRuntime, RuntimeConfig, load_bindings
from local_engine.llamacpp import LlamaCppBackend
from local_engine.profile import ModelProfile
from local_engine.store.manifest import manifests, models_folder
from local_engine.xllamacpp import XllamaCppBackend

_ENGINES = ("llamacpp", "xllamacpp", "llama-server")
_IDENTITY_TOKENS = 48
# Four answers of so many, and the prompt of 4,000, fill the cells of all.
_BESIDE_TOKENS = 1_400


def filled(engine: LineEngine, tokens: int, first: str) -> str:
    """A prompt of nearly so many tokens that begins with `first`."""
    each = engine.count_tokens(prompts.FILLER)
    return first + prompts.FILLER * (tokens // each)


def _streams(engine: LineEngine, count: int, most: int = 96) -> float:
    watches = [
        ask(engine, f"{count}.{n} {prompts.FREE[n % 3]} Make it long.", most)[1]
        for n in range(count)
    ]
    for watch in watches:
        watch.finish()
    begin, end = max(w.at[0] for w in watches), min(w.at[-1] for w in watches)
    drawn = sum(begin < at <= end for watch in watches for at in watch.at)
    return drawn / (end - begin)


def _first_token_s(engine: LineEngine, prompt: str) -> float:
    began = time.perf_counter()
    _, watch = ask(engine, prompt, 1)
    watch.begin()
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
    """Streams as long as cells are left, beside the prompt; then the prompt again, given up."""
    running = [ask(engine, f"{n}. {prompts.FREE[n % 3]}", _BESIDE_TOKENS) for n in range(4)]
    for _, watch in running:
        watch.begin()
    prompt_began = time.perf_counter()
    prompt = filled(engine, 4000, "Read. ")
    _, reading = ask(engine, prompt, 1)
    reading.finish()
    left = sum(watch.last is None for _, watch in running)
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
    figures["gap_answers_left"] = left
    return {**figures, "prefill_beside_4_s": reading.ended_at - prompt_began}


def _drafts(drafting: LineEngine, plain: LineEngine, options: argparse.Namespace) -> dict[str, Any]:
    """What drafts bring, what they cost by, and what is chosen."""
    figures: dict[str, Any] = {}
    for kind, asked in (("copying", options.copying), ("free", prompts.FREE)):
        _say(f"drafts, {kind}: {len(asked)} prompts")
        ratios = drafts.gain(drafting, plain, asked, options.rounds)
        figures[f"drafts_{kind}"] = statistics.median(ratios)
        figures[f"drafts_{kind}_least"] = min(ratios)
    status = drafting.status()
    figures["row_cost_ms"] = {rows: round(cost_s * 1e3, 2) for rows, cost_s in status.row_cost_s}
    figures["drafts_chosen"] = {choice.match: choice.tokens for choice in status.drafts}
    figures["drafts_accepted"] = status.accepted_tokens / max(1, status.drafted_tokens)
    return figures


def _identity(options: argparse.Namespace) -> dict[str, Any]:
    """One answer after the other over cells in order: what company changes is not the drafts'."""
    _say(f"identity: {options.prompts} prompts with drafts and without")
    with (
        _engine("llamacpp", options, may_draft=True, is_alone=True) as drafting,
        _engine("llamacpp", options, may_draft=False, is_alone=True) as plain,
    ):
        varied = prompts.varied(options.prompts)
        found = drafts.compare(drafting, plain, varied, _IDENTITY_TOKENS, _say)
    return {f"identity_{name}": getattr(found, name) for name in found.__dataclass_fields__}


def _engine(
    kind: str, options: argparse.Namespace, *, may_draft: bool, is_alone: bool = False
) -> AbstractContextManager[LineEngine]:
    decode, prefill = options.threads
    config = RuntimeConfig(
        model_file=options.model, n_ctx=5120, n_batch=256, slots=8, cells=10240,
        decode_threads=decode, prefill_threads=prefill, may_draft=may_draft,
    )  # fmt: skip
    if is_alone:
        config = replace(config, n_ctx=512, cells=0, n_batch=48, slots=1, kept_cells=0)
    profile = manifests()[MODEL_NAME].profile
    return running(
        LineEngine(lambda: _backend(kind, config, profile, options.llama_server), profile)
    )


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
    return backend


def _build(kind: str, program: Path | None) -> str:
    """Which engine it is, and for which processor it was made."""
    if kind == "llama-server":
        done = subprocess.run(
            [str(program), "--version"], capture_output=True, text=True, check=True
        )
        return " ".join((done.stdout + done.stderr).split())
    if kind == "xllamacpp":
        try:
            return f"xllamacpp {version('xllamacpp')}"
        except PackageNotFoundError:
            raise LibraryMissingError("xllamacpp is not installed") from None
    system = load_bindings().llama_print_system_info().decode()
    return f"llama-cpp-python {version('llama-cpp-python')}: {system.strip(' |')}"


def _measure(kind: str, options: argparse.Namespace) -> dict[str, Any]:
    decode, prefill = options.threads
    figures: dict[str, Any] = {"build": _build(kind, options.llama_server)}
    figures |= {"file": options.model.name, "decode_threads": decode, "prefill_threads": prefill}
    with _engine(kind, options, may_draft=False) as engine:
        figures |= _together(engine, options.rounds)
        if options.streams_only:
            return figures
        backend = engine._backend
        if isinstance(backend, LlamaCppBackend):
            figures["overhead"] = 1 - backend.gauges.decode_s / backend.gauges.busy_s
        _say("a prompt of 1,000 tokens, cold and kept; one of 4,000 beside 4 answers")
        figures |= _prefix(engine)
        figures |= _gap(engine)
        if kind == "llamacpp":
            with _engine(kind, options, may_draft=True) as drafting:
                figures |= _drafts(drafting, engine, options)
    if kind == "llamacpp":
        figures |= _identity(options)
        _say("beside a busy core")
        figures |= threads.measure(options.model)
        _say("what memory and the core allow")
        figures |= roofline.measure(options.model, decode, _say)
    return figures


def _together(engine: LineEngine, rounds: int) -> dict[str, float]:
    _streams(engine, 1, 16)
    figures: dict[str, float] = {}
    for count in (1, 4, 8):
        _say(f"{count} answers together")
        rates = [_streams(engine, count) for _ in range(rounds)]
        figures[f"streams_{count}"] = statistics.median(rates)
    return figures


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")


def _rounded(value: Any) -> Any:
    return round(value, 4) if isinstance(value, float) else value


def _threads(text: str) -> tuple[int, int]:
    """Two numbers with a comma, or "auto"."""
    if text == "auto":
        planned = plan_threads(probe().usable_cpus)
        return planned.decode, planned.prefill
    decode, prefill = (int(number) for number in text.split(","))
    if min(decode, prefill) < 1:
        raise ValueError
    return decode, prefill


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local_engine.bench.engine", description=__doc__
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--model", type=Path, default=models_folder() / manifests()[MODEL_NAME].file
    )
    parser.add_argument(
        "--threads",
        type=_threads,
        default="auto",
        metavar="N,N",
        help="for single tokens, for prompts; auto: half of the cores, and all",
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--streams-only", action="store_true", help="one, four, eight answers")
    parser.add_argument("--prompts", type=int, default=200, help="for identity, at most 200")
    parser.add_argument("--data", type=Path, help="a folder with texts to copy", metavar="FOLDER")
    parser.add_argument("--engine", choices=_ENGINES, default="llamacpp")
    parser.add_argument("--llama-server", type=Path, help="the peer's program", metavar="PATH")
    return parser


def main() -> None:
    """Measure and print."""
    parser = _parser()
    options = parser.parse_args()
    if options.engine == "llama-server" and options.llama_server is None:
        parser.error("--engine llama-server needs --llama-server PATH")
    try:
        options.copying = prompts.copying(options.data)
    except (OSError, ValueError, KeyError) as error:
        parser.error(f"--data: no texts to copy there ({type(error).__name__})")
    try:
        figures = _measure(options.engine, options)
    except (LocalEngineError, OSError) as error:
        raise SystemExit(f"local engine: {error}") from None
    rounded = {name: _rounded(value) for name, value in figures.items()}
    sys.stdout.write(json.dumps(rounded) + "\n")


if __name__ == "__main__":
    main()
