# SPDX-License-Identifier: Apache-2.0
"""The order in which waiting requests are served. Pure: no lock, no clock.

Rules
1. The highest priority present is served first.
2. Within a priority the tenants take turns by what they were served: each has a virtual time
   that grows by the cost of what it got, and the smallest goes first (start-time fair queueing,
   Goyal, Vin and Cheng, 1996). Two tenants that both always wait differ, at any moment, by no
   more than the largest cost of the one plus the largest cost of the other.
3. Within a tenant and a priority: in order of arrival.
4. A tenant that comes back after a pause starts at the time of now: idle time is not saved up.
   What was cancelled in line costs nothing.
5. The head blocks: whatever follows waits until the head has its place, so that a long request
   is not passed by short ones for ever.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from local_engine.engine import GenerationRequest
from local_engine.sequence import Sequence

# Tenants whose virtual time is remembered; the ones that are behind count as new.
_MOST_TENANTS = 1024


class FairQueue:
    """Waiting sequences, in order of arrival inside; `head` says who is next."""

    def __init__(self) -> None:
        self._waiting: list[Sequence] = []
        self._served: dict[str, float] = {}
        self._now = 0.0

    def __len__(self) -> int:
        return len(self._waiting)

    def __iter__(self) -> Iterator[Sequence]:
        return iter(self._waiting)

    def of_tenant(self, tenant: str) -> int:
        """How many of this tenant's wait."""
        return sum(sequence.request.tenant == tenant for sequence in self._waiting)

    def ahead_of(self, request: GenerationRequest) -> int:
        """How many would be served before a request that came now, were all of one cost.

        By rule 2 nobody has more than one turn before each of this tenant's.
        """
        waiting = [other.request for other in self._waiting]
        equals = Counter(r.tenant for r in waiting if r.priority == request.priority)
        turns = equals.pop(request.tenant, 0)
        others = sum(min(count, turns + 1) for count in equals.values())
        return sum(r.priority > request.priority for r in waiting) + turns + others

    def push(self, sequence: Sequence) -> None:
        """Join the line."""
        tenant = sequence.request.tenant
        if not self.of_tenant(tenant):
            self._served[tenant] = max(self._served.get(tenant, 0.0), self._now)
        self._waiting.append(sequence)

    def head(self) -> Sequence | None:
        """Who is served next; stays in line."""
        if not self._waiting:
            return None
        # min takes the first of equals, which is the one that came first.
        return min(
            self._waiting,
            key=lambda sequence: (
                -sequence.request.priority,
                self._served[sequence.request.tenant],
            ),
        )

    def serve(self, sequence: Sequence) -> None:
        """Take the head out and charge its tenant."""
        self._waiting.remove(sequence)
        tenant = sequence.request.tenant
        self._now = max(self._now, self._served[tenant])
        self._served[tenant] += sequence.cost
        if not self._waiting:
            self._served.clear()  # nobody competes: all start anew
        elif len(self._served) > _MOST_TENANTS:
            self._forget_one()

    def remove(self, sequence: Sequence) -> None:
        """Leave the line without having been served."""
        self._waiting.remove(sequence)

    def _forget_one(self) -> None:
        present = {sequence.request.tenant for sequence in self._waiting}
        gone = [tenant for tenant in self._served if tenant not in present]
        if gone:
            del self._served[min(gone, key=self._served.__getitem__)]
