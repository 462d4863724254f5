# SPDX-License-Identifier: Apache-2.0
"""Makes the copy of a request that may leave, or says why there is none.

Rules
-----
1. Removed is what the detector finds in `ident` mode, where any identifier counts, whether there is
   a health context or not; every other place where a found value stands, or one that an earlier
   turn of the session had; and who is asking.
2. What cannot be replaced is not sent: a find in the name of a field or in a number of the request
   itself, one that goes over from one string to the next, media, and what could not be read.
3. The copy is judged again, as any request is. Inside placeholders a find counts for nothing: they
   are ours. Any other find of a kind that is owed, and the request stays.
4. An error, a time-out, a verdict that is none: it stays. `redact` raises nothing.
5. A request that its caller or the operator calls sensitive, and in which nothing is found, stays:
   they know something that no detector sees.
"""

from __future__ import annotations

import asyncio
import bisect
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate, repeat
from typing import Protocol

from gateway.limits import Json
from gateway.redaction.copy import Redacted, Redaction, Refusal, Unredactable
from gateway.redaction.leaves import Leaf, Unwalkable, leaves, with_texts
from gateway.redaction.notice import with_notice
from gateway.redaction.occurrences import Occurrences
from gateway.redaction.placeholders import NoFreeLetters, Vault, draw_nonce
from gateway.redaction.short_codes import hides_text
from gateway.signals.privacy import Kind, Mode, Span, Verdict
from gateway.state.vaults import Vaults
from gateway.texts import strings
from gateway.wire import ChatRequest
from policies import DataClass

# More than this would hold up the other requests of the event loop.
_OFF_LOOP_CHARS = 32_768
_LONGEST_S = 5.0
# What a verdict may say about a text that was read to its end.
_READ = frozenset(
    {
        *("identifier", "identifier_with_health", "identifier_not_english", "weak_identifier"),
        *("secret", "card"),
    }
)


class Scanner(Protocol):
    """The privacy cascade, told how strict to be."""

    def scan(self, text: str, mode: Mode = "auto", *, with_health: bool = False) -> Verdict:
        """What `text` holds; `with_health` finds words about health as well."""


class _Refused(Exception):
    def __init__(self, code: Refusal) -> None:
        super().__init__(code)
        self.code = code


