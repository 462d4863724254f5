# SPDX-License-Identifier: Apache-2.0
"""Evidence bundles: the right answer, a proof without the HMAC key, and no way round it."""

from __future__ import annotations

import dataclasses
import json
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.cli.audit_export import said
from gateway.records.archive import Archive
from gateway.records.audit import AuditLog
from gateway.records.bundle import Verdict, make_bundle, verify_bundle
from gateway.records.chain import Link, Seal
from gateway.records.custody import audit_key, signing_key
from gateway.records.evidence import Answer, Question, highest_class
from gateway.records.series import Head
from policies import DataClass
from tests.doubles.cloud import Cloud
from tests.gateway.fakes import KEY, FakeClock, chat_body
from tests.gateway.serving_gateway import KEY_SETTINGS, RunningGateway, settings_for

# The second of the request: (class, tier, region).
REQUESTS = {
    10: ("public", "cloud", "us-east-1"),
    20: ("phi", "cloud", "eu-west-1"),
    30: ("phi", "device", ""),
    40: ("phi", "cloud", "us-east-1"),
    50: ("genetic", "onprem", "europe"),
    60: ("unheard-of", "cloud", ""),
}


async def add(directory: Path, worker: int, requests: dict[int, tuple[str, str, str]]) -> None:
    """One more segment, with these requests."""
    clock = FakeClock(float(min(requests, default=0)))
    log = AuditLog(directory, clock=clock, worker=worker, stall_s=10)
    for t, (data_class, tier, region) in requests.items():
        clock.now = float(t)
        entry = {
            "t": t,
            "event": "intent",
            "id": f"r{t}",
            "class": data_class,
            "detected": "public",
            "facts": {"default_class": "internal"},
            "to": "device" if tier == "device" else "c1",
            "tier": tier,
            "region": region,
        }
        await log.intent(entry, sync=False)
    log.close()


@pytest.fixture
async def directory(tmp_path: Path) -> Path:
    """Two workers: one with all requests in two segments, one with nothing."""
    directory = tmp_path / "audit"
    await add(directory, 0, {t: r for t, r in REQUESTS.items() if t < 35})
    await add(directory, 0, {t: r for t, r in REQUESTS.items() if t > 35})
    await add(directory, 1, {})
    return directory


def question(
    since: float = 0.0, until: float = 99.0, regions: tuple[str, ...] = ("eu",)
) -> Question:
    return Question(since, until, DataClass.PHI, regions)


def bundle_of(directory: Path, asked: Question) -> tuple[Path, Verdict]:
    target = directory.parent / "bundle.zip"
    return target, make_bundle(directory, target, asked, signing_key(directory), t=100.0)


@pytest.mark.parametrize(
    ("asked", "left"),
    [
        (question(0, 35), []),
        (question(0, 45), [("phi", "us-east-1")]),
        (question(0, 99), [("genetic", "europe"), ("phi", "us-east-1"), ("unheard-of", "")]),
        (question(0, 99, ("eu", "us", "europe")), [("unheard-of", "")]),
        (question(15, 35, ()), [("phi", "eu-west-1")]),
        (question(21, 39), []),
        (question(70, 99), []),
        (question(-9, -1), []),
    ],
)
def test_the_answer(directory: Path, asked: Question, left: list[tuple[str, str]]) -> None:
    """What left the regions in the period, at or above the class; what is unknown counts."""
    path, made = bundle_of(directory, asked)
    verdict = verify_bundle(path, signing_key(directory).public_key())

    assert verdict == made
    assert [(r["class"], r["region"]) for r in verdict.answer["requests"]] == left
    assert verdict.answer["left"] is bool(left)


@pytest.mark.parametrize(
    ("written", "highest"),
    [
        ({}, "internal"),
        ({"class": "phi"}, "phi"),
        ({"detected": "phi"}, "phi"),
        ({"facts": {"default_class": "phi"}}, "phi"),
        ({"facts": {"default_class": "phi", "declared_class": "public"}}, "phi"),
        ({"facts": {"default_class": "public", "declared_class": "genetic"}}, "genetic"),
        ({"facts": {"default_class": "public", "has_media": True}}, "phi"),
        ({"facts": {"default_class": "secret", "has_media": True}}, "secret"),
        ({"facts": {"default_class": "unheard-of"}}, "unknown"),
        ({"facts": {}}, "unknown"),
        ({"facts": None}, "unknown"),
        ({"detected": None}, "unknown"),
        ({"class": None}, "unknown"),
    ],
)
def test_a_relaxed_class_is_not_what_was_sent(written: dict[str, Any], highest: str) -> None:
    """Whoever relaxed it: what was given, carried, found or declared counts; unsaid is unknown."""
    plain = {"event": "intent", "t": 5.0, "tier": "cloud", "region": "us", "to": "c1"}
    classes = {"class": "public", "detected": "public", "facts": {"default_class": "internal"}}
    answer = Answer(question())
    answer.follow({**plain, **classes, **written})

    assert highest_class({**classes, **written}) == highest
    left = DataClass(highest).rank >= DataClass.PHI.rank
    assert answer.to_json()["left"] is left
    assert [row["highest"] for row in answer.to_json()["requests"]] == [highest] * left


