# SPDX-License-Identifier: Apache-2.0
"""Many requests at once through the compiled backend, over a fake runtime and a virtual clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest

from local_engine.engine import Token
from local_engine.errors import EngineBusyError
from local_engine.llama_api import Run
from tests.local_engine.batch_bench import LONG, Bench, a_bench
from tests.local_engine.fake_runtime import FakeRuntime
from tests.local_engine.fakes import a_request


def test_answers_share_each_step() -> None:
    """Four streams take as many steps as one, and each batch has a token of each."""
    bench = a_bench(may_draft=False)
    asked = [bench.ask([70 + n] * 5) for n in range(4)]
    bench.finish()

    assert [bench.text(sequence) for sequence in asked] == ["x" * 10] * 4
    assert len(bench.runtime.batches) == 10
    assert all(len(batch) == 4 for batch in bench.runtime.batches)
    assert bench.backend.gauges.rows == 4 * 5 + 9 * 4


def test_a_long_prompt_does_not_stall_answers() -> None:
    """No gap over 250 ms, where the whole prompt takes a second."""
    bench = a_bench(n_ctx=1000, cells=2000, n_batch=256, may_draft=False)
    streams = [bench.ask([70] * 3, 60) for _ in range(3)]
    bench.turn(5)
    prompt = bench.ask([80] * 900, 5)
    bench.finish()
    times = [at for at, event in bench.events[streams[0]] if isinstance(event, Token)]

    assert max(b - a for a, b in pairwise(times)) < 0.25
    assert bench.done(prompt).timings.prefill_s > 0.9


def test_eight_requests_of_full_context_wait_for_one_another() -> None:
    """None fails: what was admitted fits."""
    bench = a_bench(answer=b"x" * 500, cells=400)
    asked = [bench.ask([70 + n] * 150, 50) for n in range(8)]
    bench.turn()
    assert bench.line.counts() == (2, 6)
    bench.finish()

    assert [bench.done(sequence).usage.total_tokens for sequence in asked] == [200] * 8


@pytest.mark.parametrize("code", [-1, -2, -3, 1])
def test_a_failing_step_costs_only_the_one_at_fault(code: int) -> None:
    """All of the batch are tried alone; the other two never notice."""
    bench = a_bench(may_draft=False)
    asked = [bench.ask([70 + n] * 5) for n in range(3)]
    bench.turn(3)
    bench.runtime.codes = [code, code]
    bench.finish()

    assert bench.error(asked[0]).code == "decode_failed"
    assert [bench.text(sequence) for sequence in asked[1:]] == ["x" * 10] * 2


def test_one_failing_step_costs_nobody() -> None:
    """It is simply taken again."""
    bench = a_bench(may_draft=False)
    asked = [bench.ask([70 + n] * 5) for n in range(3)]
    bench.runtime.codes = [0, 0, -3]
    bench.finish()

    assert [bench.text(sequence) for sequence in asked] == ["x" * 10] * 3


def test_a_fault_of_our_own_ends_the_batch_and_not_the_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And frees everything."""
    bench = a_bench()
    first = bench.ask([70] * 5)
    monkeypatch.setattr(bench.runtime, "decode", None)
    bench.turn()
    monkeypatch.undo()
    second = bench.ask([70] * 5)
    bench.finish()

    assert bench.error(first).message == "The engine failed (TypeError)."
    assert bench.text(second) == "x" * 10