class Redactor:
    """Redacts requests.

    `is_common` says of a word in small letters that it is an ordinary one, and no name. In `vaults`
    the placeholders of a session are kept from turn to turn. `keeps_format` asks for surrogates
    where they are safe.
    """

    def __init__(
        self,
        scanner: Scanner,
        is_common: Callable[[str], bool],
        vaults: Vaults | None = None,
        *,
        keeps_format: bool = False,
        waits: bool = False,
    ) -> None:
        """`waits`: the scanner waits for another process, so no scan runs on the event loop."""
        self._scanner = scanner
        self._is_common = is_common
        self._vaults = vaults
        self._keeps_format = keeps_format
        self._off_loop_chars = 0 if waits else _OFF_LOOP_CHARS

    async def redact(
        self,
        request: ChatRequest,
        kinds: frozenset[str],
        *,
        must_find: bool = False,
        session: tuple[str, str] | None = None,
    ) -> Redaction:
        """A copy without identifiers of these kinds; `must_find` is for rule 5.

        Within a `session` (tenant, name) the same value keeps its placeholder.
        """
        try:
            if self._vaults is None or session is None:
                return await self._attempt(request, kinds, must_find, None)
            before = await self._vaults.get(*session)
            redacted = await self._attempt(request, kinds, must_find, before)
            if redacted.vault:
                await self._vaults.put(*session, redacted.vault)
            return redacted
        except _Refused as refusal:
            return Unredactable(refusal.code)
        except TimeoutError:
            return Unredactable("detector_failed")
        except (Unwalkable, NoFreeLetters):
            return Unredactable("unreadable")
        except Exception:  # rule 4; the exception may hold text, so it is not kept
            return Unredactable("failed")

    async def close(self) -> None:
        """Release connections."""
        if self._vaults is not None:
            await self._vaults.close()

    async def _attempt(
        self, request: ChatRequest, kinds: frozenset[str], must_find: bool, before: bytes | None
    ) -> Redacted:
        """`before` is the vault of the turn before."""
        if len(request.text) <= self._off_loop_chars:
            return self._redact(request, kinds, must_find, before)
        async with asyncio.timeout(_LONGEST_S):
            return await asyncio.to_thread(self._redact, request, kinds, must_find, before)

    def _redact(
        self,
        request: ChatRequest,
        kinds: frozenset[str],
        must_find: bool,
        before: bytes | None,
    ) -> Redacted:
        if request.has_media:
            raise _Refused("media")
        pieces = leaves(request.body)
        found = self._found(pieces, kinds)
        vault = self._vault(before, "\n".join([request.text, *(p.text for p in pieces)]))
        known = vault.values(kinds)
        if must_find and not any(found) and not self._stands(known, pieces):
            raise _Refused("nothing_found")
        if Kind.OTHER_ID in kinds:
            found = list(map(_with_subject, pieces, found))
        values = [
            (span.kind, piece.text[span.start : span.end])
            for piece, spans in zip(pieces, found, strict=True)
            for span in spans
        ]
        everywhere = Occurrences([*values, *known], self._is_common)
        places = [
            [*spans, *everywhere.find(piece.text)]
            for piece, spans in zip(pieces, found, strict=True)
        ]
        texts = list(map(_replaced, pieces, places, repeat(vault)))
        body = with_texts(request.body, texts) if any(places) else request.body
        for core in list(vault.originals)[:1]:
            body = with_notice(body, vault.shown(core))
        self._judge_again(body, kinds, vault, everywhere)
        return Redacted(
            body=body,
            counts=dict(vault.counts),
            originals=vault.originals,
            says_json=_says_json(request.body),
            vault=vault.closed() if any(places) else b"",
        )

    def _vault(self, before: bytes | None, text: str) -> Vault:
        vault = Vault.opened(before, text, keeps_format=self._keeps_format) if before else None
        return vault or Vault(draw_nonce(text), text, keeps_format=self._keeps_format)

    def _stands(self, known: list[tuple[Kind, str]], pieces: Sequence[Leaf]) -> bool:
        """Whether a value that the session knows stands anywhere."""
        values = Occurrences(known, self._is_common)
        return any(True for piece in pieces for _ in values.find(piece.text))

    def _found(self, pieces: Sequence[Leaf], kinds: frozenset[str]) -> list[list[Span]]:
        """What is to be replaced in each piece, by offsets in its text."""
        said = [piece.label + piece.text for piece in pieces]
        starts = [0, *accumulate(len(text) + 1 for text in said)]
        found: list[list[Span]] = [[] for _ in pieces]
        text = "\n".join(said)
        if hides_text(text):
            raise _Refused("unreadable")
        for span in self._scan(text, kinds):
            at = bisect.bisect_right(starts, span.start) - 1
            if span.end >= starts[at + 1]:
                raise _Refused("split")
            offset = starts[at] + len(pieces[at].label)
            if span.end <= offset:
                raise _Refused("key")
            start = max(0, span.start - offset)
            found[at].append(Span(start, span.end - offset, span.kind))
        return found

    def _judge_again(
        self, body: Json, kinds: frozenset[str], vault: Vault, values: Occurrences
    ) -> None:
        """Rule 3, over the same text that the border would read of the copy."""
        text = "\n".join(strings({k: v for k, v in body.items() if k != "model"}))
        found = re.finditer(vault.pattern(), text)
        ours = [match.span() for match in found if (match[1] or match[0]) in vault.originals]
        starts = [start for start, _ in ours]
        for span in self._scan(text, kinds):
            at = bisect.bisect_right(starts, span.start) - 1
            is_inside = at >= 0 and span.end <= ours[at][1]
            if not is_inside:
                raise _Refused("still_found")
        if values.stand_in(text):
            raise _Refused("still_found")

    def _scan(self, text: str, kinds: frozenset[str]) -> list[Span]:
        health = {"with_health": True} if Kind.HEALTH in kinds else {}
        try:
            verdict: object = self._scanner.scan(text, "ident", **health)
        except Exception:
            raise _Refused("detector_failed") from None
        if not isinstance(verdict, Verdict):
            raise _Refused("detector_failed")
        if verdict.data_class is DataClass.UNKNOWN or not _READ.issuperset(verdict.reasons):
            raise _Refused("unreadable")
        return [span for span in verdict.spans if span.kind.value in kinds]


def _with_subject(piece: Leaf, spans: list[Span]) -> list[Span]:
    """The spans of a piece; who is asking is one as a whole."""
    return [Span(0, len(piece.text), Kind.OTHER_ID)] if piece.form == "subject" else spans


def _replaced(piece: Leaf, spans: Iterable[Span], vault: Vault) -> str:
    """The text of a piece with placeholders in the place of the spans."""
    parts, done = [], 0
    for start, end, kind in _apart(piece.text, spans):
        if piece.form in ("key", "number"):
            raise _Refused("key" if piece.form == "key" else "number")
        write = vault.core if piece.form == "token" else vault.written
        parts += [piece.text[done:start], write(kind, piece.text[start:end])]
        done = end
    return "".join([*parts, piece.text[done:]])


def _apart(text: str, spans: Iterable[Span]) -> Iterator[tuple[int, int, Kind]]:
    """The spans in order, those that overlap as one, without white space at their ends."""
    merged: list[tuple[int, int, Kind]] = []
    for span in sorted(spans, key=lambda each: (each.start, -each.end)):
        if merged and span.start < merged[-1][1]:
            start, end, kind = merged[-1]
            merged[-1] = (start, max(end, span.end), kind)
        else:
            merged.append((span.start, span.end, span.kind))
    for start, end, kind in merged:
        value = text[start:end]
        first = start + len(value) - len(value.lstrip())
        if value.strip():
            yield first, first + len(value.strip()), kind


def _says_json(body: Json) -> bool:
    wanted = body.get("response_format") or {}
    return bool(wanted.get("type", "text") != "text")
