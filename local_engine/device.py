# SPDX-License-Identifier: Apache-2.0
"""What this machine can do, read from /proc and /sys in a few milliseconds.

Nothing here fails: what cannot be read is `None`, "none" or "unknown". Every path is taken under
`root`, so that tests can lay out a machine as a folder.
"""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from local_engine import landlock

# Instruction sets that llama.cpp has kernels for, as /proc/cpuinfo spells them (x86 and ARM).
FLAGS_OF_INTEREST: Final = (
    "avx", "avx2", "fma", "f16c", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16",
    "amx_int8", "amx_bf16", "asimd", "asimddp", "i8mm", "sve", "sve2",
)  # fmt: skip
# cgroup v1 writes a huge page-rounded number for "no limit".
_NO_LIMIT_BYTES = 1 << 60
# Limit and usage of a cgroup, version 2 and version 1.
_LIMITS: Final = (
    ("memory.max", "memory.current"),
    ("memory.limit_in_bytes", "memory.usage_in_bytes"),
)
_DECODE_THREADS_MOST = 8
_PREFILL_THREADS_MOST = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """`cpu_quota` is in cores; `usable_cpus` is what the affinity mask and the quota leave.

    `memory_free_bytes` is what may still be taken: free on the machine, and within the limits.
    """

    cpu_model: str
    cpu_flags: tuple[str, ...]
    cpus: int
    cpu_quota: float | None
    usable_cpus: int
    memory_total_bytes: int | None
    memory_available_bytes: int | None
    memory_limit_bytes: int | None
    memory_free_bytes: int | None
    landlock_version: int
    has_seccomp: bool
    gpu: str
    power: str
    battery_percent: int | None
    temperature_c: float | None


@dataclass(frozen=True, slots=True)
class ThreadPlan:
    """Threads for single tokens and for prompts."""

    decode: int
    prefill: int


def probe(root: Path = Path("/"), affinity: int | None = None) -> Device:
    """Read the machine under `root`; `affinity` stands in for this process's CPU count."""
    cpuinfo = _read(root / "proc/cpuinfo")
    memory = _table(_read(root / "proc/meminfo"))
    cpus = affinity or len(os.sched_getaffinity(0))
    quota = _cpu_quota(root)
    power, battery = _power(root)
    return Device(
        cpu_model=_cpu_model(cpuinfo),
        cpu_flags=_cpu_flags(cpuinfo),
        cpus=cpus,
        cpu_quota=quota,
        usable_cpus=cpus if quota is None else max(1, min(cpus, math.floor(quota))),
        memory_total_bytes=_kilobytes(memory.get("MemTotal")),
        memory_available_bytes=_kilobytes(memory.get("MemAvailable")),
        memory_limit_bytes=_memory_limit(root),
        memory_free_bytes=_memory_free(root, _kilobytes(memory.get("MemAvailable"))),
        landlock_version=landlock.version(),
        has_seccomp=_has_seccomp(root),
        gpu=_gpu(root),
        power=power,
        battery_percent=battery,
        temperature_c=_temperature(root),
    )


