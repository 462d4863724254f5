# SPDX-License-Identifier: Apache-2.0
"""Evidence bundles: one zip file that answers a question and verifies with a public key alone.

    README.txt           what this is, in words, and how to check it
    question.json        the question, its answer (evidence.py), and which anchors outside the log
                         its maker held the log against before (witnesses.py)
    checkpoint.json      the signed heads of all workers at the time of the export
    workers/N.jsonl      worker N's records of the period, line by line as they stand in the log
    workers/N.json       the proof that these lines stand in worker N's tree
    manifest.json        the SHA-256 of each of the above
    manifest.sig         Ed25519("nearward bundle\\n" || manifest.json), in hexadecimal

The log goes on while a bundle is made: only what was there at the first look is in it.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import cast

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from gateway.records.bundle_text import readme
from gateway.records.chain import Entry
from gateway.records.checkpoint import Checkpoint
from gateway.records.evidence import Answer, Growth, Proof, Question, proven
from gateway.records.merkle import CompactRange, leaf_hash
from gateway.records.segment import read_lines, segments, workers
from gateway.records.series import Head
from gateway.records.witnesses import Witness

_DOMAIN = b"nearward bundle\n"
_EXPORT = -1  # the maker of an export's checkpoint, which no worker is
_SMALL_BYTES = 16 * 1024 * 1024
# What the zip reader raises for damage, and what values of a wrong type do.
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    KeyError,
    NotImplementedError,
    RuntimeError,
    TypeError,
    AttributeError,
)
_LONGEST_LINE_BYTES = 1 << 20
_MOST_STEPS = 256  # four hours of checkpoints: anchors may have missed the first ones
# Records that a log makes without any request.
_OWN = frozenset({"open", "close", "checkpoint", "retired"})


@dataclass(frozen=True, slots=True)
class Stretch:
    """A worker's records of the period: leaves [begin, end) of `size`, the first `kept` retired.

    `base` is the last record before the tree.
    """

    base: int
    kept: int
    begin: int
    end: int
    size: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a bundle that was checked says. `claimed` is who its maker asked, None if unsaid.

    `compared` are the anchored heads that it was held against, `unanchored` the workers of whose
    records in the period no anchor says that they are as they were.
    """

    question: Question
    answer: Entry
    checkpoint: Checkpoint
    records: int
    claimed: tuple[Witness, ...] | None
    compared: frozenset[Head]
    unanchored: tuple[int, ...]


def make_bundle(
    directory: Path,
    target: Path,
    question: Question,
    key: Ed25519PrivateKey,
    *,
    t: float,
    witnesses: Sequence[Witness] = (),
) -> Verdict:
    """Write a bundle of a log that was found whole, and check it; raises OSError, ValueError.

    `witnesses` are the anchors outside the log that it was held against. ValueError also when the
    period begins before what the log still has.
    """
    answer, heads = Answer(question), []
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        written = _Written(archive)
        for worker in workers(directory):
            stretch = find_stretch(directory, worker, question)
            heads.append(_put_worker(directory, worker, stretch, written, answer))
        checkpoint = Checkpoint.sign(key, heads, worker=_EXPORT, t=t)
        asked = {
            "question": question.to_json(),
            "answer": answer.to_json(),
            "anchors": [witness.to_json() for witness in witnesses],
        }
        written.put("question.json", orjson.dumps(asked, option=orjson.OPT_INDENT_2))
        written.put("checkpoint.json", checkpoint.to_line())
        written.put(
            "README.txt", readme(question, answer.to_json(), checkpoint, witnesses).encode()
        )
        manifest = orjson.dumps(written.hashes, option=orjson.OPT_SORT_KEYS)
        archive.writestr("manifest.json", manifest)
        archive.writestr("manifest.sig", key.sign(_DOMAIN + manifest).hex())
    return verify_bundle(target, key.public_key())


class _Written:
    """What goes into the archive, with its hashes."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self.hashes: dict[str, str] = {}

    def put(self, name: str, data: bytes) -> None:
        self.put_lines(name, iter([data]))

    def put_lines(self, name: str, lines: Iterator[bytes]) -> None:
        digest = hashlib.sha256()
        with self._archive.open(name, "w", force_zip64=True) as file:
            for line in lines:
                file.write(line)
                digest.update(line)
        self.hashes[name] = digest.hexdigest()


def leaves(directory: Path, worker: int) -> Iterator[tuple[int, bytes, Entry]]:
    """(place in the tree, line, record) of a worker's records that are in its tree."""
    place = -1
    for path in segments(directory, worker):
        for number, line in enumerate(read_lines(path)):
            if not line.endswith(b"\n"):
                break
            entry = orjson.loads(line)
            if number == 0:
                place = int(entry["tree"]["size"]) if "tree" in entry else -1
            if place >= 0:
                yield place, line, entry
                place += 1


