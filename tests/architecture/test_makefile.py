# SPDX-License-Identifier: Apache-2.0
"""When `make` brings the engine again. Only `make -n` is run: nothing is installed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.architecture.source import ROOT, imported_names, modules

STAMPS = ("venv", "build", "core", "package", "engine")


def _sources_of_the_build() -> set[str]:
    """build.py and all of our modules that it imports, directly or by way of others."""
    by_name = {m.path.removesuffix(".py").replace("/", "."): m for m in modules("local_engine")}
    found, left = set(), {"local_engine.build"}
    while left:
        name = left.pop()
        found.add(by_name[name].path)
        imported = {n for i in imported_names(by_name[name]) for n in (i, i.rpartition(".")[0])}
        left |= {n for n in imported & by_name.keys() if by_name[n].path not in found}
    return found


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What make looks at, with everything installed."""
    for path in [*_sources_of_the_build(), "Makefile", "pyproject.toml"]:
        (tmp_path / path).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / path, tmp_path / path)
    shutil.copytree(ROOT / "lock", tmp_path / "lock")
    stamps = tmp_path / ".venv" / ".stamps"
    stamps.mkdir(parents=True)
    for number, name in enumerate(STAMPS):
        (stamps / name).touch()
        os.utime(stamps / name, (4_000_000_000 + number,) * 2)
    record(tmp_path, "0123456789ab")
    return tmp_path


def record(checkout: Path, key: str) -> None:
    folder = checkout / ".venv" / "lib" / "nearward-llama"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "engine.json").write_text(f'{{\n  "engine": "x",\n  "key": "{key}"\n}}\n')


def brings_the_engine(checkout: Path, *words: str) -> bool:
    # Without what an outer make, the one of `make test`, says to its own.
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(
        ["make", "-n", "installed", *words],
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return bool(re.search(r"-m local_engine\.build\b", done.stdout))


def test_an_installed_engine_is_left_alone(checkout: Path) -> None:
    """Nothing changed, nothing to do."""
    assert not brings_the_engine(checkout)


@pytest.mark.parametrize("source", sorted(_sources_of_the_build()))
def test_a_changed_source_of_the_build_brings_it_again(checkout: Path, source: str) -> None:
    """Flags, pins and whatever else the build is made of."""
    os.utime(checkout / source, (4_000_000_100,) * 2)

    assert brings_the_engine(checkout)


def test_the_prebuilt_engine_is_looked_at_each_time(checkout: Path) -> None:
    """A compiler that was installed meanwhile is noticed by build.py, which must be asked."""
    record(checkout, "prebuilt")

    assert brings_the_engine(checkout)


def test_another_backend_brings_the_engine_again(checkout: Path) -> None:
    """What was built for a GPU stays until another backend is asked for."""
    folder = checkout / ".venv" / "lib" / "nearward-llama"
    (folder / "engine.json").write_text('{\n  "key": "x",\n  "backend": "cuda"\n}\n')

    assert not brings_the_engine(checkout)
    assert not brings_the_engine(checkout, "BACKEND=cuda")
    assert brings_the_engine(checkout, "BACKEND=cpu")
