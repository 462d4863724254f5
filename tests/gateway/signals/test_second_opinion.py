# SPDX-License-Identifier: Apache-2.0
"""A second opinion adds findings; one that is late, broken or gone makes the text unknown.

The worker is a script here. With the interpreter of an environment that has presidio-analyzer and a
model (as `tests/bench/privacy_peers.py` makes one), the real one is asked, too:

    TEST_PRESIDIO=.venv/presidio/bin/python pytest tests/gateway/signals -k real_one
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.config_file import ConfigError
from gateway.settings import load_settings
from gateway.signals.configured import make_detector, second_opinion
from gateway.signals.privacy import Detector, Kind, Verdict
from gateway.signals.privacy.recognisers import Document
from gateway.signals.second_opinion import (
    RESTART_S,
    OpinionMissing,
    SecondOpinion,
    worker_command,
)
from policies import DataClass

TEXT = "zorvanek has diabetes"
READY = "import json, sys, os, time\nprint('{\"ready\": true}', flush=True)\n"
SLOW = READY + "for line in sys.stdin:\n    time.sleep(60)\n"
DIES = READY + "sys.stdin.readline()\n"


def answering(said: str) -> str:
    """A worker that says the same to every text."""
    return f"{READY}for line in sys.stdin:\n    print({said!r}, flush=True)\n"


FOUND = answering('{"found": [[0, 8, "PERSON"]]}')


class Clock:
    """Tells the time that it is told, and goes on by itself a little."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        self.now += 0.001
        return self.now


@contextmanager
def asked(script: str, **more: Any) -> Iterator[SecondOpinion]:
    second = SecondOpinion(
        [sys.executable, "-I", "-c", script], **{"timeout_s": 20.0, "ready_s": 20.0, **more}
    )
    try:
        yield second
    finally:
        second.close()


def scanned(script: str, text: str = TEXT, /, **more: Any) -> Verdict:
    with asked(script, **more) as second:
        return Detector(second=second).scan(text)


def test_what_it_finds_is_added() -> None:
    """Names are weak, numbers strong; a text in which we see nothing is asked about, too."""
    assert scanned(FOUND).data_class is DataClass.PHI
    alone = scanned(FOUND, "Sing a song about rice")
    assert ([span.kind for span in alone.spans], alone.data_class) == (
        [Kind.NAME],
        DataClass.PUBLIC,
    )
    mail = scanned(answering('{"found": [[0, 4, "EMAIL_ADDRESS"]]}'), "Sing a song")
    assert mail.data_class is DataClass.PII


@pytest.mark.parametrize(
    "said",
    [
        *('{"found": null}', "{}", "[]", "7", "no JSON", '{"found": [7]}', '{"found": {}}'),
        *('{"found": [[0, 3]]}', '{"found": [[0, 99, "PERSON"]]}', '{"found": [[2, 2, "URL"]]}'),
        *('{"found": [[0, 3, "STRANGER"]]}', '{"found": [[true, 3, "PERSON"]]}'),
        '{"found": [["0", 3, "PERSON"]]}',
    ],
)
def test_an_answer_that_is_none_is_unknown(said: str) -> None:
    """No part of it counts."""
    verdict = scanned(answering(said))
    assert verdict.data_class is DataClass.UNKNOWN
    assert "stage_error:presidio" in verdict.reasons


@pytest.mark.parametrize(
    ("script", "more"),
    [
        (SLOW, {"timeout_s": 0.2}),
        (DIES, {}),
        ("raise SystemExit(3)", {}),
        ("import time; time.sleep(60)", {"ready_s": 0.2}),
        (READY + "sys.stdin.readline(); print('[' * 9, end='', flush=True)", {"timeout_s": 0.5}),
    ],
)
def test_who_is_late_or_gone_makes_it_unknown(script: str, more: dict[str, Any]) -> None:
    """In the middle of an answer as well as before it is ready."""
    assert scanned(script, **more).data_class is DataClass.UNKNOWN


def test_one_that_cannot_be_started_makes_it_unknown() -> None:
    """Such as an interpreter that is gone since."""
    second = SecondOpinion(["/nowhere/python"], timeout_s=1.0)
    assert Detector(second=second).scan(TEXT).data_class is DataClass.UNKNOWN


def test_a_new_one_is_started_but_not_at_once() -> None:
    """What the late one says afterwards is never read as the answer to another text."""
    clock = Clock()
    with asked(DIES, clock=clock) as second:
        for _ in range(3):
            with pytest.raises(OpinionMissing):
                second.find(Document(TEXT, 0))
        second._command = [sys.executable, "-I", "-c", FOUND]
        with pytest.raises(OpinionMissing):
            second.find(Document(TEXT, 0))
        clock.now += RESTART_S
        assert [found.kind for found in second.find(Document(TEXT, 0))] == [Kind.NAME]