def find_stretch(directory: Path, worker: int, question: Question) -> Stretch:
    """Where the period lies in a worker's tree, with one record on either side.

    With no checkpoint later than its beginning it begins at the last one, which an anchor may have.
    Raises ValueError when none of its records is in a tree.
    """
    base = kept = begin = end = size = 0
    has_begun, t = False, 0.0
    mark = 0  # the last checkpoint
    for place, _, entry in leaves(directory, worker):
        t = entry.get("t", t)
        if size == 0:
            kept = begin = place
            base = entry["seq"] - 1 - place
        size = place + 1
        if not has_begun and t >= question.since:
            has_begun = True
            begin = max(place - 1, kept)
        if t <= question.until:
            end = place + 2
        if _is_mark(entry):
            mark = place
    if not has_begun:
        begin = max(size - 1, kept)
    if size == 0:
        raise ValueError(f"worker {worker} has records of the first format only")
    begin = max(min(begin, mark), kept) if mark else begin
    return Stretch(base, kept, begin, max(min(end, size), begin + 1), size)


def _is_mark(entry: Entry) -> bool:
    """Whether an anchor may have seen the tree before this record."""
    return entry.get("event") == "checkpoint"


def _put_worker(
    directory: Path, worker: int, stretch: Stretch, written: _Written, answer: Answer
) -> Head:
    tree, after = CompactRange(), CompactRange(stretch.end)
    before: tuple[bytes, ...] = ()
    steps: list[tuple[int, tuple[bytes, ...]]] = []

    def lines() -> Iterator[bytes]:
        nonlocal tree, before, after
        grown = leaves(directory, worker)
        for place, line, entry in takewhile(lambda leaf: leaf[0] < stretch.size, grown):
            if place == stretch.kept:
                tree = CompactRange(0, place, map(bytes.fromhex, entry["tree"]["nodes"]))
            if place == stretch.begin:
                before = tuple(tree.nodes)
            if place > stretch.end and _is_mark(entry) and len(steps) < _MOST_STEPS:
                steps.append((place, tuple(after.nodes)))
                tree.extend(after)
                after = CompactRange(place)
            if place >= stretch.end:
                after.append(leaf_hash(line))
                continue
            tree.append(leaf_hash(line))
            if place >= stretch.begin:
                answer.follow(entry)
                yield line

    written.put_lines(f"workers/{worker}.jsonl", lines())
    proof = Proof(
        worker,
        stretch.begin,
        stretch.end,
        stretch.size,
        before,
        tuple(steps),
        tuple(after.nodes),
    )
    written.put(f"workers/{worker}.json", orjson.dumps(proof.to_json()))
    tree.extend(after)
    return Head(worker, stretch.base, tree.end, tree.root())


