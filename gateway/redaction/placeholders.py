# SPDX-License-Identifier: Apache-2.0
"""What stands for a removed value: `[NAME_1_KXQTJW]`, and which value stands behind it.

A placeholder is made of the kind, a number in order of appearance, and six letters drawn at
random for the request. Nothing in it is derived from the person's data (45 CFR 164.514(c)). The
letters do not occur in the request, so no text of the caller's can look like a placeholder of ours,
and nobody who wrote a part of the prompt beforehand can guess one. There are no vowels among them,
so they spell no word, and none that a kind begins with, so no placeholder can begin inside another.

Where the operator wants the format kept, some kinds have surrogates instead (`surrogates.py`).

Consistent: the same value gets the same placeholder. White space never makes a difference; case
makes none in names and places, whose first spelling is the one that comes back, and does in
everything else: `ab12` and `AB12` are two record numbers.
"""

from __future__ import annotations

import json
import secrets
from collections import Counter
from collections.abc import Callable, Mapping
from types import MappingProxyType

from gateway.redaction.surrogates import SHAPE, draw_surrogate
from gateway.signals.privacy import Kind

LETTERS = "JKQRTWXZ"
NONCE_CHARS = 6
_TRIES = 64
# Letters only, so that a placeholder has the same three parts whatever its kind.
LABELS: Mapping[Kind, str] = MappingProxyType(
    {kind: kind.value.split("_")[0] for kind in Kind}
    | {Kind.HEALTH_PLAN: "PLAN", Kind.OTHER_ID: "ID"}
)
_KINDS = {label: kind for kind, label in LABELS.items()}
_CASELESS = frozenset({Kind.NAME, Kind.GEO})


class NoFreeLetters(Exception):
    """Every draw of letters occurs in the text: it is made of them."""


def draw_nonce(text: str, draw: Callable[[str], str] = secrets.choice) -> str:
    """Six letters that do not occur in `text`, in no case; raises NoFreeLetters."""
    upper = text.upper()
    for _ in range(_TRIES):
        nonce = "".join(draw(LETTERS) for _ in range(NONCE_CHARS))
        if nonce not in upper:
            return nonce
    raise NoFreeLetters


class Vault:
    """The placeholders of one request, or of a session so far. Its repr shows nothing.

    Lives in memory, for the request; between the turns of a session it is kept sealed.
    """

    __slots__ = (
        *("_by_value", "_known", "_numbers", "_surrogates", "_text"),
        *("counts", "keeps_format", "nonce", "originals"),
    )

    def __init__(self, nonce: str, text: str = "", *, keeps_format: bool = False) -> None:
        """In `text` no surrogate may stand; `keeps_format` asks for them."""
        self.nonce = nonce
        self.keeps_format = keeps_format
        self.originals: dict[str, str] = {}
        """Placeholder without brackets, or surrogate, to its value, of those in this request.

        A value is spelled as where it was first seen, be it in a turn before.
        """
        self.counts: Counter[str] = Counter()
        """Kind to how often one of it was replaced."""
        self._known: dict[str, str] = {}
        self._by_value: dict[str, str] = {}
        self._numbers: Counter[str] = Counter()
        self._surrogates: dict[str, str] = {}  # to their kind's label
        self._text = text

    @classmethod
    def opened(cls, data: bytes, text: str = "", *, keeps_format: bool = False) -> Vault | None:
        """What `closed` made in a turn before; None when it is nothing of the kind."""
        try:
            nonce, known, by_value, numbers, *surrogates = json.loads(data)
            vault = cls(nonce, text, keeps_format=keeps_format)
            vault._known, vault._by_value = dict(known), dict(by_value)
            vault._numbers = Counter(numbers)
            vault._surrogates = dict(*surrogates)
        except (ValueError, TypeError):
            return None
        return vault

    def closed(self) -> bytes:
        """All of it but the counts, for the next turn. Holds values: to be sealed."""
        return json.dumps(
            [self.nonce, self._known, self._by_value, self._numbers, self._surrogates]
        ).encode()

    def values(self, kinds: frozenset[str]) -> list[tuple[Kind, str]]:
        """What was removed so far, turns before included, of these kinds."""
        said = (
            (_KINDS[self._surrogates.get(core) or core.split("_")[0]], value)
            for core, value in self._known.items()
        )
        return [(kind, value) for kind, value in said if kind in kinds]

    def written(self, kind: Kind, value: str) -> str:
        """What is written for a value: a surrogate, or a placeholder in brackets; counted."""
        surrogate = self._surrogate(kind, value) if self.keeps_format else None
        if surrogate is None:
            return f"[{self.core(kind, value)}]"
        self.counts[kind.value] += 1
        self.originals[surrogate] = self._known[surrogate]
        return surrogate

    def core(self, kind: Kind, value: str) -> str:
        """The placeholder for a value, without brackets, and counted as one replacement."""
        self.counts[kind.value] += 1
        key = folded(kind, value)
        known = self._by_value.get(key)
        if known is None:
            label = LABELS[kind]
            self._numbers[label] += 1
            known = f"{label}_{self._numbers[label]}_{self.nonce}"
            self._by_value[key] = known
            self._known[known] = value
        self.originals[known] = self._known[known]
        return known

    def shown(self, core: str) -> str:
        """A key of `originals` as it stands in the text."""
        return core if core in self._surrogates else f"[{core}]"

    def pattern(self) -> str:
        """Of whatever may be a placeholder or surrogate of ours; group 1 is the typed one."""
        typed = rf"\[?([A-Z]+_[0-9]+_{self.nonce})\]?"
        return f"{typed}|{SHAPE}" if self._surrogates else typed

    def _surrogate(self, kind: Kind, value: str) -> str | None:
        """The same one for the same value; None where its kind has none, or all are taken."""
        key = f"\0{folded(kind, value)}"
        if key in self._by_value:
            return self._by_value[key]
        label = LABELS[kind]
        for _ in range(_TRIES):
            drawn = draw_surrogate(kind, self._numbers[label] + 1, self.nonce, secrets.randbelow)
            if drawn is None:
                return None
            if drawn not in self._known and drawn not in self._text:
                self._numbers[label] += 1
                self._by_value[key], self._known[drawn] = drawn, value
                self._surrogates[drawn] = label
                return drawn
        return None


def folded(kind: Kind, value: str) -> str:
    """What two spellings of the same value have in common."""
    value = " ".join(value.split())
    return value.casefold() if kind in _CASELESS else value
