# SPDX-License-Identifier: Apache-2.0
"""Fits the two logistic models and writes their weights, rounded to a byte each.

AdaGrad (Duchi, Hazan and Singer 2011) on minibatches, in an order drawn from the seed. The same
seed, data and version of NumPy give the same bytes.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gateway.signals.privacy.features import WEIGHT_BITS
from gateway.signals.privacy.run import NAME, PLACE
from tests.training.privacy.examples import Example

_EPOCHS = 10
_AVERAGED = 5  # last epochs whose weights are averaged: one epoch's depend on its order
_BATCH = 1_024
_LEAST_SEEN = 3  # signs that are rarer say nothing about other texts
# Share of the signs of a word that one step does not see, so that no few of them decide alone
# (dropout; Srivastava et al. 2014): text written later shares some signs with these, never all.
_DROPPED = 0.4
_RATE = 0.15
_DECAY = 2e-6
_SCALE = 20.0  # weights beyond 127 / 20 are cut; fewer than one in a thousand are

Signs = npt.NDArray[np.int32]
Labels = npt.NDArray[np.int8]
Weights = npt.NDArray[np.float32]


def table_of(drawn: Sequence[Example]) -> Signs:
    """One row for each example, filled up with the position of no weight."""
    table = np.full(
        (len(drawn), max(len(each.signs) for each in drawn)), 1 << WEIGHT_BITS, np.int32
    )
    for row, each in zip(table, drawn, strict=True):
        row[: len(each.signs)] = each.signs
    return table


def fit(signs: Signs, labels: Labels, seed: int) -> Weights:
    """Two rows of weights: for names, for places."""
    order = np.random.default_rng(seed)
    dummy = 1 << WEIGHT_BITS
    seen = np.bincount(signs.ravel(), minlength=dummy + 1) >= _LEAST_SEEN
    seen[dummy] = False
    weights = np.zeros((2, dummy + 1), dtype=np.float32)
    squares = np.full_like(weights, 1e-6)
    targets = np.stack([labels == NAME, labels == PLACE]).astype(np.float32)
    sums = np.zeros_like(weights)
    for epoch in range(_EPOCHS):
        shuffled = order.permutation(len(labels))
        for first in range(0, len(shuffled), _BATCH):
            batch = shuffled[first : first + _BATCH]
            columns = signs[batch]
            columns = np.where(order.random(columns.shape) < _DROPPED, dummy, columns)
            for row in (0, 1):
                odds = weights[row][columns].sum(axis=1)
                error = 1.0 / (1.0 + np.exp(-odds)) - targets[row, batch]
                gradient = np.bincount(
                    columns.ravel(),
                    weights=np.repeat(error, columns.shape[1]),
                    minlength=weights.shape[1],
                ).astype(np.float32)
                gradient *= seen
                gradient += _DECAY * len(batch) * weights[row]
                squares[row] += gradient**2
                weights[row] -= _RATE * gradient / np.sqrt(squares[row])
        if epoch >= _EPOCHS - _AVERAGED:
            sums += weights
    return sums[:, :dummy] / np.float32(_AVERAGED)


def write_weights(weights: Weights, thresholds: tuple[float, float], directory: Path) -> None:
    """weights.bin and model.json."""
    whole = np.clip(np.rint(weights * _SCALE), -127, 127).astype(np.int8)
    (directory / "weights.bin").write_bytes(zlib.compress(whole.tobytes(), 9))
    head = {"scale": _SCALE, "name_threshold": thresholds[0], "place_threshold": thresholds[1]}
    (directory / "model.json").write_text(json.dumps(head, indent=1) + "\n", encoding="utf-8")
