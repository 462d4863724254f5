# SPDX-License-Identifier: Apache-2.0
"""Who is next in line."""

from __future__ import annotations

import random

from local_engine.fair_queue import FairQueue
from local_engine.sequence import Sequence
from tests.local_engine.fakes import Collector, a_request


def a_sequence(tenant: str = "", priority: int = 0, prompt: int = 1, most: int = 9) -> Sequence:
    """A waiting request that costs `prompt + most`."""
    return Sequence(
        request=a_request(tenant=tenant, priority=priority),
        sink=Collector(),
        prompt=tuple(range(prompt)),
        max_tokens=most,
        submitted_at=0.0,
    )


def serve_all(queue: FairQueue) -> list[Sequence]:
    """In the order of the queue."""
    served = []
    while (head := queue.head()) is not None:
        queue.serve(head)
        served.append(head)
    return served


def test_one_tenants_requests_are_served_as_they_came() -> None:
    """Whatever they cost."""
    queue = FairQueue()
    came = [a_sequence(most=most) for most in (50, 1, 20)]
    for sequence in came:
        queue.push(sequence)

    assert serve_all(queue) == came


def test_a_higher_priority_goes_first() -> None:
    """Also before those who came earlier and have had less."""
    queue = FairQueue()
    first, urgent = a_sequence("a"), a_sequence("b", priority=1)
    later = a_sequence("b", priority=1)
    for sequence in (first, urgent, later):
        queue.push(sequence)

    assert serve_all(queue) == [urgent, later, first]


def test_who_would_come_before_a_request_is_foreseen() -> None:
    """With equal costs never too few, and too many by no more than one for each other tenant."""
    chance = random.Random(11)
    for _ in range(300):
        queue, tenants = FairQueue(), "abcd"[: chance.randint(1, 4)]
        for _ in range(chance.randrange(20)):
            queue.push(a_sequence(chance.choice(tenants)))
        newest = a_sequence(chance.choice(tenants))
        foreseen = queue.ahead_of(newest.request)
        queue.push(newest)

        assert 0 <= foreseen - serve_all(queue).index(newest) < len(tenants)
    queue = FairQueue()
    for priority in (1, 0, 0, -1):
        queue.push(a_sequence(priority=priority))
    ahead = [queue.ahead_of(a_sequence(priority=p).request) for p in (2, 1, 0, -1)]
    assert ahead == [0, 1, 3, 4]


def test_tenants_take_turns() -> None:
    """A flood of one does not hold up the other."""
    queue = FairQueue()
    for tenant in "aaaaab":
        queue.push(a_sequence(tenant))

    assert [s.request.tenant for s in serve_all(queue)] == ["a", "b", "a", "a", "a", "a"]


def test_turns_are_by_cost() -> None:
    """Who asks for long answers gets fewer of them."""
    queue = FairQueue()
    for _ in range(4):
        queue.push(a_sequence("long", most=39))
        queue.push(a_sequence("short", most=9))
    order = [s.request.tenant for s in serve_all(queue)]

    assert order[:6] == ["long", "short", "short", "short", "short", "long"]


def test_two_who_always_wait_never_differ_by_more_than_their_largest_costs() -> None:
    """The bound of start-time fair queueing."""
    chance = random.Random(7)
    queue, had = FairQueue(), {"a": 0, "b": 0}
    for tenant in "ab" * 3:
        queue.push(a_sequence(tenant, most=chance.randrange(1, 100)))
    for _ in range(2000):
        head = queue.head()
        assert head is not None
        queue.serve(head)
        tenant = head.request.tenant
        had[tenant] += head.cost
        assert abs(had["a"] - had["b"]) <= 200
        queue.push(a_sequence(tenant, most=chance.randrange(1, 100)))


def test_idle_time_is_not_saved_up_and_leaving_costs_nothing() -> None:
    """A tenant that comes back gets its turn, not all turns; a cancelled request is not charged."""
    queue = FairQueue()
    for _ in range(6):
        queue.push(a_sequence("busy"))
    for _ in range(3):
        head = queue.head()
        assert head is not None
        queue.serve(head)
    gone = a_sequence("back", most=1000)
    queue.push(gone)
    queue.remove(gone)
    for _ in range(3):
        queue.push(a_sequence("back"))
    order = [s.request.tenant for s in serve_all(queue)]

    assert order == ["back", "busy", "back", "busy", "back", "busy"]


def test_tenants_without_number_take_no_memory_without_bound() -> None:
    """Those who are gone are forgotten, those who wait are not."""
    queue = FairQueue()
    queue.push(a_sequence("waits", most=10**6, priority=-1))
    for number in range(3000):
        sequence = a_sequence(str(number))
        queue.push(sequence)
        queue.serve(sequence)

    assert len(queue._served) <= 1025
    assert [s.request.tenant for s in serve_all(queue)] == ["waits"]
