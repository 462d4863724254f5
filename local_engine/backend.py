# SPDX-License-Identifier: Apache-2.0
"""What stands behind the line: one loaded model that serves many requests at once."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence as Tokens
from dataclasses import dataclass
from typing import Protocol

from local_engine.engine import DraftChoice, GenerationRequest, Vocabulary, always
from local_engine.waiting import Line


@dataclass(slots=True, kw_only=True)
class Gauges:
    """Counts of a backend, written by its thread and read by any; times in seconds.

    `busy_s` is the time of whole steps, `decode_s` what of it llama.cpp took; `row_cost_s` is what
    a decode of so many rows took when the model was loaded, `drafts` what is copied by that.
    """

    kv_cells: int = 0
    kv_used: int = 0
    kv_kept: int = 0
    steps: int = 0
    rows: int = 0
    decode_s: float = 0.0
    busy_s: float = 0.0
    row_cost_s: tuple[tuple[int, float], ...] = ()
    drafts: tuple[DraftChoice, ...] = ()


class Backend(Protocol):
    """One loaded model."""

    @property
    def name(self) -> str:
        """What /health calls it."""
        ...

    @property
    def n_ctx(self) -> int:
        """Tokens that one request may have, prompt and answer."""
        ...

    @property
    def slots(self) -> int:
        """Requests at a time."""
        ...

    @property
    def features(self) -> frozenset[str]:
        """`EngineStatus.features`."""
        ...

    @property
    def gauges(self) -> Gauges:
        """What it has done."""
        ...

    def tokenize(self, text: str, *, parse_special: bool) -> list[int]:
        """Token ids; control tokens only where `parse_special` is true. Any thread."""
        ...

    def vocabulary(self) -> Vocabulary:
        """The model's tokens. Any thread."""
        ...

    def embed(
        self, inputs: Tokens[Tokens[int]], is_wanted: Callable[[], bool] = always
    ) -> list[list[float]]:
        """One vector of length 1 for each list of token ids, as `Engine.embed`. Any thread."""
        ...

    def check(self, request: GenerationRequest) -> None:
        """Raise InvalidRequestError for what this backend cannot do. Any thread."""
        ...

    def serve(self, line: Line) -> None:
        """Take requests out of the line and answer them until it is closed and all have ended."""
        ...

    def close(self) -> None:
        """Free the model."""
        ...
