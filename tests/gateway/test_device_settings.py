# SPDX-License-Identifier: Apache-2.0
"""The section `device`, and the command line that comes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.config_file import ConfigError
from gateway.engine_program import bench_arguments, engine_command
from gateway.model_file import check_model_files
from gateway.settings import Settings, load_settings
from tests.gateway.serving_gateway import settings_for


def two_models(folder: Path, **device: Any) -> Settings:
    """Models a (the store's) and b (an own file)."""
    for name in ("a.gguf", "b.gguf"):
        (folder / name).write_bytes(b"")
    models = ["a", {"name": "b", "file": folder / "b.gguf"}]
    return settings_for(folder, device={"models": models, **device}, models_dir=folder)


def test_one_model_is_told_to_its_supervisor(tmp_path: Path) -> None:
    """Model and socket; a socket path that is too long is found at start."""
    model = tmp_path / "m.gguf"
    model.write_bytes(b"")
    device = {"model": "m", "model_file": model, "context_tokens": 512}
    module, *arguments = engine_command(settings_for(tmp_path, device=device))
    assert module == "local_engine"
    assert arguments[arguments.index("--model-file") + 1] == str(model)
    assert arguments[arguments.index("--ctx") + 1] == "512"
    assert arguments[arguments.index("--kv-type") + 1] == "f16"
    assert "--own-file" in arguments

    with pytest.raises(ConfigError, match="too long for a unix socket"):
        engine_command(settings_for(tmp_path / ("x" * 100), device=device))


def test_several_models_are_told_to_a_pool(tmp_path: Path) -> None:
    """The default one first, each with its own socket; bounds only where they are set."""
    settings = two_models(tmp_path, model="b", memory_mb=900, idle_s=60, kv_type="q8_0")
    module, *words = engine_command(settings)
    assert module == "local_engine.pool"
    first = words.index("--model")
    assert words[first + 1 : first + 4] == ["b", str(tmp_path / "b.gguf"), "own"]
    assert words[first + 6 : first + 9] == ["a", str(tmp_path / "a.gguf"), "store"]
    assert words[words.index("--memory-mb") + 1] == "900"
    assert words[words.index("--idle-s") + 1] == "60.0"
    assert words[words.index("--kv-type") + 1] == "q8_0"
    plain = engine_command(two_models(tmp_path))
    assert not {"--memory-mb", "--idle-s"} & set(plain)
    assert plain[plain.index("--model") + 1] == "a"


def test_bench_measures_a_model_of_the_config(tmp_path: Path) -> None:
    """The default one without a name."""
    settings = two_models(tmp_path)
    assert bench_arguments(settings, "")[:4] == [
        "--model-file", str(tmp_path / "a.gguf"), "--model-name", "a",
    ]  # fmt: skip
    assert "--own-file" in bench_arguments(settings, "b")
    with pytest.raises(ConfigError, match="c is no model of this config; there is: a, b"):
        bench_arguments(settings, "c")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("models: [a, a]", "a name stands twice"),
        ("models: [a]\n  model: b", "must be one of models"),
        ("models: [a]\n  model_file: /x", "give each its own"),
        ("models: [../a]", "models"),
        ("models: [{name: a, fil: x}]", "unknown key"),
        ("models: a", "models"),
        ("memory_mb: 1", "memory_mb"),
        ("idle_s: 0", "idle_s"),
        ("kv_type: q5_1", "'f16', 'q8_0' or 'q4_0'"),
    ],
)
def test_faults_are_named(tmp_path: Path, text: str, why: str) -> None:
    """With the file."""
    path = tmp_path / "n.yaml"
    path.write_text(f"device:\n  {text}\n")
    with pytest.raises(ConfigError, match=why):
        load_settings(path, {})


def test_the_old_way_and_the_environment_still_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One model by name; several from a variable."""
    path = tmp_path / "n.yaml"
    path.write_text("device: {model: m}\n")
    assert [m.name for m in load_settings(path, {}).device.all_models()] == ["m"]
    assert not load_settings(path, {}).device.is_pool
    path.write_text("device: {models: [x, y]}\n")
    found = load_settings(path, {}).device
    assert (found.model, [m.name for m in found.all_models()]) == ("x", ["x", "y"])


def test_a_faulty_file_of_several_is_named(tmp_path: Path) -> None:
    """The store's is pulled, an own one is mended."""
    settings = two_models(tmp_path)
    with pytest.raises(ConfigError, match="run: nearward model pull a"):
        check_model_files(settings)
    own = [{"name": "b", "file": tmp_path / "b.gguf"}]
    with pytest.raises(ConfigError, match="let its `file` name a whole GGUF file"):
        check_model_files(settings_for(tmp_path, device={"models": own}))
    missing = [{"name": "b", "file": tmp_path / "none"}]
    with pytest.raises(ConfigError, match="model file missing"):
        engine_command(settings_for(tmp_path, device={"models": missing}))
