# SPDX-License-Identifier: Apache-2.0
"""The pool with real processes and two tiny models, and its shell piece by piece."""

from __future__ import annotations

import json
import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from local_engine import llama_api, pool
from local_engine.control import ControlServer
from local_engine.errors import EXIT_SETUP, ModelFileError
from local_engine.model_set import Limits, ModelSet, State
from local_engine.pool import Engines, Pool, PooledModel, make_pool, need_of, parse_options
from local_engine.unix_http import UnixConnection
from tests.local_engine.fakes import a_gguf
from tests.local_engine.tiny_model import tiny_model

HAS_ENGINE = pytest.mark.skipif(
    not llama_api.is_installed(), reason="no compiled engine here; `make setup` brings it"
)
HELLO = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 2}


def ask(path: Path, method: str, target: str, body: object = None) -> tuple[int, Any]:
    """One request over a unix socket."""
    with closing(UnixConnection(str(path), timeout_s=20)) as connection:
        connection.request(method, target, None if body is None else json.dumps(body))
        response = connection.getresponse()
        return response.status, json.loads(response.read())


def until(holds: Callable[[], bool], within_s: float = 30) -> None:
    """Wait for it."""
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)


@dataclass(frozen=True)
class Running:
    """A pool process."""

    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def control(self) -> Path:
        return self.folder / "run" / "control.sock"

    def want(self, name: str) -> tuple[int, Any]:
        return ask(self.control, "POST", f"/models/{name}/want")

    def until_ready(self, name: str) -> None:
        until(lambda: self.want(name)[0] == 200)

    def states(self) -> dict[str, str]:
        _, found = ask(self.control, "GET", "/models")
        return {model["name"]: model["state"] for model in found["models"]}


def arguments(folder: Path, *more: str) -> list[str]:
    """Two own files, of which one at a time fits."""
    words = [
        "--control",
        str(folder / "run" / "control.sock"),
        "--ctx",
        "128",
        "--threads",
        "1",
        *more,
    ]
    for seed, name in enumerate(("one", "two")):
        file = folder / f"{name}.gguf"
        file.write_bytes(tiny_model(seed=seed).data)
        words += ["--model", name, str(file), "own", str(folder / "run" / f"{name}.sock")]
    return words


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    """A pool with room for one model, without vectors."""
    words = arguments(tmp_path, "--memory-mb", "54", "--min-stay-s", "0.5")
    command = [sys.executable, "-m", "local_engine.pool", *words]
    with subprocess.Popen(command) as process:
        made = Running(tmp_path, process)
        until(made.control.exists)
        yield made
        process.terminate()
        assert process.wait(20) == 0
    assert not made.control.exists()


@pytest.mark.engine
@HAS_ENGINE
def test_two_models_take_turns_and_a_crash_takes_one(running: Running) -> None:
    """The resident comes up by itself; the other takes its place; a killed engine comes back."""
    until(lambda: running.states() == {"one": "ready", "two": "off"})
    one, two = (running.folder / "run" / f"{name}.sock" for name in ("one", "two"))
    assert ask(one, "POST", "/v1/chat/completions", HELLO)[0] == 200
    assert ask(one, "POST", "/v1/embeddings", {"input": "a"})[0] == 400

    status, body = running.want("two")
    assert status == 202
    assert body["retry_after_s"] >= 1
    running.until_ready("two")
    assert running.states() == {"one": "off", "two": "ready"}
    assert ask(two, "POST", "/v1/chat/completions", HELLO)[0] == 200
    assert not one.exists()

    pid = ask(two, "GET", "/health")[1]["pid"]
    os.kill(pid, signal.SIGKILL)

    def is_back() -> bool:
        try:
            return bool(ask(two, "GET", "/health")[1].get("pid", pid) != pid)
        except OSError:
            return False

    until(is_back)
    assert running.process.poll() is None

    assert ask(running.control, "POST", "/models/two/unload")[0] == 200
    until(lambda: running.states() == {"one": "ready", "two": "off"})


