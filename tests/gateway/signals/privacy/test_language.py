# SPDX-License-Identifier: Apache-2.0
"""English is told from other languages well enough to decide about the health gate."""

from __future__ import annotations

import pytest

from gateway.signals.privacy.language import reads_as_english


@pytest.mark.parametrize(
    "text",
    [
        "Please email my sister.",
        "",
        "12345",
        "José said that the café is nice",
        "call 555-0100 now",
        "the word la",
        "the café, naïve résumé",
    ],
)
def test_english(text: str) -> None:
    """Names with accents and texts without words do not make it foreign."""
    assert reads_as_english(text)


@pytest.mark.parametrize(
    "text",
    [
        "mi hermana vive en la calle y no le gusta",
        "ma soeur habite dans cette maison avec moi",
        "meine Schwester ist nicht zu Hause und das ist gut",
        "我的妹妹住在北京",
        "bệnh nhân của tôi tên là gì vậy bạn ơi",
    ],
)
def test_other_languages(text: str) -> None:
    """Function words or letters give them away."""
    assert not reads_as_english(text)
