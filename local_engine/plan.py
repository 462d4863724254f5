# SPDX-License-Identifier: Apache-2.0
"""Who is in the next batch, and with how many tokens. Pure.

Rules
1. Every running answer has its token in every step.
2. Prompts share what is left: all of the batch when no answer runs, otherwise what `Pace` allows.
3. Among prompts the higher priority is first, then the one that would be done first had it had
   the machine since its start: short ones pass long ones, but nobody is passed for ever, as those
   who come later start later.
4. After a failed step those who were in it are tried one by one, so that only the one at fault
   is lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from local_engine.pace import Pace


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One place. `prompt_left` is 0 for a running answer; times in seconds."""

    key: int
    prompt_left: int
    position: int = 0
    """Where its next token stands."""
    started_at: float = 0.0
    priority: int = 0
    is_suspect: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """So many tokens of one place: of its prompt, or the newest one of its answer."""

    key: int
    tokens: int


def plan_step(
    candidates: Sequence[Candidate], pace: Pace, *, n_batch: int, is_wide: bool = True
) -> tuple[Part, ...]:
    """The next batch; empty only without candidates. Never over `n_batch` tokens.

    `is_wide`: all threads will work on it.
    """
    suspects = [candidate for candidate in candidates if candidate.is_suspect]
    if suspects:
        only = suspects[0]
        return (Part(only.key, min(only.prompt_left or 1, n_batch)),)
    answers = [Part(candidate.key, 1) for candidate in candidates if not candidate.prompt_left]
    deepest = max((c.position for c in candidates if c.prompt_left), default=0)
    room = pace.prompt_room(len(answers), n_batch - len(answers), deepest, is_wide=is_wide)
    return (*answers, *_prompts(candidates, pace, room))


def _prompts(candidates: Sequence[Candidate], pace: Pace, room: int) -> list[Part]:
    token_s = pace.prompt_token_s or 0.0
    reading = sorted(
        (candidate for candidate in candidates if candidate.prompt_left),
        key=lambda c: (-c.priority, c.started_at + c.prompt_left * token_s, c.started_at),
    )
    parts: list[Part] = []
    for candidate in reading:
        if room <= 0:
            break
        parts.append(Part(candidate.key, min(room, candidate.prompt_left)))
        room -= parts[-1].tokens
    return parts
