# SPDX-License-Identifier: Apache-2.0
"""Training texts are labelled right, and the same seed gives the same weights."""

from __future__ import annotations

import random
import zlib
from itertools import islice
from pathlib import Path

import numpy as np

from gateway.signals.evaluation.labelled import rows_of, trained_on
from gateway.signals.privacy import Kind
from gateway.signals.privacy.features import WEIGHT_BITS
from gateway.signals.privacy.model import packaged
from gateway.signals.privacy.run import NAME, NEITHER, PLACE
from tests.training.privacy.examples import Text, examples, generated
from tests.training.privacy.fit import fit, write_weights
from tests.training.privacy.generate import (
    Generator,
    Prompt,
    known_people,
    known_towns,
    recased,
)

ROW = '{"id": "%s", "text": "Jane, 3", "spans": [[0, 4, "%s", "Jane"]], "src": "s"}\n'


def generator(seed: int) -> Generator:
    return Generator(random.Random(seed), known_people(), known_towns())


def test_a_tenth_is_held_back_for_ever(tmp_path: Path) -> None:
    """By the hash of the id alone: neither order nor file matter."""
    lines = [ROW % (f"row{i}", "PERSON") for i in range(1_000)]
    (tmp_path / "a.jsonl").write_text("".join(lines))
    (tmp_path / "b.jsonl").write_text("".join(reversed(lines)))
    held = [row.id for row in rows_of(tmp_path) if row.is_held_back]

    assert sorted(held[: len(held) // 2]) == sorted(held[len(held) // 2 :])
    assert 70 <= len(held) / 2 <= 130
    assert not {row.id for row in trained_on(tmp_path)} & set(held)


def test_labels_become_kinds(tmp_path: Path) -> None:
    """Known labels have a kind; a row with none that has one is neither positive nor clean."""
    rows = [ROW % ("a", "PERSON"), ROW % ("b", "TITLE"), ROW % ("c", "GPE")]
    (tmp_path / "a.jsonl").write_text("".join(rows))
    person, title, place = rows_of(tmp_path)

    assert [gold.kind for gold in person.identifiers] == [Kind.NAME]
    assert (person.is_positive, title.is_positive, place.is_positive) == (True, None, None)
    assert place.spans[0].may_be_place


def test_slots_are_labelled_where_they_stand() -> None:
    """Names and places, whatever was put in, and nothing else."""
    prompt = generator(1).fill("{N} lives in {T}, {C}, sees Dr {L}")
    text, (name, town, doctor) = prompt.text, prompt.spans

    assert text[name[1] : town[0]] == " lives in "
    assert text[doctor[0] - 3 : doctor[0]] == "Dr " and doctor[1] == len(text)
    assert [name[2], town[2], doctor[2]] == ["NAME", "GEO", "NAME"]


def test_another_case_keeps_the_labels() -> None:
    """Copies in small letters or capitals have the same places."""
    draw, copies = random.Random(2), []
    for _ in range(50):
        copies += list(recased(Prompt("ask Jane Roe today", ((4, 12, "NAME"),)), draw))

    assert {copy.text[4:12] for copy in copies} == {"Jane Roe", "jane roe", "JANE ROE"}
    assert {copy.spans for copy in copies} == {((4, 12, "NAME"),)}


def test_the_same_seed_draws_the_same_texts() -> None:
    """Two runs make the same prompts."""
    first, second = (
        [text.prompt for text in islice(generated(random.Random(5), generator(5)), 200)]
        for _ in range(2)
    )

    assert first == second


def test_examples_label_words_and_skip_what_is_not_known() -> None:
    """In a partly labelled text a word that could be a name teaches nothing."""
    lexicon, draw = packaged().lexicon, random.Random(6)
    prompt = Prompt("Maria told Zorvanek of Kutaisi", ((11, 19, "NAME"), (23, 30, "GEO")))
    whole = [each.label for each in examples([Text(prompt)], lexicon, draw)]
    partial = [each.label for each in examples([Text(prompt, is_partial=True)], lexicon, draw)]

    assert whole == [NEITHER, NAME, PLACE]
    assert partial == [NAME, PLACE]


def test_fitting_is_deterministic_and_learns(tmp_path: Path) -> None:
    """Same seed, same bytes; a sign of names gets weight for names and none for places."""
    signs = np.array([[1, 2], [3, 2], [1, 4], [3, 4]] * 50, dtype=np.int32)
    labels = np.array([NAME, PLACE, NAME, PLACE] * 50, dtype=np.int8)
    first, second = fit(signs, labels, 7), fit(signs, labels, 7)
    write_weights(first, (0.0, 0.0), tmp_path)
    data = zlib.decompress((tmp_path / "weights.bin").read_bytes())

    assert first.tobytes() == second.tobytes()
    assert first[0, 1] > 0.5 > -0.5 > first[0, 3]
    assert first[1, 3] > 0.5 > -0.5 > first[1, 1]
    assert len(data) == 2 << WEIGHT_BITS
