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
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from gateway.records.bundle_text import readme
from gateway.records.chain import Entry
from gateway.records.checkpoint import Checkpoint
from gateway.records.evidence import Answer, Proof, Question, proven
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
    """What a bundle that was checked says. `claimed` is who its maker asked, None if unsaid."""

    question: Question
    answer: Entry
    checkpoint: Checkpoint
    records: int
    claimed: tuple[Witness, ...] | None


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

    Raises ValueError when none of its records is in a tree.
    """
    base = kept = begin = end = size = 0
    has_begun, t = False, 0.0
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
    if not has_begun:
        begin = max(size - 1, kept)
    if size == 0:
        raise ValueError(f"worker {worker} has records of the first format only")
    return Stretch(base, kept, begin, max(min(end, size), begin + 1), size)


def _put_worker(
    directory: Path, worker: int, stretch: Stretch, written: _Written, answer: Answer
) -> Head:
    tree, after = CompactRange(), CompactRange(stretch.end)
    before: tuple[bytes, ...] = ()

    def lines() -> Iterator[bytes]:
        nonlocal tree, before
        for place, line, entry in leaves(directory, worker):
            if place >= stretch.size:
                return
            if place == stretch.kept:
                tree = CompactRange(0, place, map(bytes.fromhex, entry["tree"]["nodes"]))
            if place == stretch.begin:
                before = tuple(tree.nodes)
            if place >= stretch.end:
                after.append(leaf_hash(line))
                continue
            tree.append(leaf_hash(line))
            if place >= stretch.begin:
                answer.follow(entry)
                yield line

    written.put_lines(f"workers/{worker}.jsonl", lines())
    proof = Proof(worker, stretch.begin, stretch.end, stretch.size, before, tuple(after.nodes))
    written.put(f"workers/{worker}.json", orjson.dumps(proof.to_json()))
    tree.extend(after)
    return Head(worker, stretch.base, tree.end, tree.root())


def verify_bundle(
    path: Path, key: Ed25519PublicKey, anchored: Sequence[tuple[Head, str]] = ()
) -> Verdict:
    """Check all of a bundle with the public key alone; ValueError says what is wrong with it.

    `anchored` are heads from outside, each with who saw them: no worker of theirs may be missing
    or have shrunk, and where the period shows the tree growing past one it must fit. Raises
    OSError when the file cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return _verify(archive, key, anchored)
    except _UNREADABLE:
        raise ValueError("not a whole bundle") from None


def _verify(
    archive: zipfile.ZipFile, key: Ed25519PublicKey, anchored: Sequence[tuple[Head, str]]
) -> Verdict:
    _check_manifest(archive, key)
    asked = orjson.loads(_read(archive, "question.json"))
    question = Question.from_json(asked.get("question"))
    checkpoint = Checkpoint.from_json(orjson.loads(_read(archive, "checkpoint.json")))
    if not checkpoint.is_signed_by(key):
        raise ValueError("checkpoint.json: not signed by this key")
    if question.until > checkpoint.t:
        raise ValueError("question.json: the period ends after the bundle was made")
    _check_anchored(checkpoint, anchored)
    answer, records = Answer(question), 0
    for head in checkpoint.heads:
        name = f"workers/{head.worker}"
        proof = Proof.from_json(orjson.loads(_read(archive, f"{name}.json")))
        roots = {seen.size: seen.root for seen, _ in anchored if seen.worker == head.worker}
        try:
            for entry in proven(proof, head, _lines(archive, f"{name}.jsonl"), question, roots):
                answer.follow(entry)
                records += 1
        except ValueError as error:
            raise ValueError(f"{name}.jsonl: {error}") from None
    if asked.get("answer") != answer.to_json():
        raise ValueError("question.json: the answer is not the one that the records give")
    claimed = asked.get("anchors")
    witnesses = None if claimed is None else tuple(map(Witness.from_json, claimed))
    return Verdict(question, answer.to_json(), checkpoint, records, witnesses)


def _check_anchored(checkpoint: Checkpoint, anchored: Sequence[tuple[Head, str]]) -> None:
    sizes = {head.worker: head.size for head in checkpoint.heads}
    for seen, who in anchored:
        if sizes.get(seen.worker, 0) < seen.size:
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
