# SPDX-License-Identifier: Apache-2.0
"""Remembered parts give the verdict of the whole, are scanned once, and hold no text."""

from __future__ import annotations

import json
import threading
from itertools import pairwise
from pathlib import Path

import pytest

from gateway.signals.privacy import Detector, Kind, RememberingDetector
from gateway.signals.privacy.outline import Outline
from gateway.signals.privacy.remembered import PART_CHARS
from policies import DataClass

DATA = Path(__file__).parents[5] / "shared/data/privacy/dev"
LINE = "the team talked about the plan for the week and then about the food.\n"
TURN = LINE * 20


class Counting(Detector):
    """Notes what is scanned."""

    def __init__(self) -> None:
        super().__init__()
        self.scanned: list[str] = []

    def outline(self, text: str) -> Outline:
        self.scanned.append(text)
        return super().outline(text)


def test_earlier_turns_are_scanned_once() -> None:
    """A conversation that grows costs its last parts, not its length."""
    detector = Counting()
    remembering = RememberingDetector(detector)
    talk = "".join(f"turn {number}: {TURN}" for number in range(20))
    remembering.scan(talk[:15_000])
    first = sum(map(len, detector.scanned))
    detector.scanned.clear()
    for length in range(16_000, 20_000, 1_000):
        remembering.scan(talk[:length])

    assert first > 15_000
    assert sum(map(len, detector.scanned)) / 4 < 2.5 * PART_CHARS


def test_a_text_without_line_ends_is_remembered_too() -> None:
    """Its parts end at a space; a run of characters without one is scanned as it is."""
    detector = Counting()
    remembering = RememberingDetector(detector)
    text = TURN.replace("\n", " ") * 8
    remembering.scan(text)
    detector.scanned.clear()
    remembering.scan(f"{text}and more")

    assert len(detector.scanned) == 1
    assert len(detector.scanned[0]) < 2 * PART_CHARS
    remembering.scan("x" * 9_000)
    assert len(detector.scanned[-1]) == 9_000


def test_the_same_parts_elsewhere_tell_other_places() -> None:
    """Offsets are those of the text at hand, from memory or not."""
    remembering = RememberingDetector(Detector())
    text = f"{TURN}{TURN}write to jane.roe@example.org\n{TURN}{TURN}{TURN}"
    for _ in range(2):
        (span,) = remembering.scan(text).spans

        assert text[span.start : span.end] == "jane.roe@example.org"


@pytest.mark.parametrize("cut", range(PART_CHARS - 40, PART_CHARS + 60, 7))
def test_an_identifier_over_two_messages_is_found(cut: int) -> None:
    """The keyword ends one message and the number begins the next, wherever parts meet."""
    filler = (LINE * 40)[:cut]
    text = f"{filler}\nher MRN is\n48213377 I think\n{TURN}{TURN}"

    assert Kind.MRN in {span.kind for span in RememberingDetector(Detector()).scan(text).spans}


def test_a_health_context_in_another_turn_counts() -> None:
    """The name stands in the first turn, the diagnosis in the last."""
    text = f"Ngozi asked me to write.\n{TURN}{TURN}{TURN}the biopsy shows lymphoma\n"

    assert RememberingDetector(Detector()).scan(text).data_class is DataClass.PHI


@pytest.mark.skipif(not DATA.is_dir(), reason="the shared development data is not here")
@pytest.mark.parametrize("name", ["scq_dev.jsonl", "neg_dev.jsonl", "pii_nano.jsonl"])
def test_parts_judge_as_the_whole_does(name: str) -> None:
    """Class and kinds of prompts joined to long texts; a doubtful word may be judged otherwise.

    The texts of `neg_dev` name nobody, so a lower class of the parts is right: the whole, in which
    somebody is spoken of, wants less of a doubtful word (3 of 70 texts, so no bound of 2 in 100).
    """
    detector = Detector()
    remembering = RememberingDetector(detector)
    lines = (DATA / name).read_text(encoding="utf-8").splitlines()
    prompts = [json.loads(line)["text"] for line in lines]
    unlike = lower = texts = 0
    for first in range(0, len(prompts), 25):
        text = "\n".join(prompts[first : first + 25])
        whole, parts = detector.scan(text), remembering.scan(text)
        texts += 1
        lower += parts.data_class.rank < whole.data_class.rank
        unlike += {s.kind for s in whole.spans} != {s.kind for s in parts.spans}
        assert all(a.start <= b.start for a, b in pairwise(parts.spans))

    assert unlike <= 0.05 * texts
    assert lower <= (0.05 * texts if name == "neg_dev.jsonl" else 0)


def test_memory_is_bounded_by_entries_and_by_bytes() -> None:
    """The oldest parts go first."""
    few = RememberingDetector(Detector(), most_entries=3)
    small = RememberingDetector(Detector(), most_bytes=2_000)
    for remembering in (few, small):
        for number in range(20):
            remembering.scan(f"{number} {TURN}{TURN}{TURN}")

    assert len(few._known) == 3
    assert len(small._known) == 2
    assert small._bytes <= 2_000


def test_no_text_is_kept() -> None:
    """Names and hashes of other processes would both be of use to a thief."""
    text = f"Ngozi Zorvanek has lymphoma.\n{TURN}{TURN}{TURN}"
    one, other = RememberingDetector(Detector()), RememberingDetector(Detector())
    one.scan(text)
    other.scan(text)

    assert one._known
    assert "Zorvanek" not in repr(one._known)
    assert not set(one._known) & set(other._known)


def test_a_failed_scan_is_not_remembered() -> None:
    """A fault that passes must not outlive itself."""

    class Failing(Counting):
        def outline(self, text: str) -> Outline:
            self.scanned.append(text)
            return Outline(reasons=("stage_error:tagger",))

    detector = Failing()
    remembering = RememberingDetector(detector)
    for _ in range(2):
        assert remembering.scan(TURN * 4).data_class is DataClass.UNKNOWN

    assert len(detector.scanned) == 2 * len(set(detector.scanned))


def test_threads_share_it() -> None:
    """Verdicts stay right, and so does the count of bytes."""
    remembering = RememberingDetector(Detector(), most_entries=8)
    texts = [f"{n} {TURN}{TURN}{TURN} call 415-555-0{n:03}\n" for n in range(100, 112)]
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.extend(len(remembering.scan(t).spans) for t in texts))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [1] * 48
    assert remembering._bytes == sum(700 + 120 * len(o.spans) for o in remembering._known.values())
