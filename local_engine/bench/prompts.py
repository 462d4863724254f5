# SPDX-License-Identifier: Apache-2.0
"""What the measurements ask: plain texts to write freely, and such whose answer copies much."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from itertools import islice, product
from pathlib import Path
from typing import Any, Final

FILLER: Final = "The clinic opens at eight and the team meets before the first visit. "
FREE: Final = (
    "Tell a long story about a lighthouse and a storm.",
    "Explain how a river is born and where it ends.",
    "Describe a market in a small town in the morning.",
)
_QUOTE: Final = "Summarize this note in its own sentences and quote them word by word:\n"
_CODE: Final = "Write this code again with one more comment at its top:\n"
_JSON: Final = "Write this JSON again, each value unchanged:\n"
_MOST_CHARACTERS: Final = 900
_TOPICS: Final = (
    "a lighthouse", "the tides", "a bakery", "river deltas", "a chess club", "solar panels",
    "bread and salt", "a night train", "bees", "a school garden", "volcanoes", "old maps",
    "a small library", "the moon", "a football match", "winter coats", "a bicycle workshop",
    "rain", "honey", "a harbour",
)  # fmt: skip
_TASKS: Final = (
    "Tell a story about {topic}.",
    "Explain {topic} to a child.",
    "List five facts about {topic}.",
    "Write a short poem about {topic}.",
    "Which questions would you ask about {topic}, and why?",
    "Write a letter to a friend about {topic}.",
    "Describe {topic} in three sentences.",
    f"Repeat this text exactly: {FILLER * 2}Today they speak of {{topic}}.",
    'Write this list again: [{{"id": 1, "about": "{topic}"}}, {{"id": 2, "about": "{topic}"}}]',
    "Write this code again:\ndef note(day):\n    return {{'day': day, 'about': '{topic}'}}\n",
)


def varied(count: int) -> list[str]:
    """At most 200 prompts, each another; of ten that follow each other, three are to be copied."""
    every = (task.format(topic=topic) for topic, task in product(_TOPICS, _TASKS))
    return list(islice(every, count))


def copying(data: Path | None = None, each: int = 4) -> tuple[str, ...]:
    """Prompts whose answers quote a note, rewrite JSON or edit code.

    `data` holds `privacy/long_notes/mts_dialog_train.csv` and `specs/openai-openapi.json`; then
    there are `each` of a kind, otherwise one. Raises OSError, ValueError or KeyError.
    """
    if data is None:
        notes, rows = (
            [FILLER * 6],
            [{"id": n, "bed": f"{n % 7}A", "ward": "north"} for n in range(9)],
        )
        tables = ["\n".join(json.dumps(row) for row in rows)]
        code = ["".join(f"def step_{n}(value):\n    return value + {n}\n\n" for n in range(7))]
        return (_QUOTE + notes[0], _JSON + tables[0], _CODE + code[0])
    with (data / "privacy/long_notes/mts_dialog_train.csv").open(encoding="utf-8") as lines:
        found = [row["section_text"] for row in csv.DictReader(lines)]
    documented = json.loads((data / "specs" / "openai-openapi.json").read_text(encoding="utf-8"))
    kinds = (
        (_QUOTE, found),
        (_JSON, _values(documented, "response")),
        (_CODE, _values(documented, "python")),
    )
    return tuple(
        asked + text for asked, texts in kinds for text in islice(filter(_is_fit, texts), each)
    )


def _values(document: Any, name: str) -> Iterator[str]:
    """Each text of that name, wherever it is."""
    parts = document.values() if isinstance(document, dict) else document
    for part in parts:
        if isinstance(part, dict | list):
            yield from _values(part, name)
    if isinstance(document, dict) and isinstance(document.get(name), str):
        yield document[name]


def _is_fit(text: str) -> bool:
    return 300 < len(text) < _MOST_CHARACTERS