def test_a_sampler_that_cannot_be_made_ends_its_request_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its cells are free again."""
    bench = a_bench()
    monkeypatch.setattr(bench.runtime, "new_sampler", None)
    first = bench.ask([70] * 5)
    bench.turn()
    monkeypatch.undo()
    second = bench.ask([70] * 5)
    bench.finish()

    assert bench.error(first).message == "The engine failed (TypeError)."
    assert bench.text(second) == "x" * 10
    assert bench.backend.gauges.kv_used == bench.runtime.used


def test_cancelling_stops_inside_a_long_prompts_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """The abort callback is there when no answer is in the batch, and nothing is counted on."""
    bench = a_bench(n_ctx=1000, n_batch=256)
    sequence = bench.ask([70] * 900)
    bench.turn()
    decode, asked_inside = bench.runtime.decode, []

    def cancel_inside(runs: list[Run], *, abort: Callable[[], bool] | None) -> int:
        sequence.cancel()
        asked_inside.append(abort is not None)
        return decode(runs, abort=abort)

    monkeypatch.setattr(bench.runtime, "decode", cancel_inside)
    bench.turn()
    assert sequence.position == 256
    bench.turn()

    assert asked_inside == [True]
    assert bench.error(sequence).code == "cancelled"
    assert bench.backend.gauges.kv_used == 256  # and kept, for the one who asks again


def test_short_steps_are_not_asked_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    """The callback takes a lock at every node of the graph."""
    bench = a_bench()
    bench.ask([70] * 5)
    decode, aborts = bench.runtime.decode, []

    def note(runs: list[Run], *, abort: Callable[[], bool] | None) -> int:
        aborts.append(abort)
        return decode(runs, abort=abort)

    monkeypatch.setattr(bench.runtime, "decode", note)
    bench.finish()

    assert set(aborts) == {None}


def test_deadlines_end_waiting_and_running_requests() -> None:
    """504 in both cases."""
    bench = a_bench(slots=1)
    running = bench.ask([70] * 5, 60, replace(a_request(), deadline_s=0.1))
    waiting = bench.ask([71] * 5, 60, replace(a_request(), deadline_s=0.05))
    bench.finish()

    assert bench.error(running).code == bench.error(waiting).code == "deadline_exceeded"
    assert bench.text(waiting) == ""
    assert (
        bench.events[waiting][-1][0] - waiting.submitted_at < 0.08
    )  # while the only slot was still at work
    assert 0 < len(bench.text(running)) < 60


def test_cells_are_told_rightly_when_the_last_one_gives_up() -> None:
    """Between two steps, after which there is none."""
    bench = a_bench()
    given_up = bench.ask([70] * 5, 60)
    bench.turn(3)
    assert bench.backend.gauges.kv_used > 0
    given_up.cancel()
    bench.finish()

    assert bench.backend.gauges.kv_used == bench.runtime.used == 0


def test_who_cannot_be_served_in_time_is_told_at_once() -> None:
    """429 when the estimated wait is beyond the deadline."""
    bench = a_bench(slots=1)
    bench.ask([70] * 5, 50)
    bench.finish()
    bench.ask([70] * 5, 50)
    bench.turn()
    with pytest.raises(EngineBusyError):
        bench.ask([71] * 5, 5, replace(a_request(), deadline_s=0.001))
    assert bench.line.wait_s() > 0.1


def test_only_those_ahead_count_for_a_deadline() -> None:
    """A line full of others of one tenant, or of less urgent ones, is not in the way."""
    bench = a_bench(slots=1)
    took = bench.ask([70] * 5, 50)
    bench.finish()
    each_s = bench.events[took][-1][0] - took.submitted_at
    for _ in range(5):
        bench.ask([70] * 5, 50, replace(a_request(), tenant="many", priority=-1))
        bench.ask([70] * 5, 50, replace(a_request(), tenant="many"))
    hasty = replace(a_request(), deadline_s=2.5 * each_s)
    with pytest.raises(EngineBusyError):
        bench.ask([71], 5, replace(hasty, tenant="many"))
    with pytest.raises(EngineBusyError):
        bench.ask([71], 5, replace(hasty, priority=-1))
    served = bench.ask([71], 5, hasty)
    bench.finish()

    assert bench.text(served) == "xxxxx"


def test_a_stream_that_began_in_time_is_not_ended_by_its_deadline() -> None:
    """One that did not begin is."""
    bench = a_bench(slots=1)
    stream = replace(a_request(), deadline_s=0.1, first_token_suffices=True)
    begun = bench.ask([70] * 5, 60, stream)
    waiting = bench.ask([71] * 5, 60, stream)
    bench.finish()

    assert len(bench.text(begun)) == 60
    assert bench.done(begun).timings.decode_s > 0.1
    assert bench.error(waiting).code == "deadline_exceeded"


def test_a_tenant_cannot_fill_the_line() -> None:
    """Places are left for others."""
    bench = a_bench(slots=1)
    for _ in range(24):
        bench.ask([70], 1, replace(a_request(), tenant="a"))
    with pytest.raises(EngineBusyError):
        bench.ask([70], 1, replace(a_request(), tenant="a"))

    bench.ask([70], 1, replace(a_request(), tenant="b"))


def test_the_less_urgent_cannot_fill_the_line() -> None:
    """Half of a tenant's places, and half of all, are left for those who would pass them."""
    bench, sent = a_bench(slots=1), []
    for tenant in "aaaaaaaaaaaaaaabbbbb":
        request = replace(a_request(), tenant=tenant, priority=-1)
        try:
            bench.ask([70], 1, request)
        except EngineBusyError:
            continue
        sent.append(tenant)
    for tenant in "aaaaaaaabbbbbbbb":
        bench.ask([70], 1, replace(a_request(), tenant=tenant))

    assert (sent.count("a"), sent.count("b")) == (12, 4)
    with pytest.raises(EngineBusyError):
        bench.ask([70], 1, replace(a_request(), tenant="b"))


