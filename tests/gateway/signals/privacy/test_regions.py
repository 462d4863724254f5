# SPDX-License-Identifier: Apache-2.0
"""Searching around triggers finds just what searching everywhere finds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.signals.privacy import recognisers
from gateway.signals.privacy.detector import GATES, TRIGGERS
from gateway.signals.privacy.found import lowered, narrow
from gateway.signals.privacy.prefilter import Places, Prefilter, Re2Prefilter, build_prefilter
from gateway.signals.privacy.recognisers import RECOGNISERS, Document, RecogniserStage
from gateway.signals.privacy.regions import MARGIN_CHARS

PREFILTER = build_prefilter(TRIGGERS, len(RECOGNISERS), GATES)
STAGE = RecogniserStage(PREFILTER)
ENGINES = (PREFILTER, Re2Prefilter(TRIGGERS, len(RECOGNISERS), GATES))
DATA = Path(__file__).parents[5] / "shared/data/privacy/dev"

FRAGMENTS = [
    *("the ward round went on ", "Tuesday ", "and then ", ". ", ", ", "\n", " - ", "12 ", "x" * 40),
    *("patient ", "Patient John Miller ", "mr. ", "Dr. Jane Roe", "my wife Anna", "named ", "Re: "),
    *("MRN 48213377", "mrn", "SSN 536-22-8145", "536-22-", "8145", "member id XQJ449812207"),
    *("(415) 555-2671", "call 4155552671", "+44 20 7946 0958", "jane.roe@example.org", "@", "://"),
    *("03/14/1961", "March 3", "2024-11-02", "aged 93", "12 Elm Street", "Boston, MA 02114", "zip"),
    *(
        "4111 1111 1111 1111",
        "4" * 30,
        "10.0.0.1",
        "fe80::1",
        "password: hunter22x",
        "Jane Roe, DOB",
        "José Núñez, ",
    ),
]
texts = st.lists(st.sampled_from(FRAGMENTS), min_size=10, max_size=400).map("".join)


def everywhere(text: str, hits: int) -> set[tuple[int, int, str]]:
    """What the exact patterns find when each reads the whole text."""
    both = text, lowered(text)
    found = recognisers._run(both, recognisers.possible(hits), 0, len(text), len(text))
    return {(f.start, f.end, f.kind) for f in found}


def around_triggers(text: str, hits: int, places: Places) -> set[tuple[int, int, str]]:
    """What the stage finds."""
    found = STAGE.find(Document(text, hits, places=places))
    return {(f.start, f.end, f.kind) for f in found}


@pytest.fixture(params=ENGINES, ids=["hyperscan", "re2"])
def prefilter(request: pytest.FixtureRequest) -> Prefilter:
    engine: Prefilter = request.param
    return engine


def check(text: str, prefilter: Prefilter) -> None:
    hits, places = prefilter.look(narrow(text))
    assert places is not None
    assert around_triggers(text, hits, places) == everywhere(text, hits)


def test_a_leading_trigger_reaches_no_further_than_a_line_or_two() -> None:
    """A repeat without a bound would make its region the whole text."""
    for each, (before, _) in zip(RECOGNISERS, recognisers._regions()._reaches, strict=True):
        assert before <= recognisers.OVERLAP_CHARS + MARGIN_CHARS, each.name
        assert not each.leads or before < 64, each.name


@settings(max_examples=150, deadline=None)
@given(texts)
def test_nothing_is_lost_or_made_up(text: str) -> None:
    """On random mixtures of identifiers, halves of identifiers and prose."""
    for prefilter in ENGINES:
        hits, places = prefilter.look(narrow(text))
        if places is not None:  # else too many, and the text is read in windows
            assert around_triggers(text, hits, places) == everywhere(text, hits)


@pytest.mark.skipif(not DATA.is_dir(), reason="the shared development data is not here")
@pytest.mark.parametrize("name", ["scq_dev.jsonl", "neg_dev.jsonl"])
def test_the_same_on_real_prompts(name: str, prefilter: Prefilter) -> None:
    """On prompts joined to texts of some thousand characters."""
    lines = (DATA / name).read_text(encoding="utf-8").splitlines()
    prompts = [json.loads(line)["text"] for line in lines]
    for first in range(0, len(prompts), 12):
        text = "\n".join(prompts[first : first + 12])
        check(text, prefilter)
