# SPDX-License-Identifier: Apache-2.0
"""What happens once a second beside the requests."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from local_engine.engine import EngineStatus
from local_engine.heartbeat import LOOP_BOUND_S, Cell, Heart
from local_engine.resident import ResidentMemory
from local_engine.upkeep import IDLE_S, FileMark, Upkeep
from tests.local_engine.fakes import FakeEngine


class Scene:
    """An upkeep over a fake engine, a clock and a memory of a chosen size."""

    def __init__(
        self,
        bound_bytes: int | None,
        model: FileMark | None = None,
        draft: FileMark | None = None,
    ) -> None:
        self.now, self.busy, self.private, self.work = 0.0, 0, 100, "busy"
        engine = FakeEngine()
        idle = engine.status()
        engine.status = self.status  # type: ignore[method-assign]
        self.idle: EngineStatus = idle
        memory = ResidentMemory()
        memory.private_bytes = lambda: self.private  # type: ignore[method-assign]
        self.heart = Heart(clock=self.clock)
        self.upkeep = Upkeep(
            engine,
            self.heart,
            memory,
            bound_bytes=bound_bytes,
            model=model,
            draft=draft,
            clock=self.clock,
        )

    def clock(self) -> float:
        return self.now

    def status(self) -> EngineStatus:
        return replace(self.idle, **{self.work: self.busy})  # type: ignore[arg-type]


def test_each_tick_promises_the_next() -> None:
    """A loop that hangs is overdue soon after."""
    scene = Scene(None)
    assert scene.upkeep.tick() == ""
    scene.now = LOOP_BOUND_S + 0.1
    assert scene.heart.overdue() is Cell.LOOP


@pytest.mark.parametrize("work", ["busy", "queued", "embedding"])
def test_a_grown_process_is_replaced_between_requests(work: str) -> None:
    """Not during one, not right after one, and not below the bound."""
    scene = Scene(bound_bytes=200)
    scene.work = work
    scene.busy, scene.now, scene.private = 1, 100, 300
    assert scene.upkeep.tick() == ""
    scene.busy, scene.now = 0, 100 + IDLE_S - 0.1
    assert scene.upkeep.tick() == ""
    scene.now += 0.2
    assert scene.upkeep.tick() == "memory has grown beyond its bound"
    scene.private = 200
    assert scene.upkeep.tick() == ""
    assert Scene(bound_bytes=None).upkeep.has_outgrown() is False


def test_an_engine_without_its_thread_is_replaced_at_once() -> None:
    """Also amid requests: they would wait for ever."""
    scene = Scene(None)
    scene.busy, scene.idle = 1, replace(scene.idle, fault="KeyError", is_ready=False)
    assert scene.upkeep.tick() == "the engine's thread has ended (KeyError)"


@pytest.mark.parametrize("is_draft", [False, True])
def test_a_model_written_to_under_its_map_ends_the_process(tmp_path: Path, is_draft: bool) -> None:
    """At once. A successor of its name, or none, is no concern of this process."""
    path = tmp_path / "m.gguf"
    path.write_bytes(b"12345")
    mark = FileMark.of(path)
    scene = Scene(None, draft=mark) if is_draft else Scene(None, mark)
    scene.busy = 1
    assert scene.upkeep.tick() == ""
    with path.open("r+b") as stream:
        stream.truncate(2)
    assert scene.upkeep.tick() == "the model file has been written to"
    other = tmp_path / "other"
    other.write_bytes(b"123")
    other.replace(path)
    assert scene.upkeep.tick() == ""
    path.unlink()
    assert scene.upkeep.tick() == ""


def test_memory_is_zero_where_the_kernel_does_not_tell(tmp_path: Path) -> None:
    """Health does not fail over it."""
    none = ResidentMemory(tmp_path / "statm")
    assert (none.all_bytes(), none.private_bytes()) == (0, 0)
    none.close()
    (tmp_path / "statm").write_text("9 5 2 1")
    some = ResidentMemory(tmp_path / "statm")
    assert some.all_bytes() > some.private_bytes() > 0
    some.close()
