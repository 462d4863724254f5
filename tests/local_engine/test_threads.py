# SPDX-License-Identifier: Apache-2.0
"""The choice of threads, with machines whose speed is made up and a clock that they drive."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from local_engine.device import ThreadPlan, probe
from local_engine.threads import (
    DECODE_GAIN,
    PREFILL_GAIN,
    Clocks,
    Measured,
    Results,
    candidates,
    choose,
    key_of,
    measure,
    settle,
)


class FakeMachine:
    """Seconds per token by threads, for single tokens and for prompts."""

    def __init__(self, decode: Mapping[int, float], prefill: Mapping[int, float]) -> None:
        self.costs = decode, prefill
        self.now, self.runs = 0.0, 0
        self.plan = ThreadPlan(0, 0)
        self.cells = 0
        self.fails_at = 10**9
        self.cpu_s, self.share = 0.0, 1.0
        self.clocks = Clocks(lambda: self.now, lambda: self.cpu_s, lambda: 0.0)

    def use(self, plan: ThreadPlan) -> None:
        self.plan = plan

    def run(self, tokens: int, position: int) -> bool:
        assert position == self.cells
        self.cells += tokens
        self.runs += 1
        decode, prefill = self.costs
        cost = decode[self.plan.decode] if tokens == 1 else prefill[self.plan.prefill]
        # Now and then other work takes the core.
        took_s = tokens * cost * (5 if self.runs % 7 == 0 else 1)
        self.now += took_s
        threads = self.plan.decode if tokens == 1 else self.plan.prefill
        self.cpu_s += took_s * threads * self.share
        return self.runs < self.fails_at

    def forget(self) -> None:
        self.cells = 0


# What was measured on two cores: a second thread gives 1.27x when decoding, 1.95x on prompts.
TWO_CORES = FakeMachine({1: 1 / 100, 2: 1 / 127}, {1: 1 / 200, 2: 1 / 390}).costs
NOTHING = Measured(plan=ThreadPlan(1, 2), decode_tps={1: 5.0}, prefill_tps={1: 6.5})


def test_candidates_double_up_to_what_is_usable() -> None:
    """And all of it."""
    assert [candidates(n) for n in (1, 2, 3, 6, 8)] == [
        [1],
        [1, 2],
        [1, 2, 3],
        [1, 2, 4, 6],
        [1, 2, 4, 8],
    ]


@pytest.mark.parametrize(
    ("tps", "gain", "expected"),
    [
        ({1: 100.0}, 1.4, 1),
        ({1: 100.0, 2: 127.0}, 1.4, 1),
        ({1: 100.0, 2: 141.0}, 1.4, 2),
        ({1: 100.0, 2: 150.0, 4: 180.0}, 1.4, 2),
        ({1: 100.0, 2: 110.0, 4: 197.0}, 1.4, 4),
        ({1: 100.0, 2: 150.0, 3: 180.0}, 1.4, 2),
        ({1: 100.0, 2: 150.0, 3: 184.0}, 1.4, 3),
        ({1: 200.0, 2: 390.0}, 1.2, 2),
    ],
)
def test_a_step_up_must_pay(tps: dict[int, float], gain: float, expected: int) -> None:
    """For every doubling; a poor step may be made up for by the next."""
    assert choose(tps, gain) == expected


def test_two_cores_decode_with_one_and_read_with_both() -> None:
    """Best times count, so what other work disturbed does not."""
    machine = FakeMachine(*TWO_CORES)
    found = measure(machine, 2, machine.clocks)

    assert found.plan == machine.plan == ThreadPlan(1, 2)
    assert found.decode_tps == pytest.approx({1: 100})
    assert found.prefill_tps[1] == pytest.approx(200)
    assert machine.cells == 0


def test_more_cores_decode_with_all_but_one() -> None:
    """Where each one pays."""
    cores = range(1, 7)
    machine = FakeMachine({n: 0.01 / n for n in cores}, {n: 0.005 / n for n in cores})

    assert measure(machine, 6, machine.clocks).plan == ThreadPlan(5, 6)


def test_a_disturbed_measurement_is_not_used_nor_kept_for_long(tmp_path: Path) -> None:
    """Here other work made one thread look best. Restarts within the hour do not measure again."""
    machine = FakeMachine({1: 0.01, 2: 0.02}, {1: 0.005, 2: 0.006})
    machine.share = 0.7
    results = Results(tmp_path / "threads.json")
    found = settle(machine, results, "k", 2, machine.clocks)

    assert not found.was_quiet
    assert found.plan == machine.plan == ThreadPlan(1, 2)
    assert set(found.prefill_tps) == {1}
    assert results.find("k", date=3599) == replace(found, was_kept=True)
    assert results.find("k", date=3600) is None


def test_a_slow_machine_is_not_held_up() -> None:
    """After the budget no further candidate begins, and none that was not timed is chosen."""
    machine = FakeMachine({1: 0.2, 2: 0.1}, {1: 0.1, 2: 0.05})
    found = measure(machine, 2, machine.clocks, budget_s=1)

    assert (found.plan, set(found.decode_tps)) == (ThreadPlan(1, 1), {1})


def test_a_result_is_kept_and_costs_nothing_later(tmp_path: Path) -> None:
    """Found under its key only, and not when fewer cores are left."""
    results, machine = Results(tmp_path / "threads.json"), FakeMachine(*TWO_CORES)
    first = settle(machine, results, "k", 2, machine.clocks)
    runs = machine.runs
    again = settle(machine, results, "k", 2, machine.clocks)
    assert (machine.runs, again) == (runs, replace(first, was_kept=True))
    settle(machine, results, "other", 2, machine.clocks)
    assert machine.runs > runs

    runs = machine.runs
    assert settle(machine, results, "k", 1, machine.clocks).plan == ThreadPlan(1, 1)
    assert machine.runs > runs


def test_what_cannot_be_measured_is_planned() -> None:
    """Half decode, all read; nothing is kept."""
    machine = FakeMachine(*TWO_CORES)
    machine.fails_at = 2
    results = Results(Path("/nowhere/threads.json"))

    assert settle(machine, results, "k", 2, machine.clocks).plan == ThreadPlan(1, 2)
    assert machine.plan == ThreadPlan(1, 2)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"k": 3}', '{"k": {"plan": [1]}}'])
def test_a_damaged_file_costs_a_measurement(tmp_path: Path, text: str) -> None:
    """And is replaced, or not, where the folder cannot be written."""
    path = tmp_path / "threads.json"
    path.write_text(text)
    results = Results(path)
    assert results.find("k", 0) is None
    results.keep("k", NOTHING, 0)
    assert results.find("k", 10**9) == replace(NOTHING, was_kept=True)
    assert [p.name for p in tmp_path.iterdir()] == ["threads.json"]
    Results(tmp_path / "none" / "threads.json").keep("k", NOTHING, 0)


def test_only_the_newest_results_are_kept(tmp_path: Path) -> None:
    """The file does not grow without end."""
    results = Results(tmp_path / "threads.json")
    for number in range(70):
        results.keep(str(number), NOTHING, 0)
    assert results.find("69", 0)
    assert results.find("1", 0) is None


def test_the_key_names_machine_and_file(tmp_path: Path) -> None:
    """Another share of the machine, or another file, is measured anew."""
    model = tmp_path / "m.gguf"
    model.write_bytes(b"1")
    device = probe()
    before = key_of(device, model)
    assert key_of(device, model) == before
    assert key_of(replace(device, usable_cpus=device.usable_cpus + 1), model) != before
    model.write_bytes(b"12")
    assert key_of(device, model) != before
    assert DECODE_GAIN > PREFILL_GAIN > 1
