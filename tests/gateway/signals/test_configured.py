# SPDX-License-Identifier: Apache-2.0
"""The operator's patterns and words, from the file to the finding, or to a fault with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config_file import ConfigError
from gateway.settings import load_settings
from gateway.signals.configured import make_detector, own_words

GOOD = """device: {enabled: false}
privacy:
  remembers_verdicts: false
  patterns:
    - {name: badge, pattern: 'XQ-[0-9]{3}', kind: LICENSE}
  deny: [Project Heron]
  allow: [Ngozi]
"""


def test_what_is_configured_is_found(tmp_path: Path) -> None:
    """All three lists reach the detector."""
    path = tmp_path / "nearward.yaml"
    path.write_text(GOOD)
    detector = make_detector(load_settings(path))
    verdict = detector.scan("Ngozi has badge XQ-123 for project heron, and insulin")

    assert [span.kind for span in verdict.spans] == ["LICENSE", "OTHER_ID"]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("XQ-[0-9]{3}", "(?<=x)y", "badge: .*RE2|RE2"),
        ("XQ-[0-9]{3}", "x*", "badge: the pattern matches the empty text"),
        ("LICENSE", "BADGE", "kind: one of"),
    ],
)
def test_faults_have_file_and_line(tmp_path: Path, old: str, new: str, problem: str) -> None:
    """`nearward check` prints them."""
    path = tmp_path / "nearward.yaml"
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(ConfigError, match=problem) as fault:
        own_words(load_settings(path))

    assert f"{path}:5" in str(fault.value)