async def test_what_a_key_relaxed_is_in_the_answer(tmp_path: Path) -> None:
    """A real request whose class was lowered before it left: it may have been PII."""
    keys = [{**KEY_SETTINGS, "may_relax": ["pii"]}]
    policy = {"packs": ["open"], "default_class": "pii"}
    async with Cloud() as cloud:
        settings = settings_for(tmp_path / "state", cloud, keys=keys, policy=policy)
        async with RunningGateway(settings) as gateway, httpx.AsyncClient(trust_env=False) as http:
            headers = {"authorization": f"Bearer {KEY}", "x-nearward-data-class": "public"}
            answer = await http.post(
                f"{gateway.url}/v1/chat/completions",
                json=chat_body(model="cloud/gpt-4o-mini"),
                headers=headers,
            )
    asked = Question(0.0, time.time(), DataClass.PII, ("us",))
    key = signing_key(settings.state_dir / "audit")
    made = make_bundle(
        settings.state_dir / "audit", tmp_path / "b.zip", asked, key, t=time.time() + 1
    )

    assert (answer.headers["x-nearward-data-class"], len(cloud.requests)) == ("public", 1)
    assert made.answer["left"] is True
    assert "1 requests of class public, but pii by what was found, declared" in said(made)


def test_a_bundle_without_a_word_of_anchors(directory: Path) -> None:
    """It says so; what is no anchor is refused."""
    path, made = bundle_of(directory, question())
    key = signing_key(directory)
    assert made.claimed == ()
    unsaid = rewritten(path, edit("question.json", b'"anchors"', b'"Anchors"'), key)
    assert verify_bundle(unsaid, key.public_key()).claimed is None
    assert "nothing is said about anchors" in said(verify_bundle(unsaid, key.public_key()))
    broken = rewritten(path, edit("question.json", b'"anchors": []', b'"anchors": [1]'), key)
    with pytest.raises(ValueError, match="not an anchor"):
        verify_bundle(broken, key.public_key())


def test_a_bundle_holds_the_period_and_an_edge_on_either_side(directory: Path) -> None:
    """No more records than the question is about, and words for who reads it."""
    path, verdict = bundle_of(directory, question(21, 39))
    with zipfile.ZipFile(path) as archive:
        lines = archive.read("workers/0.jsonl").splitlines()
        text = archive.read("README.txt").decode()

    assert [json.loads(x).get("t") for x in lines] == [20, 30, 30, 40]
    assert verdict.records == 4 + 1
    assert "1970-01-01T00:00:21.000Z" in text
    assert "No, by the records that are here." in text
    assert "no anchor outside the log was checked" in text


async def test_compressed_and_retired_segments(directory: Path) -> None:
    """A bundle of what is left verifies; of what was retired none is made."""
    archive = Archive(directory, 0)
    archive.compress()
    expired = archive.expired(45.0)
    assert expired is not None
    await add(directory, 0, {90: REQUESTS[10]})
    archive.delete(expired)

    path, _ = bundle_of(directory, question(45, 99))
    assert verify_bundle(path, signing_key(directory).public_key()).answer["left"]
    with pytest.raises(ValueError, match="begins before the first record"):
        bundle_of(directory, question(0, 99))


async def test_records_of_the_old_format(tmp_path: Path) -> None:
    """They are in no tree: a period that may reach into them is refused."""
    directory = tmp_path / "audit"
    directory.mkdir()
    opening = {"t": 1.0, "event": "open", "previous": "", "torn_bytes": 0}
    line, _ = Seal(audit_key(directory)).seal(Link(0, bytes(32)), opening)
    (directory / "0-00000001.jsonl").write_bytes(line)
    with pytest.raises(ValueError, match="first format only"):
        bundle_of(directory, question())

    await add(directory, 0, REQUESTS)
    with pytest.raises(ValueError, match="begins before the first record"):
        bundle_of(directory, question())
    assert bundle_of(directory, question(15, 99))[1].answer["left"]


Change = Callable[[dict[str, bytes]], None]


def rewritten(path: Path, change: Change, key: Ed25519PrivateKey | None = None) -> Path:
    """The bundle with a change; with the key also its manifest, as an insider would."""
    import hashlib

    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    change(files)
    if key is not None:
        names = set(files) - {"manifest.json", "manifest.sig"}
        manifest = json.dumps(
            {n: hashlib.sha256(files[n]).hexdigest() for n in sorted(names)}
        ).encode()
        files["manifest.json"] = manifest
        files["manifest.sig"] = key.sign(b"nearward bundle\n" + manifest).hex().encode()
    target = path.with_name("changed.zip")
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return target


def edit(name: str, old: bytes, new: bytes) -> Change:
    def change(files: dict[str, bytes]) -> None:
        assert old in files[name]
        files[name] = files[name].replace(old, new)

    return change


def drop_line(files: dict[str, bytes]) -> None:
    lines = files["workers/0.jsonl"].splitlines(keepends=True)
    files["workers/0.jsonl"] = b"".join(lines[:2] + lines[3:])


