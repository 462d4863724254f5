# SPDX-License-Identifier: Apache-2.0
"""The on-device engine beside its peers: same file, same threads, through the same port.

    python -m tests.bench.engine_peers [--peer-path FOLDER] [--llama-server PATH]
        [--model FILE] [--threads 1,2] [--data FOLDER]

FOLDER holds xllamacpp (`pip install --target FOLDER xllamacpp`), PATH is llama.cpp's own server
(`tests.bench.llama_server_build` builds it); what is not named is left out. Each engine runs in a
process of its own (`python -m local_engine.bench.engine`, which says what the figures are), one
after the other, on a machine that should be idle; it takes some five minutes each. Rates of several
answers together are medians of `--turns`, with the engines in turn: the processor's own speed
drifts by some percent in the minutes between. The last line is JSON, with the quotients of ours
and theirs: rates above 1 and times below 1 are in our favour.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

_STREAMS = ("streams_1", "streams_4", "streams_8")


def _figures(engine: str, options: argparse.Namespace, *extra: str) -> dict[str, Any]:
    """The figures of an engine in a process of its own."""
    command = [sys.executable, "-m", "local_engine.bench.engine", "--engine", engine]
    command += ["--threads", options.threads, "--rounds", str(options.rounds)]
    command += ["--prompts", str(options.prompts), *extra]
    command += ["--model", str(options.model)] if options.model else []
    command += ["--data", str(options.data)] if options.data else []
    command += ["--llama-server", str(options.llama_server)] if options.llama_server else []
    path = str(options.peer_path) if engine == "xllamacpp" else ""
    environment = {**os.environ, "PYTHONPATH": path}
    output = subprocess.run(command, env=environment, check=True, text=True, stdout=subprocess.PIPE)
    *lines, last = output.stdout.splitlines()
    print(f"{engine}:", *lines, last, sep="\n  ", flush=True)
    return dict(json.loads(last))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--peer-path", type=Path)
    parser.add_argument("--llama-server", type=Path)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--threads", default="auto", help="for single tokens, for prompts")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--prompts", type=int, default=200, help="compared with drafts and without")
    parser.add_argument("--data", type=Path, help="a folder with texts to copy")
    options = parser.parse_args()
    peers = ["xllamacpp"] if options.peer_path else []
    peers += ["llama-server"] if options.llama_server else []
    engines = ("llamacpp", *peers)
    table: dict[str, Any] = {name: _figures(name, options) for name in engines}
    turns = [
        {name: _figures(name, options, "--streams-only") for name in engines}
        for _ in range(options.turns)
    ]
    for name, streams in product(engines, _STREAMS if turns else ()):
        table[name][streams] = statistics.median(turn[name][streams] for turn in turns)
    ours = table["llamacpp"]
    for peer in peers:
        both = [n for n, one in table[peer].items() if isinstance(one, float) and one and n in ours]
        table[f"over {peer}"] = {n: round(ours[n] / table[peer][n], 3) for n in both}
    print(json.dumps(table))


if __name__ == "__main__":
    main()
