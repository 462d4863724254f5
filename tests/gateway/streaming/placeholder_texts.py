# SPDX-License-Identifier: Apache-2.0
"""Texts with placeholders in them, what they must become, and ways to cut them into pieces."""

from __future__ import annotations

import random

NONCE = "KXQTJW"
ORIGINALS = {
    f"NAME_1_{NONCE}": "Jane Roe",
    f"NAME_12_{NONCE}": 'O"Hara\\',
    f"MRN_1_{NONCE}": "48213377",
    f"ID_1_{NONCE}": "[NAME_1_KXQTJW]",  # a value that looks like a placeholder
    f"DATE_1_{NONCE}": "3/4/61\nnoon",
    f"PLAN_1_{NONCE}": "Zoë-7",
}
# With surrogates, as where the format is kept.
MIXED = ORIGINALS | {
    "201-555-0143": "(415) 723-8800",
    "203-555-0101": "201-555-0143",
    "000-12-3456": "521-44-9023",
    "mail1.kxqtjw@example.org": 'jane"roe@mercy.test',
    "192.0.2.117": "10.4.4.19",
}
PLAIN = (
    *("array[0]", "[[0]]", "[", "]", "NAME", "[NAME", "NAME_1", "[NAME_1_KXQTJ", "Na", "I", "ID_"),
    *(f"[NAME_2_{NONCE}]", "[NAME_1_ZZZZZZ]", f"name_1_{NONCE.lower()}", "N A", "\\", "\\_", "_"),
    *("201-555-01", "000-12-3457", "mail2.kxqtjw@example.org", "192.0.2.11", "20", "0", "Mail"),
    *("Zoë", "日本", "😀", "a < b", "", "\n", "MRN_1_", f"[X_1_{NONCE}]", "[]", "NNAME_1_KXQTJ"),
)


def forms(core: str) -> list[str]:
    """All the ways in which a model may write a placeholder and have it understood."""
    if "_" not in core:
        return [core, core.upper(), core.title()]
    escaped = core.replace("_", "\\_")
    return [f"[{core}]", f"[{core.lower()}]", core, f"[{core}", f"{core}]", f"[{escaped}]"]


def drawn(
    rng: random.Random, pieces: int, originals: dict[str, str] = ORIGINALS
) -> tuple[str, str]:
    """A text of so many pieces, and what it must become."""
    said, meant = [], []
    for _ in range(pieces):
        if rng.random() < 0.5:
            core = rng.choice([*originals])
            said.append(rng.choice(forms(core)))
            meant.append(originals[core])
        else:
            said.append(rng.choice(PLAIN))
            meant.append(said[-1])
    return " ".join(said), " ".join(meant)


def cut(text: str, rng: random.Random) -> list[str]:
    """The text in pieces of random size, many of them a character long."""
    longest = rng.choice([1, 2, 3, 8, 40])
    pieces, at = [], 0
    while at < len(text):
        size = rng.randint(1, longest)
        pieces.append(text[at : at + size])
        at += size
    return pieces
