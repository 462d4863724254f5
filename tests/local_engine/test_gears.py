# SPDX-License-Identifier: Apache-2.0
"""All threads or few, by what steps take."""

from __future__ import annotations

from local_engine.gears import GearBox


def drive(box: GearBox, steps: int, *, wide: float, narrow: float) -> tuple[float, int]:
    """(time over the quiet machine's, steps with all threads)."""
    total, in_wide = 0.0, 0
    for _ in range(steps):
        slowness = wide if box.is_wide else narrow
        in_wide += box.is_wide
        total += slowness
        box.learn(slowness)
    return total, in_wide


def test_on_a_quiet_machine_nothing_is_tried() -> None:
    """Not one step is given away."""
    _, in_wide = drive(GearBox(can_shift=True), 1000, wide=1.1, narrow=1.8)

    assert in_wide == 1000


def test_beside_other_work_few_threads_take_over() -> None:
    """Ten times slower with all: within 10% of always few, but for the first steps."""
    box = GearBox(can_shift=True)
    drive(box, 20, wide=10, narrow=2)
    assert not box.is_wide
    total, _ = drive(box, 2000, wide=10, narrow=2)

    assert total < 2000 * 2 * 1.1


def test_when_the_other_work_ends_all_threads_come_back() -> None:
    """Within the longest pause between trials, and for good."""
    box = GearBox(can_shift=True)
    drive(box, 500, wide=10, narrow=2)
    drive(box, 600, wide=1, narrow=1.8)
    assert box.is_wide
    _, in_wide = drive(box, 500, wide=1, narrow=1.8)

    assert in_wide == 500


def test_a_long_context_is_no_reason_to_shift() -> None:
    """Both gears are slower; trials are few."""
    box = GearBox(can_shift=True)
    total, _ = drive(box, 3000, wide=3, narrow=5)

    assert total < 3000 * 3 * 1.02


def test_with_one_thread_there_is_nothing_to_choose() -> None:
    """However slow it is."""
    _, in_wide = drive(GearBox(can_shift=False), 100, wide=20, narrow=1)

    assert in_wide == 100


def test_a_model_that_was_loaded_beside_other_work_finds_all_threads_later() -> None:
    """What was measured then is no measure: the best that was seen since is."""
    box = GearBox(can_shift=True, is_wide=False)
    drive(box, 300, wide=1, narrow=0.4)
    assert not box.is_wide
    drive(box, 600, wide=0.2, narrow=0.36)
    assert box.is_wide
    drive(box, 40, wide=1, narrow=0.4)

    assert not box.is_wide