@pytest.mark.engine
@HAS_ENGINE
def test_a_killed_pool_leaves_no_process(tmp_path: Path) -> None:
    """Its supervisors and their engines end with it."""
    command = [sys.executable, "-m", "local_engine.pool", *arguments(tmp_path)]
    with subprocess.Popen(command) as process:
        made = Running(tmp_path, process)
        until(made.control.exists)
        made.until_ready("one")
        pid = ask(tmp_path / "run" / "one.sock", "GET", "/health")[1]["pid"]
        process.kill()
    until(lambda: not Path(f"/proc/{pid}").exists())


class FakePool:
    """Knows one model, `a b`."""

    def describe(self) -> dict[str, Any]:
        return {"models": []}

    def want(self, name: str) -> tuple[int, dict[str, Any]]:
        return (200 if name == "a b" else 404), {"name": name}

    def unload(self, name: str) -> tuple[int, dict[str, Any]]:
        return 409, {"reason": name}


def test_the_control_socket_answers(tmp_path: Path) -> None:
    """Its paths, and nothing else; names are unquoted."""
    path = tmp_path / "run" / "c.sock"
    with ControlServer(path, FakePool()):
        assert ask(path, "GET", "/models") == (200, {"models": []})
        assert ask(path, "POST", "/models/a%20b/want", {}) == (200, {"name": "a b"})
        assert ask(path, "POST", "/models/x/want") == (404, {"name": "x"})
        assert ask(path, "POST", "/models/x/unload") == (409, {"reason": "x"})
        assert ask(path, "GET", "/other")[0] == ask(path, "POST", "/models")[0] == 404
    assert not path.exists()


class FakeEngines(Engines):
    """Processes that are what the test says."""

    def __init__(self) -> None:
        super().__init__([])
        self.started: list[str] = []
        self.embedding: list[bool] = []
        self.stopped: list[str] = []
        self.gone: list[str] = []
        self.answers: dict[str, dict[str, Any]] = {}

    def start(self, model: PooledModel) -> None:
        self.started.append(model.name)
        self.embedding.append(model.embeds)

    def stop(self, name: str, now: float) -> None:
        self.stopped.append(name)

    def ended(self, now: float) -> list[str]:
        gone, self.gone = self.gone, []
        return gone

    def ask(self, model: PooledModel) -> dict[str, Any]:
        self.reports[model.name] = self.answers.get(model.name, {})
        return self.reports[model.name]


def test_events_become_effects(tmp_path: Path) -> None:
    """Without a process: start, ready, in use, given up."""
    options = parse_options(arguments(tmp_path))
    engines = FakeEngines()
    limits = Limits(budget_bytes=10, min_stay_s=0.0)
    made = Pool(options, ModelSet({"one": 6, "two": 6}, limits), engines)
    now = time.monotonic()
    assert made.want("nobody")[0] == made.unload("nobody")[0] == 404
    assert made.want("one")[0] == 202
    made.turn(now)
    engines.answers["one"] = {"status": "loading"}
    made.turn(now + 1)
    assert made.describe()["models"][0]["state"] == State.LOADING
    engines.answers["one"] = {"status": "ready", "busy": 1, "queued": 0, "idle_s": 0.0}
    made.turn(now + 2)
    assert made.want("one") == (200, {"state": "ready"})
    assert made.unload("one")[0] == 409
    engines.answers["one"] |= {"busy": 0, "embedding": 1}
    made.turn(now + 3)
    assert made.unload("one")[0] == 409
    made.want("two")
    made.turn(now + 10)
    assert (engines.started, engines.stopped) == (["one"], [])
    engines.answers["one"] |= {"embedding": 0, "idle_s": 5.0}
    made.turn(now + 20)
    assert engines.stopped == ["one"]
    engines.gone = ["one"]
    made.turn(now + 21)
    assert engines.started == ["one", "two"]
    engines.gone = ["two"]
    made.turn(now + 22)
    found = {m["name"]: m for m in made.describe()["models"]}
    assert (found["two"]["state"], found["one"]["loads"]) == (State.RESTING, 1)
    assert made.unload("one")[0] == 200


