# SPDX-License-Identifier: Apache-2.0
"""How much of a prompt fits beside running answers, from measured speed. Pure.

Rules
1. While somebody's answer runs, a step takes no longer than `gap_s`, as far as can be foreseen:
   the rest of that time, after the answers' own tokens, is filled with prompt tokens. Each answer
   has a token in each step, so gaps stay under 250 ms also when a forecast is off by half.
2. llama.cpp reads a batch of `TILE_TOKENS` and more in tiles, a shorter one row by row, which deep
   in a context costs four times as much a token (34 against 8.5 ms at 3,000 tokens, measured). So
   the two have a figure each, and a whole tile is read where it stays within `WORST_GAP_S`, or
   where the least part of it would take half as long: then small parts only add to the wait.
3. While only prompts are read, a step takes about `LONE_STEP_S`: who comes meanwhile waits for it.
   It has `TILE_TOKENS` all the same.
"""

from __future__ import annotations

from local_engine.speculative import CostCurve

GAP_S = 0.12
WORST_GAP_S = 0.25
LONE_STEP_S = 0.5
TILE_TOKENS = 64
# A prompt always gets on, however slow the machine.
LEAST_PROMPT_TOKENS = 8
_NEWEST = 0.3


class Pace:
    """Seconds per prompt token, and from that the size of a chunk."""

    def __init__(self, curve: CostCurve, *, gap_s: float = GAP_S) -> None:
        self._curve = curve
        self._gap_s = gap_s
        self._short_s: float | None = None
        self._tiled_s: float | None = None

    @property
    def prompt_token_s(self) -> float | None:
        """Seconds per token in whole tiles, which are never slower than short parts."""
        known = [each for each in (self._short_s, self._tiled_s) if each is not None]
        return min(known, default=None)

    def prompt_room(self, answers: int, most: int) -> int:
        """Prompt tokens for the next step beside so many answers, at most `most`."""
        each = self.prompt_token_s
        if each is None:
            return min(most, LEAST_PROMPT_TOKENS if answers else TILE_TOKENS)
        if not answers:
            return min(most, max(TILE_TOKENS, _part(LONE_STEP_S, each, most)))
        left_s = self._gap_s - self._curve.cost(answers)
        room = _part(left_s, each, most)
        if self._tiled_s is not None and room < TILE_TOKENS <= most:
            room = self._below_a_tile(left_s, each * TILE_TOKENS)
        return min(most, max(LEAST_PROMPT_TOKENS, room))

    def _below_a_tile(self, left_s: float, tile_s: float) -> int:
        """Where a tile is too much for the gap that is wished for (rule 2)."""
        short_s = self._short_s if self._short_s is not None else tile_s / TILE_TOKENS
        small_parts_help = LEAST_PROMPT_TOKENS * short_s < tile_s / 2
        if tile_s <= WORST_GAP_S or not small_parts_help:
            return TILE_TOKENS
        return _part(left_s, short_s, TILE_TOKENS - 1)

    def learn(self, answers: int, prompt_tokens: int, seconds: float) -> None:
        """A step with so many prompt tokens took `seconds`. Short chunks measure other things."""
        if prompt_tokens < LEAST_PROMPT_TOKENS:
            return
        own_s = max(0.0, seconds - (self._curve.cost(answers) if answers else 0.0))
        each = own_s / prompt_tokens
        if prompt_tokens >= TILE_TOKENS:
            self._tiled_s = _newer(self._tiled_s, each)
        else:
            self._short_s = _newer(self._short_s, each)

    def takes_long(self, prompt_tokens: int) -> bool:
        """Whether reading so many tokens takes longer than a step should."""
        each = self.prompt_token_s
        return prompt_tokens > 1 and (each is None or each * prompt_tokens > self._gap_s / 2)


def _part(seconds: float, each_s: float, most: int) -> int:
    """How many tokens of `each_s` there are in so many seconds."""
    return int(seconds / each_s) if each_s > 0 else most


def _newer(old: float | None, each: float) -> float:
    return each if old is None else old + _NEWEST * (each - old)
