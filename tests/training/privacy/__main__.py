# SPDX-License-Identifier: Apache-2.0
"""Makes the artefact of the privacy detector.

    python -m tests.training.privacy --data DIRECTORY [--out DIRECTORY] [--seed N]

DIRECTORY is the shared data (`privacy/`, `routing/`, `text/`). Needs no network; a minute or two.
The report is written beside this file when the artefact goes into the package.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from pathlib import Path

import numpy as np

from gateway.signals.privacy.lexicon import read_lexicon
from gateway.signals.privacy.model import DIRECTORY
from tests.training.privacy.examples import examples, texts
from tests.training.privacy.fit import fit, table_of, write_weights
from tests.training.privacy.report import report
from tests.training.privacy.words import build_lexicon

# Log odds, chosen on the seen rows: lower, and the false positives rise faster than the recall.
_THRESHOLDS = (-1.7, -2.2)
_REPORT = Path(__file__).parent / "report.md"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=DIRECTORY)
    parser.add_argument("--seed", type=int, default=20261124)
    options = parser.parse_args()
    began = time.monotonic()

    def say(what: str) -> None:
        sys.stdout.write(f"{time.monotonic() - began:6.1f} s  {what}\n")
        sys.stdout.flush()

    options.out.mkdir(parents=True, exist_ok=True)
    build_lexicon(options.data, options.out)
    say("lexicon")
    lexicon = read_lexicon(options.out)
    draw = random.Random(options.seed)
    drawn = list(examples(texts(options.data, options.seed), lexicon, draw))
    signs = table_of(drawn)
    labels = np.array([each.label for each in drawn], dtype=np.int8)
    say(f"{len(labels)} words, {np.bincount(labels).tolist()} neither, name, place")
    weights = fit(signs, labels, options.seed)
    write_weights(weights, _THRESHOLDS, options.out)
    say("weights")
    if options.out == DIRECTORY:
        _REPORT.write_text(report(options.data, options.seed), encoding="utf-8")
        say(f"report: {_REPORT}")


if __name__ == "__main__":
    main()
