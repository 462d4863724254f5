# SPDX-License-Identifier: Apache-2.0
"""A short run of the fuzz target; its module says how to run it for long."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from tests.properties.fuzz_restoration import drawn_stream, one


def test_mutated_streams() -> None:
    """What a model could have sent, with faults in it."""
    rng = random.Random()
    for _ in range(500):
        one(drawn_stream(rng))


@given(st.binary(max_size=400))
def test_any_bytes(data: bytes) -> None:
    """And what no model sends."""
    one(data)
