# SPDX-License-Identifier: Apache-2.0
"""`python -m tests.local_engine.load_child`: loads each file named on stdin, decodes, says how.

One line of answer for each line: `ran`, or `refused`. No line: this process died of the file.
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path

from local_engine.engine import SamplingParams
from local_engine.errors import LocalEngineError
from local_engine.llama_api import LlamaRuntime, Run, RuntimeConfig


def try_file(path: Path) -> str:
    """Load, tokenize, decode a prompt, draw, decode one more."""
    config = RuntimeConfig(
        model_file=path, n_ctx=64, n_batch=16, slots=1, decode_threads=1, prefill_threads=1
    )
    try:
        runtime = LlamaRuntime(config)
        tokens = runtime.tokenize("Hello!", parse_special=False)[:6] or [0]
        runtime.decode([Run(0, 0, tokens, 1)], abort=None)
        last = len(tokens) - 1
        token = runtime.draw(runtime.new_sampler(SamplingParams(temperature=0)), last)
        runtime.piece(token)
        runtime.is_end(token)
        runtime.decode([Run(0, len(tokens), [token], 1)], abort=None)
        runtime.close()
    except LocalEngineError:
        return "refused"
    return "ran"


def main() -> None:
    """Until stdin ends."""
    resource.setrlimit(resource.RLIMIT_DATA, (1 << 30, 1 << 30))
    for line in sys.stdin:
        sys.stdout.write(try_file(Path(line.strip())) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
