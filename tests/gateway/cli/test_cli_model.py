# SPDX-License-Identifier: Apache-2.0
"""`nearward model` where several models are configured."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_engine.control import ControlServer
from tests.doubles.pool import ScriptedPool
from tests.gateway.cli.conftest import failed, run


@pytest.fixture
def pooled(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A config with the models a and b, and a state directory with a short path."""
    with tempfile.TemporaryDirectory(prefix="nw") as folder:
        monkeypatch.setenv("NEARWARD_STATE_DIR", folder)
        for name in ("a", "b"):
            (Path(folder) / f"{name}.gguf").write_bytes(b"none")
        config = Path(folder) / "n.yaml"
        config.write_text(f"device: {{models: [a, b]}}\nmodels_dir: {folder}\n")
        yield config


def test_load_unload_and_list(pooled: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """They go to the running pool."""
    (pooled.parent / "run").mkdir(mode=0o700)
    pool = ScriptedPool(a="ready", b="off")
    with ControlServer(pooled.parent / "run" / "models.sock", pool):
        assert run("model", "load", "b", "-c", pooled).exit_code == 0
        assert run("model", "unload", "a", "-c", pooled).exit_code == 0
        assert run("model", "list", "-c", pooled).exit_code == 0
    assert pool.states == {"a": "off", "b": "ready"}
    out = capfd.readouterr().out
    assert "b: loaded" in out
    assert "a\toff" in out
    assert "smollm2-135m-instruct-q4_1" in out
    assert run("model", "load", "b", "-c", pooled).exit_code == 1


def test_with_one_model_there_is_nothing_to_load(config: Path) -> None:
    """It says so."""
    for action in ("load", "unload"):
        failed(run("model", action, "x", "-c", config), 2, "one model only")


def test_bench_of_a_model_that_is_none(pooled: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Unknown to the config, or no file that the engine would load."""
    failed(run("model", "bench", "c", "-c", pooled), 2, "there is: a, b")
    assert run("model", "bench", "-c", pooled).exit_code == 1
    assert "model file not usable" in capfd.readouterr().err
