# SPDX-License-Identifier: Apache-2.0
"""The cascade: prefilter, normaliser, stages, and the class that follows from what they found.

Rules
1. Nothing here raises. What fails, is too long or cannot be read is UNKNOWN, the strictest class.
2. Stages only add findings; a later stage cannot take back what an earlier one found.
3. No text leaves this module: a verdict holds offsets, kinds and reason codes.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache
from typing import Protocol, cast

from gateway.signals.privacy import digits, health, normalise, recognisers
from gateway.signals.privacy.custom import Allowed, CustomStage
from gateway.signals.privacy.digits import TooDisguised
from gateway.signals.privacy.found import Found, Refused, narrow
from gateway.signals.privacy.model import Model, artefact_sha256, packaged
from gateway.signals.privacy.outline import NOTHING, Outline, conclude, outline_of, span_of
from gateway.signals.privacy.prefilter import (
    CompiledStore,
    Gate,
    Places,
    Prefilter,
    build_prefilter,
)
from gateway.signals.privacy.recognisers import RECOGNISERS, Document, RecogniserStage, possible
from gateway.signals.privacy.scripts import ScriptStage
from gateway.signals.privacy.tagger import Tagger
from gateway.signals.privacy.tokens import rare_words
from gateway.signals.privacy.verdict import Mode, Span, Verdict
from policies import DataClass

MAX_CHARS = 1_000_000
_BINARY_SHARE = 0.05
# Each finding costs some 5 us: more than these would break the time bound.
_FINDINGS_FLOOR = 500
_CHARS_PER_FINDING = 64
_REVISION = "7"  # raise when code changes what is found without changing a pattern

TRIGGERS = (*recognisers.TRIGGERS, *normalise.TRIGGERS)
_DISGUISE_AT = len(recognisers.TRIGGERS)
_DISGUISE = normalise.EVERYTHING << _DISGUISE_AT
GATES = (
    Gate(
        ("[0-9]",),
        recognisers.NEED_DIGIT | {_DISGUISE_AT + number for number in normalise.NEED_DIGIT},
    ),
    Gate(digits.SPELLED_OPENERS, frozenset({_DISGUISE_AT + normalise.SPELLED})),
)
_CONTROL_BYTES = bytes([*range(9), *range(0x0E, 0x1B), 0x7F])
_UNREADABLE = re.compile("[\x00-\x08\x0e-\x1a\x7f\ud800-\udfff\ufffd]")
_CLEAN = Verdict(DataClass.PUBLIC, (), False, ())
_FAILED = Verdict(DataClass.UNKNOWN, (), False, ("stage_error:cascade",))


class Stage(Protocol):
    """One part of the cascade: adds findings to a normalised document."""

    @property
    def name(self) -> str:
        """Stands in the reason code when the stage fails."""

    def find(self, document: Document) -> Iterable[Found]:
        """Findings as offsets into `document.text`, in any order, overlaps allowed."""


class OwnStage(Stage, Protocol):
    """One that the operator added; `fingerprint` is a part of the detector's version."""

    fingerprint: str


class Detector:
    """Scans texts. Holds no state between calls and may be shared by threads.

    The lexicon and the weights are read when the first text comes. The constructor raises OSError
    when a file of the artefact is missing; `artefact_sha256` names the files.
    """

    def __init__(
        self,
        *,
        prefilter: Prefilter | None = None,
        stages: Callable[[Prefilter], tuple[Stage, ...]] | None = None,
        load: Callable[[], Model] = packaged,
        custom: CustomStage | None = None,
        allowed: Allowed | None = None,
        second: OwnStage | None = None,
        store: CompiledStore | None = None,
    ) -> None:
        known = len(RECOGNISERS)
        self._prefilter = prefilter or build_prefilter(TRIGGERS, known, GATES, store)
        self._store = store
        self._load = load
        own: tuple[Stage, ...] = (RecogniserStage(self._prefilter), Tagger(load), ScriptStage())
        self._stages = stages(self._prefilter) if stages else own
        added: tuple[OwnStage, ...] = (custom,) if custom else ()
        added += (second,) if second else ()
        self._stages += added
        self._allowed = allowed or Allowed()
        self._always_runs = stages is not None or bool(added)
        self.artefact_sha256 = artefact_sha256()
        told = "\n".join(each.fingerprint for each in added)
        own_words = f"{told}\n\n{self._allowed.fingerprint}"
        self.version = _version(self.artefact_sha256, own_words.strip())

    def scan(self, text: str, mode: Mode = "auto", *, with_health: bool = False) -> Verdict:
        """The class of `text` and where its identifiers are; never raises.

        `with_health` adds a HEALTH span for each clinical word. Modes: `phi` wants an identifier
        and a health context, `ident` any identifier, `auto` tells the two apart as PHI and PII.
        """
        try:
            outline, plain = self._examine(text, asks_health=with_health)
            if outline is NOTHING:
                return _CLEAN
            if with_health and outline.has_health:
                spans = [span_of(each) for each in health.health_spans(plain)]
                outline = replace(outline, spans=(*outline.spans, *spans))
            return conclude((outline,), outline.spans, plain, mode)
        except Exception:  # rule 1; the exception may hold text, so not even its message is kept
            return _FAILED

    def outline(self, text: str) -> Outline:
        """What `text` holds, for a class that is made of several texts; never raises."""
        try:
            return self._examine(text, asks_health=True)[0]
        except Exception:
            return Outline(reasons=("stage_error:cascade",))

    def _examine(self, text: str, *, asks_health: bool) -> tuple[Outline, str]:
        """And the text without its disguises. Health is looked for beside findings, or if asked."""
        if len(text) > MAX_CHARS:
            return Outline(reasons=("too_long",)), ""
        looked = _Looked(self._prefilter)
        lexicon = self._load().lexicon
        if text.isascii() and not looked.look(text)[0] & _DISGUISE and not _has_control(looked):
            rare = rare_words(looked.data, lexicon)
            if rare is None and not self._always_runs and not possible(looked.hits):
                has_health = asks_health and self._has_health(text)
                return (Outline(has_health=True) if has_health else NOTHING), text
            normal, reasons = normalise.Normalised(text), list[str]()
        else:
            reasons = ["binary"] if _is_binary(text) else []
            readable = _normalised(text, reasons, looked)
            if readable is None:
                return Outline(reasons=(*reasons, "too_disguised")), text
            normal = readable
            looked.look(normal.text)
            rare = rare_words(looked.data, lexicon)
        hits, places = looked.hits, looked.places
        found = self._run_stages(Document(normal.text, hits, rare, places), reasons)
        found = _resolved(self._allowed.without(found, normal.text))
        has_health = bool(found or asks_health) and self._has_health(normal.text)
        return outline_of(found, _spans(found, normal), has_health, reasons), normal.text

    def _has_health(self, text: str) -> bool:
        data = narrow(text)
        # Apart from the first: clinical words only matter beside an identifier.
        hits = _clinical_words(self._store).look(data)[0]
        if hits & 1 or health.has_clinical_word(data):
            return True
        return hits > 1 and health.has_clinical_ending(text)

    def _run_stages(self, document: Document, reasons: list[str]) -> list[Found]:
        found: list[Found] = []
        most = _FINDINGS_FLOOR + len(document.text) // _CHARS_PER_FINDING
        for stage in self._stages:
            try:
                found.extend(itertools.islice(stage.find(document), most - len(found) + 1))
            except Refused as refusal:
                reasons.append(refusal.code)
            except Exception:  # rule 1
                reasons.append(f"stage_error:{stage.name}")
            if len(found) > most:
                reasons.append("too_many")
                break
        return found


