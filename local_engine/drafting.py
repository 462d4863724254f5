# SPDX-License-Identifier: Apache-2.0
"""What is put behind the answers' newest tokens in a step, and whether that has paid.

Rules
1. There are no drafts while a prompt is read in the same step, nor while somebody is suspected of
   having made a step fail.
2. A copy is asked for first, as it costs nothing; the small model where no copy pays.
3. How many tokens is decided before the small model is asked, its own seconds counted.
4. The small model reads a prompt where the answer that is left is expected to bring twice what that
   costs, and only while earlier readings have been paid back. It does so a chunk a step.
5. After `PLAIN_EVERY` steps with drafts there is one without: what that costs decides whether
   drafts pay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from local_engine.drafters import DraftModel, ModelDrafter
from local_engine.engine import DraftChoice
from local_engine.llama_api import Run
from local_engine.served import Served
from local_engine.speculative import (
    MOST_DRAFTED,
    Acceptance,
    Books,
    CostCurve,
    best_draft,
    choices,
    expected_tokens,
)

PLAIN_EVERY: Final = 32
# An answer is not expected to be longer than this, whatever it may be.
_LIKELY_TOKENS: Final = 128


class Drafting:
    """Drafts for a batch; `most_rows` may have logits."""

    def __init__(self, curve: CostCurve, most_rows: int, model: DraftModel | None = None) -> None:
        self._curve = curve
        self._most_rows = most_rows
        self._model = model
        self._books = Books()
        self._steps = 0
        self._spent_s = self._read_s = 0.0
        self.acceptance = Acceptance()

    def open(self, served: Served) -> None:
        """An answer begins."""
        if self._model is not None:
            tokens = served.sequence.tokens
            served.small = ModelDrafter(self._model, served.holding.place, tokens)

    def leave(self, served: Served) -> None:
        """An answer has ended."""
        if self._model is not None:
            self._model.leave(served.holding.place)

    def extend(self, plain: Sequence[Run], served: Mapping[int, Served]) -> list[Run]:
        """The runs with drafts behind them, where they pay."""
        self._spent_s = self._read_s = 0.0
        if (
            self._steps >= PLAIN_EVERY
            or not self._books.may_draft
            or any(each.is_suspect for each in served.values())
        ):
            return list(plain)
        began_s = self._model.spent_s if self._model is not None else 0.0
        rows, runs = len(plain), []
        for run in plain:
            draft = self._draft(served[run.place], rows)
            rows += len(draft)
            runs.append(Run(run.place, run.position, [*run.tokens, *draft], 1 + len(draft)))
        if self._model is not None:
            self._spent_s = self._model.spent_s - began_s
        return runs

    def learn(self, runs: int, rows: int, drawn: int, seconds: float) -> None:
        """A step of so many answers took `seconds`, and `drawn` tokens came of its `rows`."""
        self._steps = self._steps + 1 if rows > runs else 0
        plain_s = drawn / runs * self._curve.cost(runs) if rows > runs else seconds
        asked_s = self._spent_s - self._read_s
        if rows > runs or asked_s > 0:
            self._books.drafted(seconds + asked_s, plain_s)
        else:
            self._books.plain(seconds)
        self._curve.learn(rows, seconds)

    def choices(self) -> tuple[DraftChoice, ...]:
        """What is copied by now behind matches of each kind."""
        return choices(self._curve, self.acceptance)

    @property
    def spent_s(self) -> float:
        """What the small model took for this step."""
        return self._spent_s

    def _draft(self, served: Served, rows: int) -> list[int]:
        """What to try behind the newest token; nothing when it would not pay."""
        most = min(MOST_DRAFTED, served.sequence.room - 1, self._most_rows - rows)
        for drafter in (served.lookup, served.small):
            if most < 1 or drafter is None or (match := drafter.match()) < 0:
                continue
            rate = served.acceptance.rate(match)
            count = best_draft(self._curve, rows, most, rate, drafter.token_s)
            if not count or (drafter is served.small and not self._has_read(served, count, rate)):
                continue
            served.match = match
            draft = drafter.draft(count)
            if len(draft) < count:  # it was asked in vain for the next one
                served.acceptance.learn(match, 1, 0)
            return draft
        return []

    def _has_read(self, served: Served, count: int, rate: float) -> bool:
        """Whether the small model knows what came before; it reads on where that pays."""
        assert served.small is not None, "only a small model has to read"
        behind_s = served.small.behind_s
        if behind_s is None:
            return True
        if not served.is_followed:
            left = min(served.sequence.room, _LIKELY_TOKENS)
            plain_s, tokens = self._curve.cost(1), expected_tokens(count, rate)
            step_s = self._curve.cost(1 + count) + count * served.small.token_s
            gain_s = left * (plain_s - step_s / tokens)
            served.is_followed = 2 * behind_s <= gain_s and self._books.may_invest(behind_s)
            if served.is_followed:
                self._books.invest(behind_s)
        if served.is_followed and self._model is not None:
            began_s = self._model.spent_s
            served.small.follow()
            self._read_s += self._model.spent_s - began_s
        return False