def drop_file(files: dict[str, bytes]) -> None:
    del files["workers/1.jsonl"]


def add_file(files: dict[str, bytes]) -> None:
    files["more.txt"] = b"hello"


CHANGES = {
    "record": edit("workers/0.jsonl", b'"us-east-1"', b'"eu-west-1"'),
    "answer": edit("question.json", b'"left": true', b'"left": false'),
    "question": edit("question.json", b'"until": 45', b'"until": 35'),
    "proof": edit("workers/0.json", b'"begin":0', b'"begin":1'),
    "head": edit("checkpoint.json", b'"size":', b'"size":1'),
    "words": edit("README.txt", b"Yes", b"No!"),
    "line": drop_line,
    "file": drop_file,
    "addition": add_file,
}


@pytest.mark.parametrize("name", CHANGES)
def test_every_change_is_found(directory: Path, name: str) -> None:
    """Nothing in a bundle can be changed by who has not the signing key."""
    path, _ = bundle_of(directory, question(0, 45))
    broken = rewritten(path, CHANGES[name])

    with pytest.raises(ValueError, match=r"changed since|other files|not a whole"):
        verify_bundle(broken, signing_key(directory).public_key())


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("record", "not those that the checkpoint signs for"),
        ("answer", "not the one that the records give"),
        ("question", "not the one that the records give"),
        ("proof", "Merkle range"),
        ("head", "checkpoint.json: not signed"),
        ("line", "records where the proof is for others"),
        ("file", "not a whole bundle"),
    ],
)
def test_a_new_manifest_does_not_help(directory: Path, name: str, problem: str) -> None:
    """Even with the manifest signed anew the parts must fit each other and the checkpoint."""
    path, _ = bundle_of(directory, question(0, 45))
    key = signing_key(directory)
    broken = rewritten(path, CHANGES[name], key)

    with pytest.raises(ValueError, match=problem):
        verify_bundle(broken, key.public_key())


def test_edges_show_that_the_period_is_complete(directory: Path) -> None:
    """Records of a shorter period do not answer for a longer one."""
    key = signing_key(directory)
    path, _ = bundle_of(directory, question(21, 39))
    for old, new, problem in (
        (b'"since": 21', b'"since": 19', "begins before"),
        (b'"until": 39', b'"until": 41', "ends after"),
    ):
        broken = rewritten(path, edit("question.json", old, new), key)
        with pytest.raises(ValueError, match=problem):
            verify_bundle(broken, key.public_key())


def test_a_bundle_against_anchors(directory: Path) -> None:
    """What was anchored must be in it: no worker missing, none shrunk, none rewritten."""
    path, made = bundle_of(directory, question())
    key = signing_key(directory).public_key()
    mine = next(head for head in made.checkpoint.heads if head.worker == 0)
    verify_bundle(path, key, [(mine, "the anchor")])

    for seen, problem in (
        (Head(7, 0, 1, bytes(32)), "saw 1 records of worker 7, of which 0 are left"),
        (dataclasses.replace(mine, size=mine.size + 1), "of which 10 are left"),
        (dataclasses.replace(mine, size=3), "an anchor saw other records before number 3"),
    ):
        with pytest.raises(ValueError, match=problem):
            verify_bundle(path, key, [(seen, "the anchor")])


def test_a_period_that_is_not_over(directory: Path) -> None:
    """A bundle cannot answer for what came after it was made."""
    with pytest.raises(ValueError, match="ends after the bundle was made"):
        bundle_of(directory, question(0, 101))


def test_another_key(directory: Path) -> None:
    """A bundle that somebody else signed is refused."""
    path, _ = bundle_of(directory, question())
    other = Ed25519PrivateKey.generate().public_key()

    with pytest.raises(ValueError, match=r"manifest\.json: not signed by this key"):
        verify_bundle(path, other)


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 no zip", b"x" * 5000])
def test_what_is_no_bundle(tmp_path: Path, data: bytes) -> None:
    """Any other file is a ValueError, never another."""
    path = tmp_path / "x.zip"
    path.write_bytes(data)

    with pytest.raises(ValueError, match="not a whole bundle"):
        verify_bundle(path, Ed25519PrivateKey.generate().public_key())


def test_cut_bundles(directory: Path) -> None:
    """Cut anywhere it is refused."""
    path, _ = bundle_of(directory, question())
    data = path.read_bytes()
    key = signing_key(directory).public_key()
    for end in range(0, len(data), 97):
        path.write_bytes(data[:end])
        with pytest.raises(ValueError, match=r"not a whole|not signed"):
            verify_bundle(path, key)


@pytest.mark.parametrize("found", [None, {}, {"since": 0}, {"since": "x"}, []])
def test_questions_from_elsewhere(found: Any) -> None:
    """What is no question is a ValueError; a real one survives."""
    with pytest.raises(ValueError, match="not a question"):
        Question.from_json(found)
    asked = question()
    assert Question.from_json(json.loads(json.dumps(asked.to_json()))) == asked
    assert dataclasses.replace(asked, regions=()) != asked
