# SPDX-License-Identifier: Apache-2.0
"""The steps that compile llama.cpp: fetch, unpack, configure, compile, wrap the bindings.

Only the libraries `llama` and `ggml` are built, 78 steps instead of the 193 that the package
would take by itself, for this machine's processor. The bindings are pure Python; they become a
wheel of their own that pip installs without building anything.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from local_engine.pins import LLAMA_REQUIREMENT, LLAMA_VERSION
from local_engine.pip_client import run_pinned

CMAKE_FLAGS: Final = (
    "-DCMAKE_BUILD_TYPE=Release",
    "-DBUILD_SHARED_LIBS=ON",
    "-DGGML_NATIVE=ON",
    "-DGGML_OPENMP=ON",
    "-DGGML_CCACHE=OFF",
    "-DLLAMA_CURL=OFF",
    "-DLLAMA_OPENSSL=OFF",
    "-DLLAMA_BUILD_TESTS=OFF",
    "-DLLAMA_BUILD_EXAMPLES=OFF",
    "-DLLAMA_BUILD_SERVER=OFF",
    "-DLLAMA_BUILD_TOOLS=OFF",
    "-DLLAMA_BUILD_APP=OFF",
    "-DLLAMA_USE_PREBUILT_UI=OFF",
    # The libraries find each other in whatever folder they are copied to.
    "-DCMAKE_BUILD_WITH_INSTALL_RPATH=ON",
    "-DCMAKE_INSTALL_RPATH=$ORIGIN",
)
# What each backend adds. Only "cpu" could be tried on a machine at hand.
BACKEND_FLAGS: Final = {
    "cpu": (),
    "cuda": ("-DGGML_CUDA=ON",),
    "metal": ("-DGGML_METAL=ON", "-DGGML_METAL_EMBED_LIBRARY=ON"),
    "vulkan": ("-DGGML_VULKAN=ON",),
}
TARGETS: Final = ("llama", "ggml")
# What a linker calls a shared library on Linux and on macOS.
LIBRARY_PATTERNS: Final = ("*.so*", "*.dylib")
WHEEL_NAME: Final = f"llama_cpp_python-{LLAMA_VERSION}-py3-none-any.whl"
_NINJA_STEP: Final = re.compile(r"^\[(\d+)/(\d+)\]")
_NEEDED: Final = ("llama_cpp/", "vendor/llama.cpp/", "PKG-INFO", "LICENSE.md")

# pip asks a source archive for its metadata even when it only downloads it, and this archive's
# build backend need not be installed. This stand-in answers.
_BACKEND: Final = f"""
import pathlib

def get_requires_for_build_wheel(config_settings=None):
    return []

def prepare_metadata_for_build_wheel(folder, config_settings=None):
    name = "llama_cpp_python-{LLAMA_VERSION}.dist-info"
    target = pathlib.Path(folder, name)
    target.mkdir()
    text = "Metadata-Version: 2.1\\nName: llama_cpp_python\\nVersion: {LLAMA_VERSION}\\n"
    (target / "METADATA").write_text(text)
    return name
"""

Progress = Callable[[int, int], None]


class BuildError(Exception):
    """A step failed; the message is one line for a person."""


@dataclass(frozen=True, slots=True)
class Tools:
    """The programs that compile."""

    cmake: str
    ninja: str


def find_tools(extra_folder: Path) -> Tools | str:
    """The tools, or the name of the first thing that is missing."""
    path = os.pathsep.join([str(extra_folder), os.environ.get("PATH", os.defpath)])
    if not _any_program(("CC", "cc", "gcc", "clang"), path):
        return "C compiler"
    if not _any_program(("CXX", "c++", "g++", "clang++"), path):
        return "C++ compiler"
    cmake, ninja = shutil.which("cmake", path=path), shutil.which("ninja", path=path)
    if cmake is None or ninja is None:
        return "cmake" if cmake is None else "ninja"
    return Tools(cmake, ninja)


def _any_program(names: tuple[str, ...], path: str) -> bool:
    variable, *programs = names
    named = os.environ.get(variable)
    return any(shutil.which(program, path=path) for program in ([named] if named else programs))


def fetch_source(folder: Path) -> Path:
    """Download and unpack the pinned source archive; its folder. Raises PipError, BuildError."""
    backend = folder / "backend" / "scikit_build_core"
    backend.mkdir(parents=True)
    (backend / "__init__.py").write_text("")
    (backend / "build.py").write_text(_BACKEND)
    run_pinned(
        ["download", "--no-binary", ":all:", "--no-build-isolation", "--dest", str(folder)],
        LLAMA_REQUIREMENT,
        {"PYTHONPATH": str(backend.parent)},
    )
    return unpack(next(folder.glob("llama_cpp_python-*.tar.gz")), folder)


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack what the build needs. Raises BuildError."""
    top = archive.name.removesuffix(".tar.gz")
    wanted = tuple(f"{top}/{name}" for name in _NEEDED)
    with tarfile.open(archive) as tar:
        members = [member for member in tar if member.name.startswith(wanted)]
        tar.extractall(folder, members=members, filter="data")
    if not (folder / top / "vendor" / "llama.cpp" / "CMakeLists.txt").exists():
        raise BuildError("the source archive does not hold llama.cpp")
    return folder / top