def test_a_second_turn_reads_only_what_is_new() -> None:
    """The prefix is there; usage says so."""
    bench = a_bench()
    first = bench.ask([70, 71] * 20)
    bench.finish()
    second = bench.ask([*[70, 71] * 20, *first.tokens[40:], 80, 81])
    bench.finish()

    assert bench.done(first).usage.cached_tokens == 0
    assert bench.done(second).usage.cached_tokens == 40 + 9
    assert bench.line.figures.cached_tokens == 49


def test_another_tenant_reads_everything() -> None:
    """The number of tokens decoded, and so the time, is that of an engine that knows nothing."""
    bench = a_bench()
    prompt = [70, 71] * 20
    bench.ask(prompt, 1, replace(a_request(), tenant="a"))
    bench.finish()
    rows, now = bench.backend.gauges.rows, bench.clock.now
    other = bench.ask(prompt, 1, replace(a_request(), tenant="b"))
    bench.finish()

    assert bench.done(other).usage.cached_tokens == 0
    assert bench.backend.gauges.rows - rows == rows
    assert bench.clock.now - now == pytest.approx(0.01 + 0.001 * 40)


def test_requests_that_come_together_read_a_common_prompt_once() -> None:
    """The others wait for the first, as it is always ahead of them."""
    bench = a_bench(n_ctx=1000, cells=4000)
    asked = [bench.ask([70, 71] * 200, 2) for _ in range(4)]
    bench.finish()
    usages = [bench.done(sequence).usage for sequence in asked]

    assert usages[0].cached_tokens == 0
    assert all(usage.cached_tokens >= 300 for usage in usages[1:])
    assert len({bench.text(sequence) for sequence in asked}) == 1


def test_a_copy_is_drafted_and_costs_fewer_steps() -> None:
    """The fake model repeats itself; its text is the same without drafts."""
    texts, steps = [], []
    for may_draft in (True, False):
        bench = a_bench(None, token_s=0.0001, may_draft=may_draft)
        asked = [bench.ask([66 + n % 3 for n in range(40 + k)], 60) for k in range(6)]
        bench.finish()
        texts.append([bench.text(sequence) for sequence in asked])
        steps.append(bench.backend.gauges.steps)
        usage = bench.line.figures
        assert (usage.accepted_tokens > 0) is may_draft

    assert texts[0] == texts[1]
    assert steps[0] < steps[1]


def test_drafts_stop_where_they_cost_more_than_they_bring() -> None:
    """A machine on which eight rows cost eight times one."""
    bench = a_bench(None, token_s=0.1)
    for k in range(6):
        bench.ask([66 + n % 3 for n in range(40 + k)], 60)
    bench.finish()

    assert bench.line.figures.drafted_tokens == 0


def test_a_model_that_cannot_rewind_is_served_without_drafts_and_prefixes() -> None:
    """And with whole answers."""
    runtime = FakeRuntime(None, slots=4, n_batch=64)
    runtime.is_rewindable = False
    runtime.step_s = 0.01
    bench = Bench(runtime)
    asked = [bench.ask([66, 67] * 20, 40) for _ in range(2)]
    bench.finish()

    assert bench.text(asked[0]) == bench.text(asked[1])
    assert bench.line.figures.cached_tokens == bench.line.figures.drafted_tokens == 0


def test_beside_other_work_fewer_threads_are_used() -> None:
    """A hog came after the model was loaded: ten times slower with all threads, twice with few."""
    bench = a_bench(answer=b"x" * 100, may_draft=False)
    bench.runtime.slow_all = 10.0
    asked = [bench.ask([70 + n] * 5, 100) for n in range(4)]
    bench.finish()

    assert bench.text(asked[0]) == "x" * 100
    assert not bench.backend.gears.is_wide


def test_while_everything_is_drafted_plain_steps_are_measured_now_and_then() -> None:
    """Whether drafts pay is told by what a step costs without them."""
    bench = a_bench(answer=b"xy" * 500, n_ctx=1000, token_s=0.0001)
    sequence = bench.ask([121, 122] * 20, 900)
    bench.finish()
    rows = [len(batch[0].tokens) for batch in bench.runtime.batches[1:]]

    assert bench.done(sequence).usage.accepted_tokens > 500
    assert max(rows) > 8
    assert 1 <= rows.count(1) < len(rows) / 4


@pytest.mark.parametrize("slow_all", [0.5, 10.0])
def test_the_first_gear_is_the_faster_one_at_load(slow_all: float) -> None:
    """A hog that was there before us makes it few threads."""
    runtime = FakeRuntime(LONG, slots=4, n_batch=64)
    runtime.step_s, runtime.slow_all, runtime.slow_few = 0.01, slow_all, 1.0
    bench = Bench(runtime)

    assert bench.backend.gears.is_wide is (slow_all < 1)