def test_what_can_never_be_loaded_is_said(tmp_path: Path) -> None:
    """A model larger than the budget; a file that is none."""
    words = arguments(tmp_path, "--memory-mb", "10")
    made = make_pool(parse_options(words), FakeEngines())
    status, body = made.want("one")
    assert (status, "more memory" in body["reason"]) == (503, True)
    assert make_pool(parse_options(arguments(tmp_path)), FakeEngines()).describe()["budget_bytes"]
    (tmp_path / "one.gguf").write_bytes(b"no")
    with pytest.raises(ModelFileError):
        make_pool(parse_options(words), FakeEngines())


def test_smaller_cells_need_less_of_the_budget(tmp_path: Path) -> None:
    """And every engine is told; the prebuilt one has none."""
    needs, length = [], struct.pack("<II", 4, 32)
    keys = {f"llama.attention.{kind}_length": length for kind in ("key", "value")}
    for kind, cells in product(("llamacpp", "xllamacpp"), ("f16", "q4_0")):
        words = arguments(tmp_path, "--engine", kind, "--kv-type", cells)
        (tmp_path / "one.gguf").write_bytes(tiny_model(keys).data)
        options = parse_options(words)
        needs.append(make_pool(options, FakeEngines()).describe()["models"][0]["need_bytes"])
        assert options.common[-2:] == ("--kv-type", cells)

    assert needs[1] < needs[0]
    assert needs[2] == needs[3]


def test_vectors_are_part_of_the_budget_or_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Their context is made later; then the models together must not be beyond the budget."""
    words = arguments(tmp_path, "--engine", "llamacpp", "--memory-mb", "64")
    options = parse_options(words)
    alone = need_of(replace(options.models[0], embeds=False), options)
    with_vectors = need_of(options.models[0], options)
    assert with_vectors > alone

    for budget, needed, embeds in ((with_vectors, with_vectors, True), (alone, alone, False)):
        made = make_pool(replace(options, budget_bytes=budget), engines := FakeEngines())
        made.turn(0.0)
        assert made.describe()["models"][0]["need_bytes"] == needed
        assert engines.embedding == [embeds]
    assert capsys.readouterr().err.count("no embeddings of one") == 1


def test_a_fault_is_one_line_and_78(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Before any process is started."""
    words = arguments(tmp_path)
    (tmp_path / "one.gguf").write_bytes(a_gguf()[:50])
    handlers = [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)]
    try:
        assert pool.run(parse_options(words)) == EXIT_SETUP
    finally:
        for number, handler in zip((signal.SIGTERM, signal.SIGINT), handlers, strict=True):
            signal.signal(number, handler)
    assert capsys.readouterr().err.startswith("local engine: model file not usable")


def test_a_supervisor_that_does_not_end_is_killed(tmp_path: Path) -> None:
    """After its grace, and at the very end of the pool too."""
    engines = Engines([])
    stubborn = (
        "import pathlib, signal, sys, time; signal.signal(15, signal.SIG_IGN);"
        "pathlib.Path(sys.argv[1]).touch(); time.sleep(60)"
    )
    for name in ("a", "b"):
        deaf = tmp_path / name
        engines._running[name] = subprocess.Popen([sys.executable, "-c", stubborn, str(deaf)])
        until(deaf.exists)
    engines.stop("a", now=0)
    assert engines.ended(now=1) == []
    until(lambda: "a" in engines.ended(now=100))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool, "_GRACE_S", 0.2)
        engines.close()
    assert engines._running["b"].poll() == -signal.SIGKILL
