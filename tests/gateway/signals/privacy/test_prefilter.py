# SPDX-License-Identifier: Apache-2.0
"""The two engines agree, and no recogniser finds what the prefilter had ruled out."""

from __future__ import annotations

import sys
import threading
from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.signals.privacy import normalise
from gateway.signals.privacy.detector import GATES, TRIGGERS
from gateway.signals.privacy.digits import SPELLED_OPENERS
from gateway.signals.privacy.found import Recogniser, lowered, narrow
from gateway.signals.privacy.prefilter import HyperscanPrefilter, Re2Prefilter, build_prefilter
from gateway.signals.privacy.recognisers import RECOGNISERS
from tests.gateway.signals.privacy.test_recognisers import CLEAN, FOUND

pytest.importorskip("hyperscan")
HYPERSCAN = HyperscanPrefilter(TRIGGERS, gates=GATES)
HYPERSCAN.hits(b"")  # compiles its second database, which takes longer than a test may
RE2 = Re2Prefilter(TRIGGERS, gates=GATES)
PIECES = [marked.replace("[", "").replace("]", "") for _, marked in FOUND] + CLEAN
TEXTS = st.one_of(
    st.text(max_size=60),
    st.lists(st.sampled_from([*PIECES, *" \n.,:-'Aa1", "É", "ñ"]), max_size=4).map("".join),
    st.sampled_from(RECOGNISERS).flatmap(lambda each: st.from_regex(each.pattern)),
)


def matches(each: Recogniser, text: str) -> bool:
    """Whether the exact pattern does."""
    return each.pattern.search(lowered(text) if each.is_lowered else text) is not None


@given(TEXTS)
def test_both_engines_answer_the_same(text: str) -> None:
    """Hyperscan and RE2 set the same bits."""
    data = text.encode("utf-8", "replace")

    assert HYPERSCAN.hits(data) == RE2.hits(data)


@given(TEXTS)
def test_the_prefilter_is_a_superset(text: str) -> None:
    """Where an exact pattern matches, its trigger matched."""
    hits = HYPERSCAN.hits(narrow(text))
    for number, each in enumerate(RECOGNISERS):
        if matches(each, text):
            assert hits >> number & 1, each.name


# A pattern that looks behind at its own first digit cannot be generated from.
_GENERATED = [at for at, each in enumerate(RECOGNISERS) if each.name != "date_iso"]


@pytest.mark.parametrize("number", _GENERATED, ids=lambda at: RECOGNISERS[at].name)
def test_no_recogniser_matches_without_its_trigger(number: int) -> None:
    """The same for each by itself, by generating from its pattern."""
    each = RECOGNISERS[number]

    @settings(max_examples=12, suppress_health_check=[*HealthCheck])
    @given(st.from_regex(each.pattern))
    def holds(text: str) -> None:
        assert not matches(each, text) or HYPERSCAN.hits(narrow(text)) >> number & 1

    holds()


def test_threads_do_not_share_scratch_space() -> None:
    """Two threads scan at once with the same database."""
    answers: list[int] = []
    threads = [
        threading.Thread(target=lambda: answers.append(HYPERSCAN.hits(b"a@b.org " * 999)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == [HYPERSCAN.hits(b"a@b.org")] * 4


def test_without_hyperscan_re2_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without the wheel gets the other engine."""
    monkeypatch.setitem(sys.modules, "hyperscan", None)

    assert isinstance(build_prefilter(("only-in-this-test",)), Re2Prefilter)


def test_an_exhausted_re2_set_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """RE2 answers nothing when out of memory; that must not read as "no identifier"."""

    class Exhausted:
        def Match(self, _data: bytes) -> Any:  # noqa: N802
            return None

    prefilter = Re2Prefilter(["a"])
    monkeypatch.setattr(prefilter, "_set", Exhausted())

    with pytest.raises(MemoryError):
        prefilter.hits(b"a")


def test_a_gate_shuts_out_no_digits_in_words() -> None:
    """Whatever four words of digits stand in a row, one of them opens the gate."""
    spelled = len(RECOGNISERS) + normalise.SPELLED
    words = [opener.removeprefix("(?i)[^a-z]").partition("[")[0] for opener in SPELLED_OPENERS]
    for word, gap in product(words, (" ", ", ", "-", "\n", "_")):
        data = gap.join([word.replace("f.nf", "f\xfcnf")] * 4).encode("latin-1")

        assert HYPERSCAN.look(data)[0] >> spelled & 1, word


def test_without_a_digit_no_number_is_sought() -> None:
    """The word for a number alone is no hit; with a digit anywhere it is."""
    for engine in (HYPERSCAN, RE2):
        assert engine.look(b"the policy holder") == (0, [])
        assert engine.look(b"the policy holder 7")[0] & 1