def flags_of(backend: str) -> tuple[str, ...]:
    """How cmake is told what to build."""
    return (*CMAKE_FLAGS, *BACKEND_FLAGS[backend])


def compile_libraries(
    source: Path,
    build: Path,
    tools: Tools,
    progress: Progress,
    backend: str = "cpu",
    *,
    more_flags: tuple[str, ...] = (),
    targets: tuple[str, ...] = TARGETS,
) -> None:
    """Configure and compile. Raises BuildError; the log stays in `build`/build.log."""
    build.mkdir(parents=True, exist_ok=True)
    llama = source / "vendor" / "llama.cpp"
    configure = [
        tools.cmake, "-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={tools.ninja}",
        "-S", str(llama), "-B", str(build), *flags_of(backend), *more_flags,
    ]  # fmt: skip
    with (build / "build.log").open("w", encoding="utf-8") as log:
        for line in _lines_of(configure, "configuring"):
            log.write(line)
        for line in _lines_of([tools.ninja, "-C", str(build), *targets], "compiling"):
            log.write(line)
            step = _NINJA_STEP.match(line)
            if step:
                progress(int(step[1]), int(step[2]))


def _lines_of(command: list[str], doing: str) -> Iterator[str]:
    """The output of a program, line by line. Raises BuildError when it fails."""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        assert process.stdout is not None
        yield from process.stdout
    if process.returncode != 0:
        raise BuildError(f"{doing} llama.cpp failed (exit code {process.returncode})")


def collect_libraries(build: Path, target: Path) -> None:
    """Copy the shared libraries with their links. Raises BuildError when one is missing."""
    target.mkdir(parents=True, exist_ok=True)
    for library in libraries_in(build / "bin"):
        shutil.copy2(library, target / library.name, follow_symlinks=False)
    if not has_library(target):
        raise BuildError("the build left no libllama")


def libraries_in(folder: Path) -> list[Path]:
    """The shared libraries of a folder, with their links."""
    return [path for pattern in LIBRARY_PATTERNS for path in folder.glob(pattern)]


def has_library(folder: Path) -> bool:
    """Whether llama.cpp is there."""
    return any((folder / name).exists() for name in ("libllama.so", "libllama.dylib"))


def write_bindings_wheel(source: Path, target: Path) -> Path:
    """A wheel of the ctypes bindings; PEP 427 by hand, since there is nothing to build."""
    info = f"llama_cpp_python-{LLAMA_VERSION}.dist-info"
    tag = "Wheel-Version: 1.0\nGenerator: nearward\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files = {
        path.relative_to(source).as_posix(): path.read_bytes()
        for path in sorted((source / "llama_cpp").rglob("*"))
        if path.is_file() and path.suffix in (".py", ".typed")
    }
    files[f"{info}/METADATA"] = (source / "PKG-INFO").read_bytes()
    files[f"{info}/WHEEL"] = tag.encode()
    files[f"{info}/licenses/LICENSE.md"] = (source / "LICENSE.md").read_bytes()
    record = "".join(f"{name},{_digest(data)},{len(data)}\n" for name, data in files.items())
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    path = target / WHEEL_NAME
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        for name, data in files.items():
            wheel.writestr(name, data)
    return path


def _digest(data: bytes) -> str:
    encoded = base64.urlsafe_b64encode(hashlib.sha256(data).digest())
    return f"sha256={encoded.rstrip(b'=').decode()}"
