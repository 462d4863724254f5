# SPDX-License-Identifier: Apache-2.0
"""What the engine's process gives up before it touches a model: privileges, files, network.

A model file is input from elsewhere, read by a large C++ library. Whatever it makes of it, the
process can then read the model and its own program, write in its socket's folder, and answer on
the socket that it already has.

    layer          needs                     without it
    no-new-privs   Linux 3.5                 setuid programs could raise privileges
    limits         -                         memory, open files, core files unbounded
    Landlock       Linux 5.13, switched on   files bound by the user id only
    seccomp        Linux 3.17, x86 or ARM    network, other programs not closed

What is missing is one line on stderr at the start, and is in /health; the engine runs all the
same. No limit on processes: it would count all threads of the user, and `seccomp` lets none be
started.
"""

from __future__ import annotations

import ctypes
import os
import resource
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from local_engine import landlock, seccomp

# A developer's word: folders that may be written too, such as where coverage data goes.
WRITABLE_ENV: Final = "LOCAL_ENGINE_WRITABLE"
OPEN_FILES: Final = 1024
_PACKAGE_FOLDERS: Final = ("site-packages", "dist-packages")
_NO_NEW_PRIVS: Final = 38
_SYSTEM_FILES: Final = (
    "/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime", "/dev/null", "/dev/urandom",
    "/dev/zero", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/sys/vm",
    "/sys/devices/system",
)  # fmt: skip
_GPU_READS: Final = ("/proc", "/sys", "/etc")
_GPU_WRITES: Final = ("/dev",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What the engine must still be able to do.

    `data_bytes` bounds its private memory, None for no bound; `connects` that it talks to a
    listener of its own (xllamacpp).
    """

    model_file: Path
    socket_folder: Path
    libraries: Path | None = None
    data_bytes: int | None = None
    uses_gpu: bool = False
    connects: bool = False
    draft_file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Confinement:
    """What holds; a layer's reason is "" when it does, else why it does not."""

    no_new_privs: bool = False
    data_bytes: int | None = None
    landlock: str = "not asked for"
    landlock_version: int = 0
    seccomp: str = "not asked for"

    def report(self) -> dict[str, object]:
        """For /health."""
        return {
            "no_new_privs": self.no_new_privs,
            "data_bytes": self.data_bytes,
            "landlock": self.landlock or f"version {self.landlock_version}",
            "seccomp": self.seccomp or "on",
        }

    def missing(self) -> str:
        """One line for a person, "" when all layers hold."""
        reasons = {"landlock": self.landlock, "seccomp": self.seccomp}
        if not self.no_new_privs:
            reasons["no-new-privs"] = "the kernel refused"
        return "; ".join(f"{layer}: {reason}" for layer, reason in reasons.items() if reason)


UNCONFINED: Final = Confinement()


def confine(needs: Needs) -> Confinement:
    """Give up everything but `needs`. Call it in the only thread of the process. Never raises."""
    has_privs = _forbid_new_privileges()
    bound = _limit(needs)
    files = landlock.restrict(readable(needs), writable(needs))
    calls = seccomp.install(may_connect=needs.connects)
    return Confinement(
        no_new_privs=has_privs,
        data_bytes=bound,
        landlock=files,
        landlock_version=landlock.version(),
        seccomp=calls,
    )


def readable(needs: Needs) -> Iterator[Path]:
    """The program, its libraries, the model, and the few system files that those read."""
    yield needs.model_file
    if needs.draft_file is not None:
        yield needs.draft_file
    yield from (Path(place) for place in _SYSTEM_FILES)
    yield from (Path(place) for place in (sys.prefix, sys.base_prefix, sys.exec_prefix))
    yield from (Path(place) for place in sysconfig.get_paths().values())
    # Not all of sys.path: its first entry is wherever somebody stood.
    yield from (Path(p) for p in sys.path if Path(p).name in _PACKAGE_FOLDERS)
    yield Path(__file__).resolve().parent
    if needs.libraries is not None:
        yield needs.libraries.resolve()
    if needs.uses_gpu:
        yield from (Path(place) for place in _GPU_READS)


def writable(needs: Needs) -> Iterator[Path]:
    """The socket's folder and the null device."""
    yield needs.socket_folder
    yield Path("/dev/null")
    if needs.connects:
        yield Path(tempfile.gettempdir())  # the listener's own folder is made there
    if needs.uses_gpu:
        yield from (Path(place) for place in _GPU_WRITES)
    named = os.environ.get(WRITABLE_ENV, "")
    yield from (Path(place) for place in named.split(os.pathsep) if place)


def _forbid_new_privileges() -> bool:
    if sys.platform != "linux":
        return False
    return bool(ctypes.CDLL(None).prctl(_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)


def _limit(needs: Needs) -> int | None:
    """Bound open files and private memory, never above what holds already.

    Private memory, not address space: a mapped model is neither ours nor unreclaimable, and GPU
    drivers reserve address space by the terabyte.
    """
    _lower(resource.RLIMIT_NOFILE, OPEN_FILES)
    if needs.data_bytes is None or needs.uses_gpu:
        return None
    return _lower(resource.RLIMIT_DATA, needs.data_bytes)


def _lower(kind: int, wanted: int) -> int | None:
    """The new bound; None where a filter around us forbids to set one."""
    _, hard = resource.getrlimit(kind)
    bound = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    try:
        resource.setrlimit(kind, (bound, bound))
    except (OSError, ValueError):
        return None
    return bound
