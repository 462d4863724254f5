# SPDX-License-Identifier: Apache-2.0
"""How much of a prompt fits beside running answers, from measured speed. Pure.

Rules
1. While somebody's answer runs, a step takes about `gap_s`, as far as can be foreseen: what the
   answers' own tokens leave of it is filled with prompt tokens. Each answer has a token in each
   step, so gaps stay under 250 ms also when a forecast is off by half.
2. What a prompt token costs grows with its position (`token_cost`), so chunks shrink as a prompt is
   read. There is no least size but one token; where the answers alone take nearly all of the time,
   a prompt gets `LEAST_SHARE` of it all the same, or it would never get on.
3. llama.cpp reads a batch of `TILE_ROWS` and more rows in tiles, a shorter one row by row, which
   deep in a context costs several times as much a token. The two have a figure each. A tile that
   is not full costs as much as a full one: batches of that size are whole tiles, answers included.
   A tile is read where it stays within the time, as rule 1 has it. Deep in a context it never
   does on a small machine: the prompt takes longer then, and nobody's answer stands still.
4. Threads change the cost, so each gear (`gears`) has its own figures; a gear that was not measured
   is taken for `UNKNOWN_GEAR` times as slow as the other.
5. While only prompts are read, a step takes about `LONE_STEP_S`: who comes meanwhile waits for it.
   It has `TILE_ROWS` all the same.
6. What a step took more or less than was foreseen goes to the answers in it and to the prompt, in
   equal parts: answers' contexts grow, too, and their curve was measured with short ones. Which of
   the two it was shows only when chunks differ. So while a prompt is read on, a step on time is
   followed by one with as many tokens at least, and one that was over early by one with a token
   more, whatever is foreseen.
"""

from __future__ import annotations

from dataclasses import dataclass

from local_engine.speculative import CostCurve
from local_engine.token_cost import TokenCost

GAP_S = 0.12
LONE_STEP_S = 0.5
TILE_ROWS = 64
LEAST_SHARE = 0.5
EARLY = 0.85
UNKNOWN_GEAR = 2.0
# Before anything was measured.
FIRST_TOKENS = 8
_NEWEST = 0.3
_LEAST_BESIDE, _MOST_BESIDE = 0.5, 8.0


@dataclass(frozen=True, slots=True)
class _Step:
    """One that was taken, with answers in it; `end` is where its prompt goes on."""

    answers: int
    prompt_tokens: int
    end: int
    seconds: float


class Pace:
    """Seconds per prompt token, and from that the size of a chunk. `is_wide`: all threads."""

    def __init__(self, curve: CostCurve, *, gap_s: float = GAP_S) -> None:
        self._curve = curve
        self._gap_s = gap_s
        self._beside = 1.0
        self._last: _Step | None = None
        self._costs = {(t, w): TokenCost() for t in (False, True) for w in (False, True)}

    @property
    def prompt_token_s(self) -> float | None:
        """Seconds per token at the start of a context, in the fastest way that was measured."""
        return min((c.usual(0.0) for c in self._costs.values() if c.is_known), default=None)

    def token_s(self, position: float, *, is_tiled: bool, is_wide: bool) -> float | None:
        """Seconds for a token at `position`; None before anything was measured."""
        for tiled in (is_tiled, not is_tiled):
            for wide, factor in ((is_wide, 1.0), (not is_wide, UNKNOWN_GEAR)):
                if (cost := self._costs[tiled, wide]).is_known:
                    return cost.at(position) * factor
        return None

    def depth(self, position: float, rows: int, *, is_wide: bool) -> float:
        """How many times a token at `position` costs what it would at the start of a context."""
        cost = self._costs[rows >= TILE_ROWS, is_wide]
        at_start = cost.usual(0.0) if cost.is_known else 0.0
        return cost.usual(position) / at_start if at_start > 0 else 1.0

    def prompt_room(
        self, answers: int, most: int, position: int = 0, *, is_wide: bool = True
    ) -> int:
        """Prompt tokens for the next step beside so many answers: 1 to `most`.

        `position` is where the deepest of the prompts goes on.
        """
        if self.prompt_token_s is None:
            return min(most, FIRST_TOKENS if answers else TILE_ROWS)
        left_s = LONE_STEP_S
        if answers:
            left_s = max(self._gap_s - self._answers_s(answers), LEAST_SHARE * self._gap_s)
        tiled = self._part(left_s, position, is_tiled=True, is_wide=is_wide)
        rows = min(tiled, most) + answers
        if rows >= TILE_ROWS or not answers:
            return min(most, max(TILE_ROWS, rows - rows % TILE_ROWS) - answers)
        short = self._part(left_s, position, is_tiled=False, is_wide=is_wide)
        short = max(short, self._again(answers, position))
        return max(1, min(short, most, TILE_ROWS - 1 - answers))

    def _again(self, answers: int, position: int) -> int:
        """What the last step lets expect of the next (rule 6); 0: nothing."""
        last = self._last
        if last is None or (answers, position) != (last.answers, last.end):
            return 0
        if last.seconds > self._gap_s:
            return 0
        return last.prompt_tokens + (last.seconds < EARLY * self._gap_s)

    def _part(self, seconds: float, position: int, *, is_tiled: bool, is_wide: bool) -> int:
        """How many tokens from `position` on take so many seconds."""
        count = 0.0
        for _ in range(2):  # the second time at the middle of what the first one found
            each_s = self.token_s(position + count / 2, is_tiled=is_tiled, is_wide=is_wide)
            count = seconds / each_s if each_s else 1e6
        return int(count + 1e-6)

    def learn(
        self,
        answers: int,
        prompt_tokens: int,
        seconds: float,
        position: int = 0,
        *,
        is_wide: bool = True,
    ) -> None:
        """A step with so many prompt tokens, the first at `position`, took `seconds`."""
        end = position + prompt_tokens
        self._last = _Step(answers, prompt_tokens, end, seconds) if answers else None
        is_tiled = answers + prompt_tokens >= TILE_ROWS
        middle, answers_s = position + prompt_tokens / 2, self._answers_s(answers)
        cost = self._costs[is_tiled, is_wide]
        foreseen_s = answers_s + prompt_tokens * cost.at(middle) if cost.is_known else 0.0
        if foreseen_s > 0:
            ratio = seconds / foreseen_s
            self._learn_beside(answers, ratio)
            cost.learn(middle, cost.at(middle) * ratio)
        else:
            share = prompt_tokens / (answers + prompt_tokens)
            cost.learn(middle, max(seconds - answers_s, seconds * share / 2) / prompt_tokens)

    def _answers_s(self, answers: int) -> float:
        """What so many answers cost beside a prompt."""
        return self._curve.cost(answers) * self._beside if answers else 0.0

    def _learn_beside(self, answers: int, ratio: float) -> None:
        """A step with answers took `ratio` times what was foreseen: all in it did (rule 6)."""
        if answers:
            beside = self._beside * (1 + _NEWEST * (ratio - 1))
            self._beside = min(_MOST_BESIDE, max(_LEAST_BESIDE, beside))

    def takes_long(self, prompt_tokens: int, position: int = 0, *, is_wide: bool = True) -> bool:
        """Whether reading so many tokens takes longer than half of what a step may."""
        is_tiled = prompt_tokens >= TILE_ROWS
        each = self.token_s(position, is_tiled=is_tiled, is_wide=is_wide)
        return prompt_tokens > 1 and (each is None or each * prompt_tokens > self._gap_s / 2)
