# SPDX-License-Identifier: Apache-2.0
"""Bringing the engine, with stand-ins for pip, cmake and ninja."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_engine import build, build_steps, pip_client
from local_engine.build import ProgressLine, is_done, main
from local_engine.build_steps import BuildError, Tools, fetch_source, find_tools, unpack
from local_engine.pins import LLAMA_REQUIREMENT, LLAMA_VERSION, PREBUILT_REQUIREMENT
from local_engine.pip_client import PipError, run_pip, without_addresses

LOCK = Path(__file__).parents[2] / "lock" / "engine.txt"
TOP = f"llama_cpp_python-{LLAMA_VERSION}"
SOURCE = {
    "vendor/llama.cpp/CMakeLists.txt": "project(llama.cpp)",
    "llama_cpp/__init__.py": "",
    "llama_cpp/llama_cpp.py": "x = 1",
    "llama_cpp/lib/ignored.so": "binary",
    "PKG-INFO": f"Metadata-Version: 2.1\nName: llama_cpp_python\nVersion: {LLAMA_VERSION}\n",
    "LICENSE.md": "MIT",
    "docs/unneeded.md": "x",
}
CMAKE = """#!/bin/sh
while [ $# -gt 0 ]; do [ "$1" = -B ] && build=$2; shift; done
mkdir -p "$build/bin"
"""
NINJA = """#!/bin/sh
echo "[1/2] one"
echo "[2/2] two"
echo lib > "$2/bin/libllama.so.0"
ln -s libllama.so.0 "$2/bin/libllama.so"
"""


def an_archive(folder: Path, files: dict[str, str]) -> Path:
    """A source archive."""
    path = folder / f"{TOP}.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(f"{TOP}/{name}")
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
    return path


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    """Programs that pretend to compile."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for name, text in (("cmake", CMAKE), ("ninja", NINJA)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return Tools(str(folder / "cmake"), str(folder / "ninja"))


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tools: Tools) -> dict[str, str]:
    """A world without network: what pip was told to install, by distribution."""
    versions: dict[str, str] = {}

    def fake_pinned(arguments: list[str], requirement: str, *_: object) -> None:
        if arguments[0] == "download":
            an_archive(Path(arguments[arguments.index("--dest") + 1]), SOURCE)
            return
        name, version = requirement.split(maxsplit=1)[0].split("==")
        versions[name] = version

    def fake_pip(_arguments: list[str]) -> None:
        versions["llama-cpp-python"] = LLAMA_VERSION

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(build_steps, "run_pinned", fake_pinned)
    monkeypatch.setattr(build, "run_pinned", fake_pinned)
    monkeypatch.setattr(build, "run_pip", fake_pip)
    monkeypatch.setattr(build, "installed_version", versions.get)
    monkeypatch.setattr(build, "find_tools", lambda _folder: tools)
    return versions


def test_the_pins_are_those_of_the_lock_file() -> None:
    """One truth in two places, kept equal here."""
    words = LOCK.read_text(encoding="utf-8").replace("\\\n", " ").split()
    digests = {word for word in words if word.startswith("--hash")}

    assert digests == {
        word
        for word in f"{LLAMA_REQUIREMENT} {PREBUILT_REQUIREMENT}".split()
        if word.startswith("--hash")
    }
    assert {LLAMA_REQUIREMENT.split()[0], PREBUILT_REQUIREMENT.split()[0]} <= set(words)


