# SPDX-License-Identifier: Apache-2.0
"""Brings the engine: `python -m local_engine.build --prefix DIR [--backend B] [--prebuilt]`.

Standard library only, so that it runs before anything is installed; cmake and ninja may come
from the environment of the interpreter that runs it. The compiled libraries go to a cache,
keyed by version, flags and processor, and are copied into DIR, which works without the cache.
DIR/engine.json says what is installed. Without a compiler the prebuilt engine is installed.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import json
import os
import platform
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from local_engine.build_steps import (
    BACKEND_FLAGS,
    TARGETS,
    WHEEL_NAME,
    BuildError,
    Tools,
    collect_libraries,
    compile_libraries,
    fetch_source,
    find_tools,
    flags_of,
    has_library,
    libraries_in,
    write_bindings_wheel,
)
from local_engine.device import probe
from local_engine.pins import LLAMA_VERSION, PREBUILT_REQUIREMENT, PREBUILT_VERSION
from local_engine.pip_client import PipError, run_pinned, run_pip

RECORD: Final = "engine.json"


class ProgressLine:
    """[n/78] as one line that updates itself, or as a line every tenth when not on a terminal."""

    def __init__(self, *, on_terminal: bool) -> None:
        self._on_terminal = on_terminal
        self._shown_tenth = -1

    def __call__(self, step: int, steps: int) -> None:
        """Show that `step` of `steps` is done."""
        if self._on_terminal:
            end = "\n" if step == steps else ""
            print(f"\rcompiling the engine: {step}/{steps} ", end=end, flush=True)
            return
        tenth = step * 10 // steps
        if tenth > self._shown_tenth:
            self._shown_tenth = tenth
            print(f"compiling the engine: {tenth * 10}%", flush=True)


def build_key(backend: str = "cpu") -> str:
    """What makes compiled libraries interchangeable: version, flags, processor, platform."""
    device = probe()
    parts = (
        LLAMA_VERSION, *flags_of(backend), *TARGETS, platform.system(), platform.machine(),
        *platform.libc_ver(), device.cpu_model, *device.cpu_flags,
    )  # fmt: skip
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def cache_folder(key: str) -> Path:
    """Where compiled libraries are kept for other checkouts."""
    named = os.environ.get("XDG_CACHE_HOME")
    base = Path(named) if named else Path.home() / ".cache"
    return base / "nearward" / f"llama-{LLAMA_VERSION}-{key}"


def read_record(prefix: Path) -> dict[str, str]:
    """What DIR/engine.json says; empty when there is none."""
    try:
        record = json.loads((prefix / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def write_record(prefix: Path, record: dict[str, str]) -> None:
    """Write DIR/engine.json whole or not at all."""
    prefix.mkdir(parents=True, exist_ok=True)
    new = prefix / f"{RECORD}.new"
    new.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    new.replace(prefix / RECORD)


def installed_version(distribution: str) -> str | None:
    """The version of an installed distribution."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def is_done(prefix: Path, key: str) -> bool:
    """Whether DIR holds the engine that this call would bring."""
    record = read_record(prefix)
    is_compiled = (
        record.get("key") == key
        and has_library(prefix)
        and installed_version("llama-cpp-python") == LLAMA_VERSION
    )
    is_prebuilt = (
        record.get("engine") == "xllamacpp"
        and record.get("key") == key
        and installed_version("xllamacpp") == PREBUILT_VERSION
    )
    return is_compiled or is_prebuilt


def fill_cache(cache: Path, tools: Tools, backend: str = "cpu") -> None:
    """Compile into the cache, whole or not at all. Raises BuildError, PipError."""
    started = time.monotonic()
    cache.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="nearward-build-") as folder:
        work = Path(folder)
        print(f"fetching llama-cpp-python {LLAMA_VERSION}", flush=True)
        source = fetch_source(work)
        progress = ProgressLine(on_terminal=sys.stdout.isatty())
        try:
            compile_libraries(source, work / "build", tools, progress, backend)
        except BuildError:
            log = cache.parent / "build.log"
            shutil.copy(work / "build" / "build.log", log)
            print(f"the compiler's output is in {log}")
            raise
        ready = Path(tempfile.mkdtemp(dir=cache.parent, prefix=".new-"))
        collect_libraries(work / "build", ready)
        write_bindings_wheel(source, ready)
    if cache.exists():
        shutil.rmtree(cache)
    ready.rename(cache)
    cache.chmod(0o755)
    print(f"compiled in {time.monotonic() - started:.0f} s", flush=True)


def install_compiled(prefix: Path, key: str, tools: Tools, backend: str) -> None:
    """Bindings into this environment, libraries into DIR. Raises BuildError, PipError."""
    cache = cache_folder(key)
    if not has_library(cache) or not (cache / WHEEL_NAME).exists():
        fill_cache(cache, tools, backend)
    run_pip(
        ["install", "--quiet", "--no-deps", "--no-index", "--force-reinstall",
         str(cache / WHEEL_NAME)]
    )  # fmt: skip
    prefix.mkdir(parents=True, exist_ok=True)
    for library in libraries_in(cache):
        target = prefix / library.name
        target.unlink(missing_ok=True)
        shutil.copy2(library, target, follow_symlinks=False)
    write_record(
        prefix,
        {"engine": "llama-cpp-python", "version": LLAMA_VERSION, "key": key, "backend": backend},
    )


def install_prebuilt(prefix: Path, key: str) -> None:
    """The prebuilt wheel. Raises PipError."""
    run_pinned(["install", "--quiet", "--only-binary", ":all:"], PREBUILT_REQUIREMENT)
    write_record(
        prefix, {"engine": "xllamacpp", "version": PREBUILT_VERSION, "key": key, "backend": "cpu"}
    )


def bring(prefix: Path, *, wants_prebuilt: bool, backend: str = "cpu") -> None:
    """Install the better engine that this machine can have.

    Raises PipError, and BuildError when a GPU was asked for: the prebuilt engine has no backend
    for one, so it is no stand-in.
    """
    tools = find_tools(Path(sys.executable).parent)
    compiles = isinstance(tools, Tools) and not wants_prebuilt
    # A machine that gets its compiler later has another key then, so it is served again.
    key = build_key(backend) if compiles else "prebuilt"
    if is_done(prefix, key):
        return
    if isinstance(tools, str):
        if backend != "cpu":
            raise BuildError(f"no {tools} here, which a build for {backend} needs")
        print(f"No {tools} here, so the prebuilt engine (xllamacpp) is installed instead.")
    elif compiles:
        try:
            install_compiled(prefix, key, tools, backend)
            return
        except BuildError as error:
            if backend != "cpu":
                raise
            print(f"{error}, so the prebuilt engine (xllamacpp) is installed instead.")
    install_prebuilt(prefix, key)


def main(arguments: list[str] | None = None) -> int:
    """The command line; 0 when an engine is installed, 1 when none could be."""
    parser = argparse.ArgumentParser(prog="python -m local_engine.build")
    parser.add_argument("--prefix", type=Path, required=True, help="folder for the libraries")
    parser.add_argument("--backend", choices=tuple(BACKEND_FLAGS), default="cpu")
    parser.add_argument("--prebuilt", action="store_true", help="do not compile")
    options = parser.parse_args(arguments)
    try:
        bring(options.prefix, wants_prebuilt=options.prebuilt, backend=options.backend)
    except (BuildError, PipError, OSError) as error:
        print(f"the engine could not be installed: {error}", file=sys.stderr)
        return 1
    record = read_record(options.prefix)
    print(f"engine: {record.get('engine')} {record.get('version')}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
