# SPDX-License-Identifier: Apache-2.0
"""The weights of the word classifier, and what the package's artefact is made of.

Two logistic models over the same signs, one for names and one for places: log odds are the sum of
a word's weights. `sha256` names the files for the decision record.
"""

from __future__ import annotations

import hashlib
import json
import sys
import zlib
from array import array
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from gateway.signals.privacy.features import WEIGHT_BITS, Vocabulary
from gateway.signals.privacy.lexicon import FACT_FILES, Lexicon, read_lexicon

PLACE_SHIFT = 16
DIRECTORY = Path(__file__).parent / "artefact"
FILES = ("common.bin", *FACT_FILES, "weights.bin", "model.json")


@dataclass(frozen=True, slots=True)
class Model:
    """Weights in units of 1/`scale`; a word is a name when their sum reaches `name_least`.

    Those in `vocabulary` are both models at once: that for names, plus 65,536 times the places'.
    """

    lexicon: Lexicon
    vocabulary: Vocabulary
    name_least: int
    place_least: int
    scale: float


@cache
def packaged() -> Model:
    """The model of this package, read once. Raises as `read_model` does."""
    return read_model(DIRECTORY)


def read_model(directory: Path) -> Model:
    """Raises OSError, ValueError, KeyError or zlib.error when the artefact is missing or broken."""
    head = json.loads((directory / "model.json").read_text(encoding="utf-8"))
    data = zlib.decompress((directory / "weights.bin").read_bytes())
    count = 1 << WEIGHT_BITS
    if len(data) != 2 * count:
        raise ValueError("weights.bin: wrong size")
    names, places = array("b", data[:count]), array("b", data[count:])
    lexicon = read_lexicon(directory)
    return Model(
        lexicon=lexicon,
        vocabulary=Vocabulary(lexicon, _both(names, places)),
        name_least=round(head["name_threshold"] * head["scale"]),
        place_least=round(head["place_threshold"] * head["scale"]),
        scale=head["scale"],
    )


def _both(names: array[int], places: array[int]) -> tuple[int, ...]:
    """A tuple, which gives out an element faster than an array, and which the garbage collector
    does not look through; equal numbers are one object.

    The two bytes of each place, as one number, are the place in a table of all sums.
    """
    pairs = bytearray(2 * len(names))
    pairs[::2], pairs[1::2] = names.tobytes(), places.tobytes()
    codes = array("H")
    codes.frombytes(pairs)
    if sys.byteorder == "big":
        codes.byteswap()
    signed = (*range(128), *range(-128, 0))
    sums = [name + (place << PLACE_SHIFT) for place in signed for name in signed]
    return tuple(map(sums.__getitem__, codes))


@cache
def artefact_sha256(directory: Path = DIRECTORY) -> str:
    """One hash over all files, as hexadecimal; raises OSError when one is missing."""
    digest = hashlib.sha256()
    for name in FILES:
        digest.update(hashlib.sha256((directory / name).read_bytes()).digest())
    return digest.hexdigest()