def test_the_engine_is_compiled_once_and_copied(
    installed: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A second call does nothing, a second checkout takes the cache."""
    first, second = tmp_path / "a", tmp_path / "b"
    assert main(["--prefix", str(first)]) == 0
    assert main(["--prefix", str(first)]) == 0
    assert main(["--prefix", str(second)]) == 0

    out = capsys.readouterr().out
    assert out.count("fetching") == 1
    assert out.count(f"engine: llama-cpp-python {LLAMA_VERSION}") == 3
    assert installed == {"llama-cpp-python": LLAMA_VERSION}
    assert (second / "libllama.so").read_text() == "lib\n"
    assert json.loads((second / "engine.json").read_text())["engine"] == "llama-cpp-python"


def test_a_half_installed_engine_is_mended(installed: dict[str, str], tmp_path: Path) -> None:
    """Libraries, bindings and record must all be there."""
    prefix = tmp_path / "a"
    main(["--prefix", str(prefix)])
    key = build.build_key()
    assert is_done(prefix, key)

    (prefix / "libllama.so").unlink()
    assert not is_done(prefix, key)
    main(["--prefix", str(prefix)])
    installed.clear()
    assert not is_done(prefix, key)
    (prefix / "engine.json").write_text("[")
    assert not is_done(prefix, key)


def test_without_a_compiler_the_prebuilt_engine_comes(
    installed: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One clear sentence, exit 0, and no second download."""
    monkeypatch.setattr(build, "find_tools", lambda _folder: "C compiler")
    for _ in range(2):
        assert main(["--prefix", str(tmp_path / "p")]) == 0

    assert list(installed) == ["xllamacpp"]
    assert capsys.readouterr().out.count("No C compiler here, so the prebuilt engine") == 1


def test_a_failed_compilation_falls_back_and_keeps_its_log(
    installed: dict[str, str], tmp_path: Path, tools: Tools, capsys: pytest.CaptureFixture[str]
) -> None:
    """The log's place is named."""
    Path(tools.ninja).write_text("#!/bin/sh\necho broken code\nexit 1\n")

    assert main(["--prefix", str(tmp_path / "p")]) == 0
    assert list(installed) == ["xllamacpp"]
    assert "compiling llama.cpp failed (exit code 1)" in capsys.readouterr().out
    assert "broken code" in (tmp_path / "cache" / "nearward" / "build.log").read_text()


def test_prebuilt_can_be_asked_for(installed: dict[str, str], tmp_path: Path) -> None:
    """Though there is a compiler."""
    assert main(["--prefix", str(tmp_path / "p"), "--prebuilt"]) == 0
    assert list(installed) == ["xllamacpp"]


@pytest.mark.usefixtures("installed")
def test_a_failed_download_is_exit_1_with_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No traceback."""

    def fail(*_: object) -> None:
        raise PipError("ERROR: no network")

    monkeypatch.setattr(build_steps, "run_pinned", fail)
    assert main(["--prefix", str(tmp_path / "p")]) == 1
    assert capsys.readouterr().err == "the engine could not be installed: ERROR: no network\n"


def test_the_archive_is_fetched_without_its_build_backend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stand-in backend answers what pip asks, and only what is needed is unpacked."""

    def run(arguments: list[str], requirement: str, environment: dict[str, str]) -> None:
        assert requirement == LLAMA_REQUIREMENT
        assert "--no-build-isolation" in arguments
        code = (
            "import sys; from scikit_build_core import build as b;"
            "assert b.get_requires_for_build_wheel() == [];"
            "print(b.prepare_metadata_for_build_wheel(sys.argv[1]))"
        )
        name = subprocess.check_output(
            [sys.executable, "-c", code, str(tmp_path)], env=environment, text=True
        ).strip()
        assert f"Version: {LLAMA_VERSION}" in (tmp_path / name / "METADATA").read_text()
        an_archive(tmp_path, SOURCE)

    monkeypatch.setattr(build_steps, "run_pinned", run)
    source = fetch_source(tmp_path)

    assert (source / "llama_cpp" / "llama_cpp.py").exists()
    assert not (source / "docs").exists()


def test_an_archive_of_something_else_is_refused(tmp_path: Path) -> None:
    """Before cmake is started."""
    with pytest.raises(BuildError, match="does not hold"):
        unpack(an_archive(tmp_path, {"PKG-INFO": "x"}), tmp_path)


def test_the_bindings_wheel_is_one_that_pip_accepts(tmp_path: Path) -> None:
    """Every file is in the record with its digest; libraries are left out."""
    source = unpack(an_archive(tmp_path, SOURCE), tmp_path)
    path = build_steps.write_bindings_wheel(source, tmp_path)

    with zipfile.ZipFile(path) as wheel:
        names = set(wheel.namelist())
        record = wheel.read(f"{TOP}.dist-info/RECORD").decode()
    assert "llama_cpp/llama_cpp.py" in names
    assert not any(name.endswith(".so") for name in names)
    assert {line.split(",")[0] for line in record.splitlines()} == names
    target = tmp_path / "site"
    run_pip(["install", "--quiet", "--no-deps", "--no-index", "--target", str(target), str(path)])
    assert (target / "llama_cpp" / "llama_cpp.py").read_text() == "x = 1"


def test_missing_tools_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the order in which a person would install them."""
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))

    def add(name: str) -> None:
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)

    for expected, program in (
        ("C compiler", "cc"),
        ("C++ compiler", "c++"),
        ("cmake", "cmake"),
        ("ninja", "ninja"),
    ):
        assert find_tools(tmp_path) == expected
        add(program)
    assert find_tools(tmp_path) == Tools(str(tmp_path / "cmake"), str(tmp_path / "ninja"))


def test_pip_errors_are_shown_without_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where packages come from is nobody's business."""
    assert without_addresses("from https://user:pw@host/simple ok") == "from <address> ok"

    class Result:
        returncode = 1
        stderr = "noise\nERROR: not found at https://host/simple\n"

    monkeypatch.setattr("subprocess.run", lambda *_, **__: Result())
    with pytest.raises(PipError) as caught:
        pip_client.run_pinned(["download"], "x==1")
    assert str(caught.value) == "ERROR: not found at <address>"


@pytest.mark.parametrize(("on_terminal", "lines"), [(True, 1), (False, 11)])
def test_progress_is_one_line_or_one_for_each_tenth(
    on_terminal: bool, lines: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """78 steps never are 78 lines."""
    progress = ProgressLine(on_terminal=on_terminal)
    for step in range(1, 79):
        progress(step, 78)

    assert capsys.readouterr().out.count("\n") == lines


def test_doing_nothing_is_quick(tmp_path: Path, installed: dict[str, str]) -> None:
    """The Makefile calls it at every start."""
    main(["--prefix", str(tmp_path / "p")])
    started = time.perf_counter()
    main(["--prefix", str(tmp_path / "p")])

    assert time.perf_counter() - started < 0.1


def test_the_key_depends_on_what_was_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other flags, another cache."""
    before = build.build_key()
    monkeypatch.setattr(build_steps, "CMAKE_FLAGS", ("-DOTHER=ON",))

    assert build.build_key() != before
    assert len(before) == len(hashlib.sha256().hexdigest()[:12])


@pytest.mark.parametrize("backend", ["cuda", "metal", "vulkan"])
def test_a_gpu_build_is_told_to_cmake(
    backend: str, installed: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its flag, its own cache, and its name in the record."""
    told: list[str] = []
    lines_of = build_steps._lines_of

    def listening(command: list[str], doing: str) -> Iterator[str]:
        told.extend(command)
        return lines_of(command, doing)

    monkeypatch.setattr(build_steps, "_lines_of", listening)
    assert main(["--prefix", str(tmp_path / "p"), "--backend", backend]) == 0
    assert f"-DGGML_{backend.upper()}=ON" in told
    assert json.loads((tmp_path / "p" / "engine.json").read_text())["backend"] == backend
    assert len({build.build_key(name) for name in build_steps.BACKEND_FLAGS}) == 4


def test_a_gpu_build_that_fails_is_no_cpu_build(
    installed: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nobody who asked for a GPU wants to find out later that there is none."""

    def failing(*_: object) -> None:
        raise BuildError("no CUDA toolkit")

    monkeypatch.setattr(build, "compile_libraries", failing)
    monkeypatch.setattr("local_engine.build.shutil.copy", lambda *_: None)
    arguments = ["--prefix", str(tmp_path / "p"), "--backend", "cuda"]
    assert main(arguments) == 1
    monkeypatch.setattr(build, "find_tools", lambda _folder: "C compiler")
    assert main(arguments) == 1
    assert installed == {}
    err = capsys.readouterr().err
    assert "no CUDA toolkit" in err
    assert "no C compiler here, which a build for cuda needs" in err
