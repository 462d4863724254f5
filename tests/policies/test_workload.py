# SPDX-License-Identifier: Apache-2.0
"""What the benchmark of decisions decides."""

from policies.workload import DESTINATIONS, workload


def test_the_mix_has_every_kind_of_answer() -> None:
    """All destinations, some for two reasons, and none for a secret or a failed detector."""
    away, requests = workload()

    assert len(away) == DESTINATIONS == 20
    assert [len(asked.answer().cleared) for asked in requests] == [20, 7, 13, 0, 0]
