# SPDX-License-Identifier: Apache-2.0
"""Who says what an answer may go on with: the request's own words, or a small model.

A draft is always one sequence of tokens. The small model's is the one it holds likeliest, so it is
a distribution that is all on one token, as a copy is, and the rule in `speculative` keeps the
large model's distribution with it: what is drawn is drawn by the request's own chain from the large
model. Drafts that are drawn from the small model's distribution would be accepted a little more
often at high temperatures (Leviathan et al., 2023, corollary 3.6), but a request's seed would give
another answer with drafts than without them, and with each K another one.

The small model has a context of its own, with the same places. It reads an answer's prompt when
that is expected to pay, in chunks, and forgets everything when the answer ends: nothing of it is
shared between requests.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from local_engine.engine import Vocabulary
from local_engine.errors import ModelFileError
from local_engine.llama_api import DecodeStatus, Run, Runtime
from local_engine.memory import common_prefix

# A token that the small model is less sure of ends the draft: what follows is hardly ever right.
LEAST_SURE: Final = math.log(0.4)
# Tokens of a prompt that it reads between two steps of the large one.
CHUNK_TOKENS: Final = 64
# So many tokens behind it reads together with the newest one, for nearly nothing.
NEAR_TOKENS: Final = 16
_PROBES: Final = 4
_NEWEST: Final = 0.1


class Drafter(Protocol):
    """Drafts for one answer."""

    @property
    def token_s(self) -> float:
        """Seconds that a drafted token costs before it is verified."""
        ...

    def match(self) -> int:
        """What a draft made now would rest on, for `Acceptance.rate`; -1: there is none."""
        ...

    def draft(self, most: int) -> list[int]:
        """At most so many tokens that may follow; call `match` first."""
        ...


class DraftModel:
    """A small model with a context of its own. The engine's thread only."""

    def __init__(self, runtime: Runtime, clock: Callable[[], float]) -> None:
        self._runtime = runtime
        self._clock = clock
        self._held: dict[int, list[int]] = {}
        self._failed: set[int] = set()
        self._chunk = min(CHUNK_TOKENS, runtime.config.n_batch)
        self.near = min(NEAR_TOKENS, self._chunk)
        """So many tokens it need not read beforehand."""
        self.token_s = 0.0
        self.prompt_token_s = 0.0
        self.spent_s = 0.0
        """All that it has taken so far."""

    def calibrate(self) -> None:
        """Measure a token and a chunk; leaves the context empty. Raises ModelFileError."""
        size = min(self._chunk, self._runtime.n_ctx // 4)
        chunks = [self._read(0, [1] * size) for _ in range(2)]
        ones = [self._read(0, [1]) for _ in range(_PROBES)]
        if min(*chunks, *ones) < 0:
            raise ModelFileError("the draft model cannot be run")
        self.prompt_token_s, self.token_s = min(chunks) / size, min(ones)
        self._runtime.forget()
        self._held.clear()

    def can_follow(self, place: int, tokens: Sequence[int]) -> bool:
        """Whether its context has room for them, and did not fail for this answer."""
        return place not in self._failed and len(tokens) < self._runtime.n_ctx

    def behind(self, place: int, tokens: Sequence[int]) -> int:
        """How many tokens before the newest it has not read."""
        held = self._held.get(place, [])
        return len(tokens) - 1 - common_prefix(held, list(tokens), len(tokens) - 1)

    def follow(self, place: int, tokens: Sequence[int]) -> None:
        """Read the next chunk of what it is behind."""
        start = self._cut_to(place, tokens)
        self._read(place, tokens[start : min(start + self._chunk, len(tokens) - 1)])

    def propose(self, place: int, tokens: Sequence[int], most: int) -> list[int]:
        """What it holds likeliest to follow, as far as it is sure of it.

        It must not be more than `near` tokens behind.
        """
        most = min(most, self._runtime.n_ctx - len(tokens))
        found: list[int] = []
        unread = list(tokens[self._cut_to(place, tokens) :])
        while len(found) < most and (seconds := self._read(place, unread)) >= 0:
            if len(unread) == 1:  # deeper in a context it takes longer
                self.token_s += _NEWEST * (min(seconds, 4 * self.token_s) - self.token_s)
            row = len(unread) - 1
            [(token, logprob)] = self._runtime.logits(row).distribution().top(1)
            if logprob < LEAST_SURE or self._runtime.is_end(token):
                break
            found.append(token)
            unread = [token]
        return found

    def leave(self, place: int) -> None:
        """The answer has ended."""
        self._failed.discard(place)
        if self._held.pop(place, None) is not None:
            self._runtime.cut(place, 0)

    def close(self) -> None:
        """Free it."""
        self._runtime.close()

    def _cut_to(self, place: int, tokens: Sequence[int]) -> int:
        """Keep what it read of these tokens, without the newest; how many that is."""
        held = self._held.setdefault(place, [])
        shared = common_prefix(held, list(tokens), len(tokens) - 1)
        if shared < len(held):
            self._runtime.cut(place, shared)
            del held[shared:]
        return shared

    def _read(self, place: int, tokens: Sequence[int]) -> float:
        """Decode what follows in a place; its seconds, -1 when it failed and nothing was read."""
        held = self._held.setdefault(place, [])
        began = self._clock()
        code = self._runtime.decode([Run(place, len(held), tokens, 1)], abort=None)
        seconds = self._clock() - began
        self.spent_s += seconds
        if code != DecodeStatus.OK:
            self._runtime.cut(place, len(held))
            self._failed.add(place)
            return -1.0
        held += tokens
        return seconds


class ModelDrafter:
    """`Drafter` for one answer over a `DraftModel`."""

    def __init__(self, model: DraftModel, place: int, tokens: Sequence[int]) -> None:
        self._model = model
        self._place = place
        self._tokens = tokens

    @property
    def token_s(self) -> float:
        """Of one decode of the small model."""
        return self._model.token_s

    @property
    def behind_s(self) -> float | None:
        """Seconds that it takes to read what it has not; None when that is a few tokens."""
        behind = self._model.behind(self._place, self._tokens)
        return behind * self._model.prompt_token_s if behind >= self._model.near else None

    def follow(self) -> None:
        """Read a chunk of what it is behind."""
        self._model.follow(self._place, self._tokens)

    def match(self) -> int:
        """It rests on no match: 0, or -1 where it cannot follow."""
        return 0 if self._model.can_follow(self._place, self._tokens) else -1

    def draft(self, most: int) -> list[int]:
        """What the small model would say."""
        return self._model.propose(self._place, self._tokens, most)


def check_vocabulary(large: Vocabulary, small: Vocabulary) -> None:
    """Token ids mean the same in both, ends too. Raises ModelFileError."""
    if large != small:
        raise ModelFileError("the draft model has another vocabulary than the model it drafts for")