class _Looked:
    """The prefilter's answer for the text it was last asked about."""

    def __init__(self, prefilter: Prefilter) -> None:
        self._prefilter = prefilter
        self._text: str | None = None
        self.hits, self.places = 0, cast("Places | None", None)
        self.data = b""

    def look(self, text: str) -> tuple[int, Places | None]:
        """See `Prefilter.look`."""
        if text is not self._text:
            self._text, self.data = text, narrow(text)
            self.hits, self.places = self._prefilter.look(self.data)
        return self.hits, self.places

    def disguises(self, text: str) -> int:
        """The hits that the normaliser asks for."""
        return self.look(text)[0] >> _DISGUISE_AT


def _has_control(looked: _Looked) -> bool:
    return len(looked.data.translate(None, _CONTROL_BYTES)) != len(looked.data)


def _normalised(text: str, reasons: list[str], looked: _Looked) -> normalise.Normalised | None:
    """The text to scan, None when that takes too long; faults go to `reasons`."""
    try:
        normal = normalise.normalise(text, looked.disguises)
    except TooDisguised:
        return None
    if normal.has_opaque_run:
        reasons.append("opaque_run")
    return normalise.Normalised(text) if normal.text == text else normal


@cache
def _clinical_words(store: CompiledStore | None) -> Prefilter:
    """A fifth of a second to compile, and needed beside findings only: made when first asked."""
    return build_prefilter(health.TRIGGERS, 0, store=store)


def warm_up(make: Callable[[], Detector] = Detector) -> None:
    """Make what only texts with an identifier need, for all detectors: a third of a second."""
    make().scan("Patient Jane Roe (MRN 48213377) has asthma.")
    _ = [each.pattern for each in RECOGNISERS]


def _is_binary(text: str) -> bool:
    """Control and replacement characters in more than one of twenty characters."""
    if text.isascii():  # a translation to bytes is ten times as fast as one of a text
        data = text.encode("ascii")
        return len(data) - len(data.translate(None, _CONTROL_BYTES)) > _BINARY_SHARE * len(text)
    return len(_UNREADABLE.findall(text)) > _BINARY_SHARE * len(text)


def _resolved(found: list[Found]) -> list[Found]:
    """Of two hits that nest the outer (or first) stays; two of a kind that overlap are one."""
    kept: list[Found] = []
    for each in sorted(found, key=lambda hit: (hit.start, -hit.end)):
        last = kept[-1] if kept else None
        if last is None or each.end > last.end:
            if last is not None and each.start < last.end and each.kind is last.kind:
                is_strong = last.is_strong or each.is_strong
                kept[-1] = Found(last.start, each.end, each.kind, is_strong)
            else:
                kept.append(each)
    return kept


def _spans(found: list[Found], normal: normalise.Normalised) -> tuple[Span, ...]:
    """In order, in offsets of the original; of two that nest there, the outer stays."""
    mapped = [(*normal.original(each.start, each.end), each.kind) for each in found]
    mapped.sort(key=lambda span: (span[0], -span[1]))
    kept: list[Span] = []
    for start, end, kind in mapped:
        if not kept or end > kept[-1].end:
            kept.append(Span(start, end, kind))
    return tuple(kept)


def _version(artefact: str, own_words: str) -> str:
    """Changes when a pattern or the artefact does; stands in audit records."""
    digest = hashlib.sha256(f"{_REVISION} {artefact} {own_words}".encode())
    for each in RECOGNISERS:
        digest.update(f"\0{each.name}\0{each.trigger}\0{each.exact.text}".encode())
    for trigger in (*normalise.TRIGGERS, *health.WORDS_TRIGGER, health.ENDING_TRIGGER):
        digest.update(trigger.encode())
    return digest.hexdigest()[:12]
