# SPDX-License-Identifier: Apache-2.0
"""Cells, promises and kept prefixes."""

from __future__ import annotations

import pytest

from local_engine.cells import CellLedger
from local_engine.memory import LEAST_SHARED_TOKENS, ContextMemory, Holding, common_prefix

PREFIX = list(range(100, 140))


class Store:
    """A context that notes what it is told."""

    def __init__(self) -> None:
        self.copies: list[tuple[int, int, int]] = []
        self.can_copy = True

    def copy(self, source: int, target: int, length: int) -> bool:
        self.copies.append((source, target, length))
        return self.can_copy

    def cut(self, place: int, length: int) -> bool:
        return True


def a_memory(cells: int = 200, places: int = 4, kept: int | None = 200) -> ContextMemory:
    return ContextMemory(Store(), cells=cells, places=places, kept_cells=kept)


def served(memory: ContextMemory, tenant: str, tokens: list[int], most: int = 50) -> Holding:
    """Admitted and read to the end of its tokens."""
    holding = memory.admit(tenant, tokens, most)
    assert holding is not None
    memory.grow(holding, len(tokens) - memory.length(holding))
    return holding


def test_what_is_promised_always_fits() -> None:
    """The longest answers of all that were admitted, not what they have now."""
    memory = a_memory(cells=100)
    first = memory.admit("a", [1, 2], 60)
    assert first is not None
    assert memory.admit("a", [3, 4], 41) is None
    second = memory.admit("a", [3, 4], 40)
    assert second is not None
    memory.grow(first, 60)
    memory.grow(second, 40)

    assert memory.used == 100


def test_leaving_gives_back_the_rest_of_the_promise() -> None:
    """An answer that ended early makes room for the next."""
    memory = a_memory(cells=100, kept=0)
    memory.leave(served(memory, "a", PREFIX, 100), keep=True)

    assert memory.used == 0
    assert memory.admit("a", [1, 2], 100) is not None


def test_a_known_beginning_is_taken_over_and_shares_its_cells() -> None:
    """But for the last token, whose logits are wanted."""
    memory = a_memory()
    memory.leave(served(memory, "a", PREFIX), keep=True)
    same = memory.admit("a", list(PREFIX), 50)
    longer = memory.admit("a", [*PREFIX, 1, 2, 3], 50)

    assert same is not None and longer is not None
    assert (memory.length(same), memory.length(longer)) == (39, 40)
    assert memory.used == 40


def test_a_beginning_is_taken_from_who_is_being_served_too() -> None:
    """As far as it has been read."""
    memory = a_memory()
    first = memory.admit("a", list(PREFIX), 50)
    assert first is not None
    memory.grow(first, 30)
    second = memory.admit("a", list(PREFIX), 50)
    assert second is not None
    assert memory.length(second) == 30
    memory.grow(first, 10)

    assert memory.reach_further(second) == 39
    assert memory.used == 40


def test_nothing_is_taken_over_from_another_tenant() -> None:
    """Neither kept nor being served."""
    memory = a_memory()
    memory.leave(served(memory, "a", PREFIX), keep=True)
    served(memory, "b", list(PREFIX))
    third = memory.admit("c", list(PREFIX), 50)

    assert third is not None
    assert memory.length(third) == 0
    assert memory.reach_further(third) == 0


def test_short_beginnings_are_not_worth_it() -> None:
    """The template's first words are in every prompt."""
    memory = a_memory()
    memory.leave(served(memory, "a", PREFIX), keep=True)
    short = memory.admit("a", [*PREFIX[: LEAST_SHARED_TOKENS - 1], 1, 2], 50)

    assert short is not None
    assert memory.length(short) == 0


def test_the_oldest_is_given_up_first_when_cells_are_wanted() -> None:
    """What was used again is young."""
    memory = a_memory(cells=130)
    old, young = [7] * 40, [8] * 40
    for tokens in (old, young):
        memory.leave(served(memory, "a", tokens), keep=True)
    memory.leave(served(memory, "a", [*old, 1]), keep=True)
    served(memory, "a", [9] * 60, 60)
    again = memory.admit("a", [*old, 2], 60)

    assert again is not None
    assert memory.length(again) == 40


