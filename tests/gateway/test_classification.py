# SPDX-License-Identifier: Apache-2.0
"""Classification of records: a detector that fails says unknown, here as for a request."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.classification import Mode, classify


class Broken:
    """A detector that raises, or gives what is no verdict."""

    def __init__(self, gives: Exception | None) -> None:
        self._gives = gives

    def scan(self, text: str, mode: Mode = "auto") -> Any:
        if self._gives:
            raise self._gives
        return None


@pytest.mark.parametrize("gives", [RuntimeError("a word of the text"), MemoryError(), None])
def test_a_detector_that_fails_is_unknown(gives: Exception | None) -> None:
    """The record gets an answer, of the strictest class, without a word of the failure."""
    answer = classify({"id": "1", "text": "A clean text."}, Broken(gives), lambda _: 0.5)

    assert (answer["id"], answer["data_class"], answer["phi"]) == ("1", "unknown", True)
    assert (answer["spans"], answer["reasons"]) == ([], ["detector_failed"])
