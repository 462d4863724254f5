# SPDX-License-Identifier: Apache-2.0
"""Continuous batching over llama-cpp-python's low-level API.

One step is one `llama_decode`: the newest token of every running answer, perhaps with a draft
behind it, and a chunk of the prompts that are being read. Who is in it is decided in `plan`, what
fits in `memory`, whether drafts pay in `speculative`; here it is done.

Rules
1. Between two steps every request is asked whether somebody still wants it. A step that reads a
   long prompt asks also inside, through llama.cpp's abort callback; steps with answers in them
   are short.
2. Every return code is looked at. Whatever was in a failed batch is cut back to where it was.
   Aborted: the next step goes on without the cancelled one. No room, which the books should have
   foreseen: kept prefixes are given up. Otherwise each that was in the batch is tried alone, and
   the ones that fail alone end with `DecodeError`.
3. No batch is longer than `n_batch`, and no more rows have logits than were reserved: llama.cpp
   aborts the process otherwise.
4. What one request raises (a constraint, a sink, a bad token) ends that request only.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from collections.abc import Sequence as Tokens

from local_engine.backend import Gauges
from local_engine.drafters import DraftModel, check_vocabulary
from local_engine.drafting import Drafting
from local_engine.embedder import Embedder
from local_engine.engine import GenerationRequest, Vocabulary, always
from local_engine.errors import DecodeError, LocalEngineError
from local_engine.gears import GearBox
from local_engine.llama_api import DecodeStatus, Run, Runtime
from local_engine.memory import ContextMemory, Holding
from local_engine.pace import GAP_S, Pace
from local_engine.plan import Candidate, Part, plan_step
from local_engine.probe import all_threads_pay, probe_costs
from local_engine.profile import ModelProfile
from local_engine.sequence import Sequence
from local_engine.served import Drawer, Served
from local_engine.speculative import MOST_DRAFTED, Acceptance, CostCurve
from local_engine.waiting import Line


class LlamaCppBackend:
    """`Backend` over a `Runtime`, and perhaps a small one that drafts.

    All but `tokenize`, `vocabulary` and `embed` in one thread.
    """

    name = "llama-cpp-python"
    features = frozenset({"constraint", "embeddings", "logit_bias", "logprobs", "vocabulary"})

    def __init__(
        self,
        runtime: Runtime,
        profile: ModelProfile,
        *,
        small: Runtime | None = None,
        embeds: bool = True,
        gap_s: float = GAP_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._runtime = runtime
        self._config = runtime.config
        self._embedder = Embedder(runtime, n_ctx=runtime.n_ctx)
        if not embeds:
            self.features = self.features - {"embeddings"}
        self._clock = clock
        self._memory = self._new_memory()
        self._served: dict[int, Served] = {}
        self.curve = CostCurve()
        self.pace = Pace(self.curve, gap_s=gap_s)
        self._quiet = CostCurve()
        self._quiet_token_s: float | None = None
        self._has_gears = self._config.prefill_threads > self._config.decode_threads
        self.gears = GearBox(can_shift=self._has_gears)
        self._small = self._draft_model(small)
        self._drafting = Drafting(self.curve, runtime.most_outputs, self._small)
        self.gauges = Gauges(kv_cells=runtime.cells)
        ids = (runtime.tokenize(name, parse_special=True) for name in profile.stop_tokens)
        stops = frozenset(found[0] for found in ids if len(found) == 1)
        self._drawer = Drawer(runtime, stops, clock)
        self._blocked: tuple[Sequence, int] | None = None
        self._releases = 0

    def _draft_model(self, small: Runtime | None) -> DraftModel | None:
        """Raises ModelFileError where it speaks in other tokens."""
        if small is None or not (self._runtime.is_rewindable and small.is_rewindable):
            return None
        check_vocabulary(self._runtime.vocabulary(), small.vocabulary())
        return DraftModel(small, self._clock)

    def _new_memory(self) -> ContextMemory:
        runtime, bound = self._runtime, self._config.kept_cells
        kept = runtime.n_ctx if bound is None else bound
        return ContextMemory(
            runtime,
            cells=runtime.cells,
            places=runtime.places,
            kept_cells=kept if runtime.is_rewindable else None,
        )

    @property
    def n_ctx(self) -> int:
        """Tokens that one request may have."""
        return self._runtime.n_ctx

    @property
    def slots(self) -> int:
        """Requests at a time."""
        return self._config.slots

    def tokenize(self, text: str, *, parse_special: bool) -> list[int]:
        """Token ids of `text`."""
        return self._runtime.tokenize(text, parse_special=parse_special)

    def vocabulary(self) -> Vocabulary:
        """The model's tokens."""
        return self._runtime.vocabulary()

    def embed(
        self, inputs: Tokens[Tokens[int]], is_wanted: Callable[[], bool] = always
    ) -> list[list[float]]:
        """One vector for each list of token ids, from a context and a thread of their own."""
        return self._embedder.embed(inputs, is_wanted)

    def check(self, request: GenerationRequest) -> None:
        """Everything in the port is served here."""

    def calibrate(self, budget_s: float = 0.4) -> None:
        """Measure what steps cost, for about so long; call it before serving."""
        probe_costs(self._runtime, self.curve, self.pace, self._clock, budget_s=budget_s)
        for rows, seconds in self.curve.points.items():
            self._quiet.learn(rows, seconds)
        self.gauges.row_cost_s = tuple(self.curve.points.items())
        self._note_drafts()
        self._quiet_token_s = self.pace.prompt_token_s
        if self._small is not None:
            self._small.calibrate()
        if self._has_gears:
            is_wide = all_threads_pay(self._runtime, self._clock)
            self.gears = GearBox(can_shift=True, is_wide=is_wide)

    def serve(self, line: Line) -> None:
        """Work until the line is closed and everything has ended."""
        while line.wait():
            while self.turn(line):
                pass

    def turn(self, line: Line) -> bool:
        """Admit, drop what nobody wants, take one step; false when there was nothing to do."""
        self._admit(line)
        self._drop_unwanted(line)
        self._note_cells()
        if not self._served:
            return False
        began, steps = self._clock(), self.gauges.steps
        try:
            self._step(line)
        except Exception as error:  # a fault of ours: give up the batch, not the thread
            for served in list(self._served.values()):
                self._end(line, served, _unexpected(error))
        assert self.gauges.steps > steps or not self._served, "a step without a decode"
        self.gauges.busy_s += self._clock() - began
        self._note_cells()
        return True

    def _note_drafts(self) -> None:
        if self._config.may_draft:
            self.gauges.drafts = self._drafting.choices()

    def _note_cells(self) -> None:
        self.gauges.kv_used, self.gauges.kv_kept = self._memory.used, self._memory.kept

    def close(self) -> None:
        """Free the model."""
        self._embedder.close()
        if self._small is not None:
            self._small.close()
        self._runtime.close()

    # --- who is served ---------------------------------------------------------------------

    def _admit(self, line: Line) -> None:
        line.drop_unwanted()
        while len(self._served) < self.slots and (found := line.take(self._place)) is not None:
            sequence, holding = found
            sequence.reuse(self._memory.length(holding))
            try:
                sampler = self._runtime.new_sampler(sequence.request.sampling)
            except Exception as error:
                self._memory.leave(holding, keep=False)
                line.end(sequence, _unexpected(error))
                continue
            acceptance = Acceptance(self._drafting.acceptance)
            served = Served(sequence, holding, sampler, acceptance)
            self._served[holding.place] = served
            self._drafting.open(served)

    def _place(self, sequence: Sequence) -> Holding | None:
        """A place in the context; asked anew only when something has changed."""
        if self._blocked == (sequence, self._releases):
            return None
        holding = self._memory.admit(sequence.request.tenant, sequence.tokens, sequence.cost)
        self._blocked = (sequence, self._releases) if holding is None else None
        return holding

    def _drop_unwanted(self, line: Line) -> None:
        now = self._clock()
        for served in list(self._served.values()):
            if (error := served.sequence.unwanted(now)) is not None:
                self._end(line, served, error, is_sound=True)

    def _end(
        self,
        line: Line,
        served: Served,
        error: LocalEngineError | None,
        *,
        is_sound: bool = False,
    ) -> None:
        """Free the slot, then tell; `is_sound`: what it left in the context may be used again."""
        self._runtime.free_sampler(served.sampler)
        self._drafting.leave(served)
        self._memory.leave(served.holding, keep=is_sound)
        del self._served[served.holding.place]
        self._releases += 1
        self._note_drafts()
        line.end(served.sequence, error)

    # --- one step --------------------------------------------------------------------------

    def _step(self, line: Line) -> None:
        parts = plan_step(
            [self._candidate(served) for served in self._served.values()],
            self.pace,
            n_batch=self._config.n_batch,
            is_wide=self.gears.is_wide,
        )
        runs = self._runs(parts)
        for run in runs:
            self._memory.grow(self._served[run.place].holding, len(run.tokens))
        self._runtime.use_all_threads(self.gears.is_wide)
        began = self._clock()
        code = self._runtime.decode(runs, abort=self._abort_for(runs))
        seconds = self._clock() - began
        self.gauges.steps += 1
        self.gauges.rows += sum(len(run.tokens) for run in runs)
        self.gauges.decode_s += seconds
        if code == DecodeStatus.OK:
            self._collect(line, runs, seconds)
        else:
            self._recover(line, runs, code)

    def _candidate(self, served: Served) -> Candidate:
        sequence = served.sequence
        return Candidate(
            key=served.holding.place,
            prompt_left=sequence.prompt_left,
            position=sequence.position,
            started_at=sequence.started_at,
            priority=sequence.request.priority,
            is_suspect=served.is_suspect,
        )

    def _runs(self, parts: tuple[Part, ...]) -> list[Run]:
        plain = [self._run(part) for part in parts]
        is_reading = any(self._served[part.key].sequence.prompt_left for part in parts)
        if is_reading or not (self._config.may_draft and self._runtime.is_rewindable):
            return plain
        runs = self._drafting.extend(plain, self._served)
        self.gauges.decode_s += self._drafting.spent_s
        return runs

    def _run(self, part: Part) -> Run:
        served = self._served[part.key]
        sequence = served.sequence
        if not served.has_read:
            sequence.reuse(self._memory.reach_further(served.holding))
        tokens = sequence.next_tokens(part.tokens)
        completes = sequence.position + len(tokens) >= len(sequence.prompt)
        return Run(part.key, sequence.position, tokens, int(completes))

    def _abort_for(self, runs: list[Run]) -> Callable[[], bool] | None:
        """What llama.cpp asks inside a long step; None for short ones."""
        involved = [self._served[run.place] for run in runs]
        reading = [served for served in involved if served.sequence.prompt_left]
        rows, deepest = sum(len(run.tokens) for run in runs), self._deepest(runs)
        if not reading or not self.pace.takes_long(rows, deepest, is_wide=self.gears.is_wide):
            return None
        return lambda: any(served.sequence.is_cancelled() for served in reading)

    def _collect(self, line: Line, runs: list[Run], seconds: float) -> None:
        """Draw from what was decoded."""
        read = sum(len(run.tokens) for run in runs if self._served[run.place].sequence.prompt_left)
        rows, deepest = sum(len(run.tokens) for run in runs), self._deepest(runs)
        row, drawn = 0, 0
        for run in runs:
            row += len(run.tokens)
            served = self._served[run.place]
            served.is_suspect, served.has_read = False, True
            drawn += self._advance(line, served, run, row - run.outputs)
        if read:
            self._learn_reading(rows - read, read, deepest, seconds)
        else:
            self._learn(len(runs), rows, drawn, seconds)

    def _deepest(self, runs: list[Run]) -> int:
        """Where the prompt that has been read furthest goes on in these runs."""
        reading = (run for run in runs if self._served[run.place].sequence.prompt_left)
        return max((run.position for run in reading), default=0)

    def _advance(self, line: Line, served: Served, run: Run, row: int) -> int:
        try:
            drawn = self._drawer.advance(served, run, row)
            self._cut_back(served)
        except LocalEngineError as error:
            self._end(line, served, error)
        except Exception as error:
            self._end(line, served, _unexpected(error))
        else:
            if served.sequence.finish_reason is not None:
                self._end(line, served, None, is_sound=True)
            return drawn
        return 0

    def _cut_back(self, served: Served) -> None:
        """The context holds what the sequence says it does. Raises DecodeError."""
        position = served.sequence.position
        if self._memory.length(served.holding) > position and not self._memory.cut(
            served.holding, position
        ):
            raise DecodeError(DecodeStatus.INVALID_BATCH)

    def _learn(self, runs: int, rows: int, drawn: int, seconds: float) -> None:
        """A step of answers, perhaps with drafts behind them."""
        self._shift(rows, self._quiet.cost(rows), seconds)
        self._drafting.learn(runs, rows, drawn, seconds)

    def _learn_reading(self, answers: int, read: int, position: int, seconds: float) -> None:
        """A step with `read` tokens of prompts, the deepest at `position`."""
        is_wide, rows = self.gears.is_wide, answers + read
        self.pace.learn(answers, read, seconds, position, is_wide=is_wide)
        depth = self.pace.depth(position, rows, is_wide=is_wide)
        quiet_s = read * (self._quiet_token_s or 0.0) * depth
        if answers:
            quiet_s += self._quiet.cost(answers)
        if answers and seconds < self.curve.cost(answers):
            self.curve.learn(answers, seconds)  # a bound: prompt tokens were in it as well
        # A few tokens take longer than their share of a long chunk.
        self._shift(rows, max(quiet_s, self._quiet.cost(min(rows, MOST_DRAFTED + 1))), seconds)

    def _shift(self, rows: int, quiet_s: float, seconds: float) -> None:
        """Compare a step of several rows with what it would have taken at load."""
        if rows > 1 and quiet_s > 0:
            self.gears.learn(seconds / quiet_s)

    def _recover(self, line: Line, runs: list[Run], code: int) -> None:
        """Nothing of a failed batch counts: cut it back, and find out who is at fault."""
        if code == DecodeStatus.NO_KV_SLOT:
            self._memory.forget()
        for run in runs:
            served = self._served[run.place]
            is_lost = not self._memory.cut(served.holding, served.sequence.position)
            is_guilty = code != DecodeStatus.ABORTED and served.is_suspect
            if is_lost or is_guilty:
                self._end(line, served, DecodeError(code))
            else:
                served.is_suspect = code != DecodeStatus.ABORTED


def _unexpected(error: Exception) -> LocalEngineError:
    return LocalEngineError(f"The engine failed ({type(error).__name__}).")
