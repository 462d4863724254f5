# SPDX-License-Identifier: Apache-2.0
"""Fits the head of the complexity score and prints one JSON line of figures last.

    python -m tests.bench.complexity_fit LLMROUTER_CSV [--write] [--also CSV ...]

Target: mean score of the two large models minus the mean of the small ones (`gap`), ridge with
lambda 0.02 n on standardised features. The length part takes `_LENGTH_SHARE` of the spread of the
learned part. APGR is RouteLLM's: the area under the performance gap recovered, 0.5 for random.
`--also` files have columns `prompt,weak,strong` and are only tested on.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gateway.signals.complexity.features import MAX_CHARS, NAMES, features

Floats = npt.NDArray[np.float64]

LARGE = ("llama-3.1-nemotron-51b-instruct", "llama-3.3-nemotron-super-49b-v1")
SMALL = (
    "qwen2.5-7b-instruct",
    "mistral-7b-instruct-v0.3",
    "gemma-2-9b-it",
    "llama-3.1-8b-instruct",
)
PAIR = ("mistral-7b-instruct-v0.3", "llama-3.1-nemotron-51b-instruct")
_RIDGE = 0.02
_LENGTH_SHARE = 0.25
_FOLDS = 5
_KNOTS = 101
_HEAD = Path(__file__).parents[2] / "gateway/signals/complexity/head.json"


def apgr(scores: Floats, weak: Floats, strong: Floats, *, rounds: int = 20) -> float:
    """Area under PGR over the share sent to the strong model; ties broken at random."""
    random = np.random.default_rng(0)
    gain = strong - weak
    total = 0.0
    for _ in range(rounds):
        order = np.lexsort((random.random(len(scores)), -scores))
        curve = np.concatenate(([0.0], np.cumsum(gain[order]))) / gain.sum()
        total += float(np.trapezoid(curve, dx=1 / len(gain)))
    return total / rounds


def ridge(x: Floats, y: Floats) -> tuple[Floats, float]:
    """Weights and bias for raw features."""
    mean, scale = x.mean(axis=0), x.std(axis=0)
    scale[scale == 0] = 1.0
    z = (x - mean) / scale
    left = z.T @ z + _RIDGE * len(y) * np.eye(z.shape[1])
    weights = np.linalg.solve(left, z.T @ (y - y.mean())) / scale
    return weights, float(y.mean() - weights @ mean)


def blend(x: Floats, weights: Floats, bias: float) -> tuple[Floats, float]:
    """Raw scores of all rows and the weight of the length part."""
    learned = x @ weights + bias
    length = x[:, 0]
    length_weight = _LENGTH_SHARE * float(learned.std() / length.std())
    return learned + length_weight * length, length_weight


def out_of_fold(x: Floats, y: Floats, groups: npt.NDArray[np.int64]) -> Floats:
    """Each row scored by a head that has not seen its group."""
    scores = np.zeros(len(y))
    for group in np.unique(groups):
        test = groups == group
        weights, bias = ridge(x[~test], y[~test])
        _, length_weight = blend(x[~test], weights, bias)
        scores[test] = x[test] @ weights + bias + length_weight * x[test, 0]
    return scores


def matrix(prompts: list[str]) -> Floats:
    """One row of features per prompt."""
    return np.array([features(prompt) for prompt in prompts])


def column(rows: list[dict[str, str]], *names: str) -> Floats:
    """The mean of some columns."""
    return np.array([sum(float(row[name]) for name in names) / len(names) for row in rows])


def read(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file with prompts of any length."""
    csv.field_size_limit(10_000_000)
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("--write", action="store_true", help="replace head.json")
    parser.add_argument("--also", type=Path, nargs="*", default=[])
    options = parser.parse_args()
    rows = read(options.data)
    prompts = [row["prompt"] for row in rows]
    x = matrix(prompts)
    gap = column(rows, *LARGE) - column(rows, *SMALL)
    weak, strong = column(rows, PAIR[0]), column(rows, PAIR[1])
    # Equal prompts share a fold, whatever their order in the file.
    folds = np.array([zlib.crc32(prompt[:100].lower().encode()) % _FOLDS for prompt in prompts])
    tasks = np.unique([row["task"] for row in rows], return_inverse=True)[1].astype(np.int64)
    figures = {
        "rows": len(rows),
        "pair_length": apgr(x[:, 0], weak, strong),
        "pair_folds": apgr(out_of_fold(x, gap, folds), weak, strong),
        "pair_task_out": apgr(out_of_fold(x, gap, tasks), weak, strong),
        "mean_length": apgr(x[:, 0], column(rows, *SMALL), column(rows, *LARGE)),
        "mean_folds": apgr(out_of_fold(x, gap, folds), column(rows, *SMALL), column(rows, *LARGE)),
    }
    weights, bias = ridge(x, gap)
    raw, length_weight = blend(x, weights, bias)
    for path in options.also:
        other = read(path)
        z = matrix([row["prompt"] for row in other])
        targets = column(other, "weak"), column(other, "strong")
        figures[f"{path.stem}_length"] = apgr(z[:, 0], *targets)
        figures[f"{path.stem}_head"] = apgr(z @ weights + length_weight * z[:, 0], *targets)
    if options.write:
        write(weights, bias, length_weight, raw)
    sys.stdout.write(json.dumps({name: round(value, 4) for name, value in figures.items()}) + "\n")


def write(weights: Floats, bias: float, length_weight: float, raw: Floats) -> None:
    """head.json, with quantiles that grow strictly."""
    knots = np.unique(np.quantile(raw, np.linspace(0, 1, _KNOTS)).round(6))
    head = {
        "features": list(NAMES),
        "max_chars": MAX_CHARS,
        "weights": weights.round(8).tolist(),
        "bias": round(bias, 8),
        "length_weight": round(length_weight, 8),
        "quantiles": knots.tolist(),
    }
    _HEAD.write_text(json.dumps(head, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