def test_long_texts_and_half_characters_pass() -> None:
    """More than a pipe holds at a time, both ways."""
    echo = READY + (
        "for line in sys.stdin:\n    n = len(json.loads(line)['text'])\n"
        "    print(json.dumps({'found': [[0, n, 'PERSON']] * 20_000}), flush=True)\n"
    )
    with asked(echo) as second:
        text = "\ud800 a" * 100_000
        assert {found.end for found in second.find(Document(text, 0))} == {len(text)}


def test_the_worker_sees_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the gateway's environment nothing reaches it."""
    monkeypatch.setenv("NEARWARD_API_KEY", "s3cret")
    told = READY + (
        "for line in sys.stdin:\n    bad = 'NEARWARD_API_KEY' in os.environ\n"
        "    print(json.dumps({'found': None if bad else []}), flush=True)\n"
    )
    assert scanned(told, "Sing a song").data_class is DataClass.PUBLIC


GOOD = """device: {enabled: false}
privacy:
  presidio: {python: PYTHON, entities: [PERSON]}
"""


def test_it_is_part_of_the_detectors_version(tmp_path: Path) -> None:
    """So records tell which opinions there were."""
    path = tmp_path / "nearward.yaml"
    path.write_text(GOOD.replace("PYTHON", sys.executable))
    detector = make_detector(load_settings(path))
    assert detector.version != Detector().version


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("PERSON", "NOBODY", "NOBODY is none of PERSON"),
        ("python: PYTHON, ", "python: /nowhere, ", "/nowhere cannot be run"),
        ("python: PYTHON, ", "", "needs the extra `presidio`"),
    ],
)
def test_faults_are_told_with_their_line(tmp_path: Path, old: str, new: str, problem: str) -> None:
    """Before anything is served."""
    path = tmp_path / "nearward.yaml"
    path.write_text(GOOD.replace(old, new).replace("PYTHON", sys.executable))
    with pytest.raises(ConfigError, match=rf"nearward\.yaml:\d+.*{problem}"):
        second_opinion(load_settings(path))


def test_the_real_one_agrees() -> None:
    """Without the network, which its recogniser of mail addresses would ask."""
    python = os.environ.get("TEST_PRESIDIO", "")
    if not python:
        pytest.skip("TEST_PRESIDIO names no interpreter with presidio-analyzer")
    model = os.environ.get("TEST_PRESIDIO_MODEL", "en_core_web_sm")
    command = worker_command(python, model, 0.5, ["PERSON", "EMAIL_ADDRESS"])
    second = SecondOpinion(command, timeout_s=20.0)
    try:
        found = list(second.find(Document("Please ask Jane Roe, jane.roe@mercy.co.uk", 0)))
        verdict = Detector(second=second).scan("How long does rice cook?")
    finally:
        second.close()
    assert {(each.start, each.end, each.kind) for each in found} >= {
        (11, 19, Kind.NAME),
        (21, 41, Kind.EMAIL),
    }
    assert verdict.data_class is DataClass.PUBLIC


FAKES = """
import runpy, socket, sys, types

class Hit:
    start, end, entity_type = 4, 8, "PERSON"

class Engine:
    def __init__(self, **given): pass
    def analyze(self, text, *, language, entities, score_threshold):
        print("noise", text)
        if text == "ask": socket.create_connection(("192.0.2.1", 80), 1)
        if text == "bad": raise ValueError(text)
        pinned = sys.modules["tldextract.tldextract"].TLD_EXTRACTOR
        assert (pinned, language, entities, score_threshold) == ("pinned", "en", ["PERSON"], 0.5)
        return [Hit()]

class Provider:
    def __init__(self, **given): pass
    def create_engine(self): return None

def pinned(*, suffix_list_urls, cache_dir):
    assert (suffix_list_urls, cache_dir) == ((), None)
    return "pinned"

for name, content in {
    "tldextract": {}, "tldextract.tldextract": {"TLDExtract": pinned},
    "presidio_analyzer": {"AnalyzerEngine": Engine},
    "presidio_analyzer.nlp_engine": {"NlpEngineProvider": Provider},
}.items():
    sys.modules[name] = types.ModuleType(name)
    vars(sys.modules[name]).update(content)
sys.argv = [WORKER, "en_core_web_sm", "0.5", "PERSON"]
runpy.run_path(WORKER, run_name="__main__")
"""


def test_the_worker_keeps_to_the_protocol() -> None:
    """Pinned, without a network, silent, and with no answer where the other one fails."""
    worker = worker_command("python", "m", 0.5, [])[2]
    said = subprocess.run(
        [sys.executable, "-I", "-c", FAKES.replace("WORKER", repr(worker))],
        input="".join(f'{{"text": "{text}"}}\n' for text in ("Ask Jane", "bad", "ask", "Ask Jane")),
        capture_output=True,
        text=True,
        check=True,
    )
    found = '{"found": [[4, 8, "PERSON"]]}'
    nothing = '{"found": null}'
    assert said.stdout.splitlines() == ['{"ready": true}', found, nothing, nothing, found]
