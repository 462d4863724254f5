# SPDX-License-Identifier: Apache-2.0
"""Greedy answers with drafts against the same without, on 200 prompts, token by token.

    python -m tests.bench.draft_identity [--drafter copies|model] [--target q4_1|f16|q8_0]
        [--draft self|q4_0] [--data FOLDER] [--prompts 200] [--tokens 48]

Drafts are forced: there is one in every step that has one, whether it pays or not. FOLDER is the
shared data folder; prompts are instructions, questions and chat from `privacy/dev/neg_dev.jsonl`,
and three of ten ask for a text of it to be repeated. Other types than the model's own Q4_1 are made
of it with llama.cpp in a temporary folder.

Both engines serve one request at a time. Where two answers differ, the first place is reported with
what lay between the two likeliest tokens there, as the engine without drafts saw it: a decode of
several rows adds up in another order than one of one row, so a near tie may fall the other way.
The last line is JSON; the exit code is 1 when a difference is no near tie.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from pathlib import Path

from local_engine.bench import drafts
from local_engine.bench.roofline import FILE_TYPES, requantized
from local_engine.bench.watch import running
from local_engine.line import LineEngine
from local_engine.llama_api import LlamaRuntime, RuntimeConfig
from local_engine.llamacpp import LlamaCppBackend
from local_engine.store.manifest import manifests, models_folder
from tests.local_engine.forced import force_drafts

MANIFEST = manifests()["smollm2-135m-instruct-q4_1"]
MODEL_FILE = models_folder() / MANIFEST.file


def made(file_type: str, folder: Path) -> Path:
    """The small model, or itself as a file of another type."""
    if file_type in ("self", "q4_1"):
        return MODEL_FILE
    return requantized(MODEL_FILE, file_type, folder)


def prompts(data: Path, count: int) -> list[str]:
    """The first so many texts of under 400 characters; three of ten to be repeated."""
    with (data / "privacy" / "dev" / "neg_dev.jsonl").open(encoding="utf-8") as lines:
        found = [text for line in lines if len(text := json.loads(line)["text"]) < 400]
    step = max(1, len(found) // count)
    return [
        f"Repeat this text word by word: {text}" if number % 10 < 3 else text
        for number, text in enumerate(found[::step][:count])
    ]


def engine(
    model: Path, *, may_draft: bool, small: Path | None = None
) -> AbstractContextManager[LineEngine]:
    """One slot, no kept prefixes."""
    config = RuntimeConfig(
        model_file=model, n_ctx=512, n_batch=48, slots=1, decode_threads=1, prefill_threads=1,
        may_draft=may_draft, kept_cells=0,
    )  # fmt: skip

    def load() -> LlamaCppBackend:
        drafter = None
        if small is not None:
            drafter = LlamaRuntime(replace(config, model_file=small))
        backend = LlamaCppBackend(LlamaRuntime(config), MANIFEST.profile, small=drafter)
        backend.calibrate()
        if may_draft:
            force_drafts(backend, copies=small is None)
        return backend

    return running(LineEngine(load, MANIFEST.profile))


def compare(options: argparse.Namespace, folder: Path) -> drafts.Identity:
    """Forced drafts against none."""
    target = made(options.target, folder)
    small = made(options.draft, folder) if options.drafter == "model" else None
    asked = prompts(options.data, options.prompts)
    with (
        engine(target, may_draft=False) as plain,
        engine(target, may_draft=True, small=small) as drafting,
    ):
        return drafts.compare(drafting, plain, asked, options.tokens, print)


def main() -> int:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--drafter", choices=("copies", "model"), default="copies")
    parser.add_argument("--target", choices=("q4_1", *FILE_TYPES), default="q4_1")
    parser.add_argument("--draft", choices=("self", *FILE_TYPES), default="self")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--prompts", type=int, default=200)
    parser.add_argument("--tokens", type=int, default=48)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nearward-drafts-") as folder:
        found = compare(options, Path(folder))
    chosen = {name: getattr(options, name) for name in ("drafter", "target", "draft")}
    print(json.dumps({**chosen, **asdict(found)}))
    return int(not found.is_explained)


if __name__ == "__main__":
    sys.exit(main())
