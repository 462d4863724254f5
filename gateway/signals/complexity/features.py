# SPDX-License-Identifier: Apache-2.0
"""Cheap properties of a prompt: lengths, numbers, signs, and words that tell of a kind of task.

Only the first `MAX_CHARS` characters are read, and only with built-ins that run in C.
"""

from __future__ import annotations

import math
import re

MAX_CHARS = 4_000

NAMES = (
    "log_chars",
    "log_words",
    "mean_word",
    "longest_word",
    "distinct_share",
    "long_word_share",
    "numbers",
    "log_numbers",
    "numbers_per_word",
    "log_largest_number",
    "code_cues",
    "math_cues",
    "reasoning_cues",
    "constraint_cues",
    "negations",
    "has_easy_opening",
    "questions",
    "log_lines",
    "percents",
    "dollars",
    "commas",
    "dots",
    "brackets",
    "sentence_ends",
    "operator_share",
    "has_options",
    "non_ascii_share",
    "upper_share",
)

_FAMILIES = (
    "def class import return function python java javascript sql code algorithm array regex compile"
    " debug bug api assert",
    "sum product integer equation solve triangle probability percent ratio average prime integral"
    " derivative matrix theorem polynomial sqrt frac mod angle radius area total remainder",
    "why prove explain reason because therefore compare analyze analyse step steps if derive deduce"
    " infer logic conclude assume suppose",
    "must exactly least most only json format words without each ensure table list include",
    "not no never none neither nor cannot",
)
_FAMILY_OF = {word: i for i, family in enumerate(_FAMILIES) for word in family.split()}
_WORD = re.compile(r"[a-z]+")
_NOT_UPPER = bytes(code for code in range(256) if not 65 <= code <= 90)
_NUMBER = re.compile(r"[0-9]+")
_OPTIONS = re.compile(r"(?m)^[ \t]*\(?[aA][).:][ \t].{0,400}?^[ \t]*\(?[bB][).:][ \t]", re.DOTALL)
_EASY = re.compile(
    r"\s*(?:hi\b|hello\b|hey\b|thanks|what is|what's|who is|who was|when (?:is|was|did)|where is"
    r"|translate|define|spell|capital of)",
    re.IGNORECASE,
)
_OPERATORS = "+-*/=<>^|&\\"
_LARGEST_DIGITS = 18  # a longer run of digits is no quantity


def features(text: str) -> tuple[float, ...]:
    """The values of `NAMES`, in that order; finite for any text."""
    text = text[:MAX_CHARS]
    chars = len(text) or 1
    lowered = text.lower()
    words = lowered.split()
    count = len(words) or 1
    lengths = list(map(len, words)) or [0]
    numbers = _NUMBER.findall(text)
    largest = max(map(_quantity, numbers), default=0)
    cues = _cue_counts(lowered)
    commas, dots, questions = text.count(","), text.count("."), text.count("?")
    return (
        math.log1p(len(text)),
        math.log1p(len(words)),
        sum(lengths) / count,
        float(min(max(lengths), 40)),
        len(set(words)) / count,
        sum(map((8).__lt__, lengths)) / count,
        float(min(len(numbers), 60)),
        math.log1p(len(numbers)),
        len(numbers) / count,
        math.log1p(largest),
        *(math.log1p(cue) for cue in cues),
        float(_EASY.match(text) is not None),
        math.log1p(questions),
        math.log1p(text.count("\n")),
        math.log1p(text.count("%")),
        math.log1p(text.count("$")),
        math.log1p(commas),
        math.log1p(dots),
        math.log1p(text.count("(")),
        math.log1p(questions + text.count(". ") + text.count("!")),
        sum(map(text.count, _OPERATORS)) / chars,
        float(_OPTIONS.search(text) is not None),
        _non_ascii(text) / chars,
        _upper(text) / chars,
    )


def _quantity(digits: str) -> int:
    return int(digits[:_LARGEST_DIGITS])


def _cue_counts(lowered: str) -> list[int]:
    counts = [0] * len(_FAMILIES)
    for word in _FAMILY_OF.keys() & set(tokens := _WORD.findall(lowered)):
        counts[_FAMILY_OF[word]] += tokens.count(word)
    return counts


def _non_ascii(text: str) -> int:
    return 0 if text.isascii() else len(text) - len(text.encode("ascii", "ignore"))


def _upper(text: str) -> int:
    """ASCII capitals."""
    return len(text.encode("ascii", "ignore").translate(None, _NOT_UPPER))