def test_a_prefix_that_is_used_is_young_again() -> None:
    """Also when nothing new is kept of it."""
    memory = a_memory(cells=130)
    old, young = [7] * 40, [8] * 40
    for tokens in (old, young):
        memory.leave(served(memory, "a", tokens), keep=True)
    memory.leave(served(memory, "a", [*old, 1]), keep=False)
    served(memory, "a", [9] * 60, 60)
    again = memory.admit("a", [*old, 2], 60)

    assert again is not None
    assert memory.length(again) == 40


def test_kept_cells_have_a_bound() -> None:
    """Each of them costs every decode a little."""
    memory = a_memory(kept=60)
    for first in (1, 2, 3):
        memory.leave(served(memory, "a", [first] * 30), keep=True)

    assert memory.kept == memory.used == 60


def test_a_prefix_of_what_is_kept_is_not_kept_beside_it() -> None:
    """Turn after turn of one conversation takes one place."""
    memory = a_memory(places=3)
    for length in (20, 30, 40):
        memory.leave(served(memory, "a", PREFIX[:length]), keep=True)
    memory.leave(served(memory, "a", [5] * 20), keep=True)
    holding = memory.admit("a", [*PREFIX, 1], 50)

    assert memory.used == 60
    assert holding is not None
    assert memory.length(holding) == 40


def test_the_last_place_is_found_even_when_its_prefix_is_wanted() -> None:
    """Giving up the one kept prefix for the request that would have used it."""
    memory = a_memory(places=1)
    memory.leave(served(memory, "a", PREFIX), keep=True)
    holding = memory.admit("a", [*PREFIX, 1], 50)

    assert holding is not None
    assert memory.length(holding) == 0
    assert memory.admit("a", [1], 5) is None


@pytest.mark.parametrize(("cells", "admitted"), [(200, True), (80, False)])
def test_a_store_that_cannot_share_after_all(cells: int, admitted: bool) -> None:
    """The request is admitted only when it fits without the prefix."""
    store = Store()
    memory = ContextMemory(store, cells=cells, places=4, kept_cells=200)
    first = served(memory, "a", list(PREFIX))
    store.can_copy = False
    second = memory.admit("a", [*PREFIX, 1], 60)

    assert store.copies
    assert (second is not None) is admitted
    memory.leave(first, keep=False)
    assert memory.used == 0


def test_a_memory_that_cannot_be_cut_shares_nothing() -> None:
    """Not even from who is being served."""
    memory = a_memory(kept=None)
    first = served(memory, "a", list(PREFIX))
    second = served(memory, "a", list(PREFIX))
    assert memory.used == 80
    for holding in (first, second):
        memory.leave(holding, keep=True)

    assert memory.used == 0


@pytest.mark.parametrize(("cells", "has_now"), [(130, 0), (100, 30)])
def test_reaching_further_risks_no_promise(cells: int, has_now: int) -> None:
    """What it has is let go for a longer one only where it fits without any as well."""
    store = Store()
    memory = ContextMemory(store, cells=cells, places=4, kept_cells=200)
    first, longer = memory.admit("a", PREFIX[:30], 30), memory.admit("a", list(PREFIX), 40)
    assert first is not None and longer is not None
    memory.grow(first, 30)
    third = memory.admit("a", [*PREFIX, 1], 60)
    assert third is not None
    assert memory.length(third) == 30
    memory.grow(longer, 40)
    store.can_copy = False

    assert memory.reach_further(third) == has_now
    memory.grow(third, 60 - has_now)
    assert memory.used <= cells


def test_common_prefixes_are_found_exactly() -> None:
    """For every length, and not beyond what was asked for."""
    for length in range(12):
        left, right = [1] * length + [2] * 3, [1] * length + [3] * 3
        assert common_prefix(left, right, 100) == length
        assert common_prefix(left, left, 5) == min(5, len(left))


def test_a_shared_cell_is_free_when_its_last_holder_lets_go() -> None:
    """And pinned as long as one of them is being served."""
    ledger = CellLedger(10)
    ledger.open(1)
    ledger.grow(1, 6)
    ledger.open(2)
    ledger.share(1, 2, 4)
    ledger.unpin(1)
    assert (ledger.used, ledger.pinned_cells, ledger.unpinned_in(1, 6)) == (6, 4, 2)
    ledger.close(1)
    assert (ledger.used, ledger.length(2)) == (4, 4)
    ledger.close(2)

    assert (ledger.used, ledger.pinned_cells, ledger.holders) == (0, 0, ())