def verify_bundle(
    path: Path,
    key: Ed25519PublicKey,
    anchored: Sequence[tuple[Head, str]] = (),
    newest: Mapping[int, float] | None = None,
    seen_at: Mapping[Head, float] | None = None,
) -> Verdict:
    """Check all of a bundle with the public key alone; ValueError says what is wrong with it.

    `anchored` are heads from outside, each with who saw them: no worker of theirs may be missing
    or have shrunk, and where the tree grows past one it must fit. `newest` says of each worker
    when it made its last anchored checkpoint, `seen_at` when an anchor first saw a head: one from
    after the bundle may be larger. Raises OSError when the file cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return _verify(archive, key, anchored, newest or {}, seen_at or {})
    except _UNREADABLE:
        raise ValueError("not a whole bundle") from None


def _verify(
    archive: zipfile.ZipFile,
    key: Ed25519PublicKey,
    anchored: Sequence[tuple[Head, str]],
    newest: Mapping[int, float],
    seen_at: Mapping[Head, float],
) -> Verdict:
    _check_manifest(archive, key)
    asked = orjson.loads(_read(archive, "question.json"))
    question = Question.from_json(asked.get("question"))
    checkpoint = Checkpoint.from_json(orjson.loads(_read(archive, "checkpoint.json")))
    if not checkpoint.is_signed_by(key):
        raise ValueError("checkpoint.json: not signed by this key")
    if question.until > checkpoint.t:
        raise ValueError("question.json: the period ends after the bundle was made")
    _check_anchored(checkpoint, anchored, seen_at)
    answer, records = Answer(question), 0
    compared: set[Head] = set()
    unanchored = []
    for head in checkpoint.heads:
        seen = [there for there, _ in anchored if there.worker == head.worker]
        is_later = newest.get(head.worker, question.until) > question.until
        growth, is_vouched_for = _follow(archive, head, seen, answer, is_later=is_later)
        records += growth.proof.end - growth.proof.begin
        compared.update(there for there in seen if there.size in growth.compared)
        unanchored += [] if is_vouched_for else [head.worker]
    if asked.get("answer") != answer.to_json():
        raise ValueError("question.json: the answer is not the one that the records give")
    claimed = asked.get("anchors")
    witnesses = None if claimed is None else tuple(map(Witness.from_json, claimed))
    return Verdict(
        question,
        answer.to_json(),
        checkpoint,
        records,
        witnesses,
        frozenset(compared),
        tuple(unanchored),
    )


def _follow(
    archive: zipfile.ZipFile,
    head: Head,
    seen: Sequence[Head],
    answer: Answer,
    *,
    is_later: bool,
) -> tuple[Growth, bool]:
    """Put a worker's records into the answer; whether anchors vouch for those of the period."""
    name = f"workers/{head.worker}"
    proof = Proof.from_json(orjson.loads(_read(archive, f"{name}.json")))
    question = answer.question
    through = caused = 0
    try:
        growth = Growth(proof, _roots(seen))
        for entry in proven(growth, head, _lines(archive, f"{name}.jsonl"), question):
            answer.follow(entry)
            if entry.get("t", question.until) <= question.until:
                through = growth.size
                caused = caused if entry.get("event") in _OWN else through
    except ValueError as error:
        raise ValueError(f"{name}.jsonl: {error}") from None
    return growth, growth.is_vouched_for(through, caused, is_later=is_later)


def _roots(seen: Sequence[Head]) -> dict[int, bytes]:
    """By size; ValueError when anchors saw different trees of one size."""
    roots = {head.size: head.root for head in seen}
    if any(roots[head.size] != head.root for head in seen):
        raise ValueError("anchors saw different records: not all of them are of this log")
    return roots


def _check_anchored(
    checkpoint: Checkpoint, anchored: Sequence[tuple[Head, str]], seen_at: Mapping[Head, float]
) -> None:
    sizes = {head.worker: head.size for head in checkpoint.heads}
    bases = {head.worker: head.base for head in checkpoint.heads}
    for seen, who in anchored:
        if bases.get(seen.worker, seen.base) != seen.base:
            raise ValueError(f"checkpoint.json: {who} saw worker {seen.worker} begin elsewhere")
        is_later = seen.worker in sizes and seen_at.get(seen, checkpoint.t) > checkpoint.t
        if sizes.get(seen.worker, 0) < seen.size and not is_later:
            raise ValueError(
                f"checkpoint.json: {who} saw {seen.size} records of worker {seen.worker}, "
                f"of which {sizes.get(seen.worker, 0)} are left"
            )


def _check_manifest(archive: zipfile.ZipFile, key: Ed25519PublicKey) -> None:
    manifest = _read(archive, "manifest.json")
    try:
        key.verify(bytes.fromhex(_read(archive, "manifest.sig").decode()), _DOMAIN + manifest)
    except (InvalidSignature, ValueError):
        raise ValueError("manifest.json: not signed by this key") from None
    stated = orjson.loads(manifest)
    signing = {"manifest.json", "manifest.sig"}
    if sorted(archive.namelist()) != sorted({*stated, *signing}):
        raise ValueError("there are other files in it than the manifest says")
    for name, digest in stated.items():
        found = hashlib.sha256()
        for line in _lines(archive, name):
            found.update(line)
        if found.hexdigest() != digest:
            raise ValueError(f"{name}: changed since it was signed")


def _read(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as file:
        data = file.read(_SMALL_BYTES + 1)
    if len(data) > _SMALL_BYTES:
        raise ValueError(f"{name}: too large")
    return data


def _lines(archive: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    with archive.open(name) as file, io.BufferedReader(cast(io.RawIOBase, file)) as buffered:
        while line := buffered.readline(_LONGEST_LINE_BYTES):
            yield line
