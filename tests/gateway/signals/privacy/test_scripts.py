# SPDX-License-Identifier: Apache-2.0
"""Scripts that cannot be read fall to the strict side."""

from __future__ import annotations

import pytest

from gateway.signals.privacy import Detector, Kind
from policies import DataClass

DETECTOR = Detector()


@pytest.mark.parametrize(
    "text",
    [
        "我的妹妹住在北京",
        "моя сестра живёт дома",
        "أختي تعيش في المنزل",
        "내 여동생은 집에 산다",
        "η αδελφή μου μένει σπίτι",
        "𐤀𐤁𐤂𐤃𐤄𐤅𐤆",
    ],
)
def test_a_text_in_another_script_counts_as_phi(text: str) -> None:
    """Nobody can say that there is no name in it."""
    verdict = DETECTOR.scan(text)

    assert verdict.data_class is DataClass.PHI
    assert "unread_script" in verdict.reasons


def test_single_words_of_another_script_are_weak_names() -> None:
    """In an English text they count beside a health context, and only there."""
    text = "the patient 李伟 has diabetes and asks which diet suits him"
    span = DETECTOR.scan(text).spans[0]

    assert (text[span.start : span.end], span.kind) == ("李伟", Kind.NAME)
    assert DETECTOR.scan("please translate 李伟 for me").data_class is DataClass.PUBLIC


@pytest.mark.parametrize(
    "text", ["let α, β and Δ be angles; 5 µm ± 2 °C", "naïve café – “ok” 🙂👍"]
)
def test_signs_and_accents_are_no_other_script(text: str) -> None:
    """Mathematics, quotation marks, emoji and Latin letters with accents."""
    assert DETECTOR.scan(text).spans == ()
