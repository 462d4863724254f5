# SPDX-License-Identifier: Apache-2.0
"""The command line to a pool, and the bench of one model."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from local_engine import llama_api, models
from local_engine.bench import model as model_bench
from local_engine.control import ControlServer
from local_engine.models import load, main
from tests.doubles.pool import ScriptedPool
from tests.local_engine.tiny_model import tiny_model


def test_models_are_listed_loaded_and_unloaded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loading waits; what cannot be done is one line on stderr."""
    monkeypatch.setattr(models, "_AGAIN_S", 0.01)
    control = tmp_path / "run" / "c.sock"
    pool = ScriptedPool(a="ready", b="off")
    pool.health["a"] = {"busy": 1}
    with ControlServer(control, pool):
        assert main(["list", "--control", str(control)]) == 0
        assert main(["load", "b", "--control", str(control)]) == 0
        assert main(["unload", "b", "--control", str(control)]) == 0
        assert capsys.readouterr().out.splitlines() == [
            "a\tready\t0 MiB\tloaded 1 times",
            "b\toff\t0 MiB\tloaded 1 times",
            "b: loaded",
            "b: unloaded",
        ]
        assert main(["unload", "a", "--control", str(control)]) == 1
        assert main(["load", "c", "--control", str(control)]) == 1
        pool.asks = 1000
        assert "no room" in load(control, "b", patience_s=0)
    assert main(["load", "a", "--control", str(control)]) == 1
    assert capsys.readouterr().err.splitlines() == [
        "a: it is answering a request",
        "c: no such model here",
        "a: nearward does not run, or runs with one model only",
    ]
    with pytest.raises(SystemExit):
        main(["load", "--control", "x"])


@pytest.mark.engine
@pytest.mark.skipif(
    not llama_api.is_installed(), reason="no compiled engine here; `make setup` brings it"
)
def test_a_model_is_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The last line is JSON; threads, speed, memory are in it. Nothing is left running."""
    file = tmp_path / "m.gguf"
    # Prompts are 900 bytes, each a token of this vocabulary.
    file.write_bytes(tiny_model({"llama.context_length": b"\x04\0\0\0\0\x10\0\0"}).data)
    arguments = ["--model-file", str(file), "--model-name", "mine", "--own-file", "--ctx", "2048"]
    assert model_bench.main(arguments) == 0
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert figures["threads"]["decode"] >= 1
    assert figures["rss_bytes"] > 0
    assert figures["load_s"] > 0


def test_an_engine_that_does_not_start_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line of ours after the engine's own."""
    arguments = ["--model-file", str(tmp_path / "none"), "--model-name", "m", "--own-file"]
    assert model_bench.main(arguments) == 1
    assert "did not become ready" in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", ["x", *arguments])
    assert model_bench.main() == 1