def plan_threads(usable_cpus: int, wanted: int | None = None) -> ThreadPlan:
    """How many threads pay.

    A single token is bound by memory and by the barrier after each operation: on two cores a
    second thread gained 1.27x on a quiet machine and lost up to 3x beside other work, so half of
    the cores decode. Prompts scale with the cores. `wanted` sets both.
    """
    if wanted is not None:
        return ThreadPlan(wanted, wanted)
    decode = max(1, min(usable_cpus // 2, _DECODE_THREADS_MOST))
    return ThreadPlan(decode, max(1, min(usable_cpus, _PREFILL_THREADS_MOST)))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _number(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isascii() and text.lstrip("-").isdigit() else None


def _table(text: str) -> dict[str, str]:
    """First value of each `key: value` line."""
    table: dict[str, str] = {}
    for line in text.splitlines():
        key, colon, value = line.partition(":")
        if colon:
            table.setdefault(key.strip(), value.strip())
    return table


def _kilobytes(value: str | None) -> int | None:
    number = _number((value or "").removesuffix("kB"))
    return None if number is None else number * 1024


def _cpu_model(cpuinfo: str) -> str:
    table = _table(cpuinfo)
    name = table.get("model name") or table.get("Model") or table.get("CPU part")
    return name or "unknown"


def _cpu_flags(cpuinfo: str) -> tuple[str, ...]:
    table = _table(cpuinfo)
    flags = set((table.get("flags") or table.get("Features") or "").split())
    return tuple(flag for flag in FLAGS_OF_INTEREST if flag in flags)


def _cgroup_folders(root: Path, controller: str) -> Iterator[Path]:
    """This process's cgroup and its parents, version 2 first, then the version 1 controller.

    A limit may stand on any parent. Inside a container the namespace usually makes the own group
    the top of the tree, which the parents' walk covers too.
    """
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, group = (*line.split(":", 2), "", "")[:3]
        if controllers and controller not in controllers.split(","):
            continue
        top = root / "sys/fs/cgroup" / (controller if controllers else "")
        folder = top / group.lstrip("/")
        while folder != top and ".." not in folder.parts:
            yield folder
            folder = folder.parent
        yield top


def _cpu_quota(root: Path) -> float | None:
    quotas = [_quota_of(folder) for folder in _cgroup_folders(root, "cpu")]
    return min((quota for quota in quotas if quota is not None), default=None)


def _quota_of(folder: Path) -> float | None:
    words = _read(folder / "cpu.max").split()
    if len(words) != 2:
        words = [_read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us")]
    quota, period = _number(words[0]), _number(words[1])
    return quota / period if quota and period and quota > 0 and period > 0 else None


def _memory_limit(root: Path) -> int | None:
    limits: list[int] = []
    for folder in _cgroup_folders(root, "memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):
            limit = _number(_read(folder / name))
            if limit is not None and 0 < limit < _NO_LIMIT_BYTES:
                limits.append(limit)
    return min(limits, default=None)


def _memory_free(root: Path, available: int | None) -> int | None:
    """The least of what is available and what each limit leaves; file caches count as free."""
    rooms = [available] if available is not None else []
    for folder in _cgroup_folders(root, "memory"):
        for limit_name, usage_name in _LIMITS:
            limit = _number(_read(folder / limit_name))
            usage = _number(_read(folder / usage_name)) or 0
            if limit is not None and 0 < limit < _NO_LIMIT_BYTES:
                rooms.append(max(0, limit - usage + _cached(folder)))
    return min(rooms, default=None)


def _cached(folder: Path) -> int:
    """File pages that the kernel would give back before it refuses memory."""
    words = _read(folder / "memory.stat").split()
    table = dict(zip(words[::2], words[1::2], strict=False))
    return _number(table.get("total_inactive_file") or table.get("inactive_file") or "") or 0


def _has_seccomp(root: Path) -> bool:
    return "errno" in _read(root / "proc/sys/kernel/seccomp/actions_avail").split()


def _gpu(root: Path) -> str:
    if any((root / "dev").glob("nvidia[0-9]*")):
        return "nvidia"
    return "amd" if (root / "dev/kfd").exists() else "none"


def _power(root: Path) -> tuple[str, int | None]:
    """("mains" | "battery" | "unknown", charge in percent)."""
    power, charge = "unknown", None
    for supply in sorted((root / "sys/class/power_supply").glob("*")):
        kind = _read(supply / "type").strip()
        if kind == "Mains" and _read(supply / "online").strip() == "1":
            power = "mains"
        elif kind == "Battery":
            charge = _number(_read(supply / "capacity"))
            if _read(supply / "status").strip() == "Discharging":
                power = "battery"
    return power, charge


def _temperature(root: Path) -> float | None:
    """The hottest thermal zone."""
    zones = (root / "sys/class/thermal").glob("thermal_zone*/temp")
    readings = [_number(_read(zone)) for zone in zones]
    return max((value / 1000 for value in readings if value is not None), default=None)


def main(arguments: list[str] | None = None) -> int:
    """Print the device as JSON (`--json`) or as lines."""
    table = asdict(probe())
    as_json = "--json" in (sys.argv[1:] if arguments is None else arguments)
    lines = [json.dumps(table)] if as_json else [f"{key}: {value}" for key, value in table.items()]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
