# SPDX-License-Identifier: Apache-2.0
"""How much of a prompt fits beside running answers, from measured speed. Pure.

Rules
1. While somebody's answer runs, a step takes no longer than `gap_s`, as far as can be foreseen:
   the rest of that time, after the answers' own tokens, is filled with prompt tokens. Each answer
   has a token in each step, so gaps stay under 250 ms also when a forecast is off by half.
2. While only prompts are read, a step takes about `LONE_STEP_S`: who comes meanwhile waits for it.
   It has `LEAST_LONE_TOKENS` all the same, as shorter batches read a prompt more slowly.
"""

from __future__ import annotations

from local_engine.speculative import CostCurve

GAP_S = 0.12
LONE_STEP_S = 0.5
LEAST_LONE_TOKENS = 64
# A prompt always gets on, however slow the machine.
LEAST_PROMPT_TOKENS = 8
_NEWEST = 0.3


class Pace:
    """Seconds per prompt token, and from that the size of a chunk."""

    def __init__(self, curve: CostCurve, *, gap_s: float = GAP_S) -> None:
        self._curve = curve
        self._gap_s = gap_s
        self.prompt_token_s: float | None = None

    def prompt_room(self, answers: int, most: int) -> int:
        """Prompt tokens for the next step beside so many answers, at most `most`."""
        least = LEAST_PROMPT_TOKENS if answers else LEAST_LONE_TOKENS
        if self.prompt_token_s is None:
            return min(most, least)
        left_s = self._gap_s - self._curve.cost(answers) if answers else LONE_STEP_S
        room = int(left_s / self.prompt_token_s) if self.prompt_token_s > 0 else most
        return min(most, max(least, room))

    def learn(self, answers: int, prompt_tokens: int, seconds: float) -> None:
        """A step with so many prompt tokens took `seconds`. Short chunks measure other things."""
        if prompt_tokens < LEAST_PROMPT_TOKENS:
            return
        own_s = max(0.0, seconds - (self._curve.cost(answers) if answers else 0.0))
        each = own_s / prompt_tokens
        old = self.prompt_token_s
        self.prompt_token_s = each if old is None else old + _NEWEST * (each - old)

    def takes_long(self, prompt_tokens: int) -> bool:
        """Whether reading so many tokens takes longer than a step should."""
        each = self.prompt_token_s
        return prompt_tokens > 1 and (each is None or each * prompt_tokens > self._gap_s / 2)
