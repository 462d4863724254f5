# SPDX-License-Identifier: Apache-2.0
"""Machines laid out as folders."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from local_engine.device import ThreadPlan, main, plan_threads, probe


def machine(root: Path, files: dict[str, str]) -> Path:
    """Write a machine."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_an_empty_machine_is_described_without_failing(tmp_path: Path) -> None:
    """What is absent is None, none or unknown."""
    device = probe(tmp_path, affinity=4)

    assert (device.cpu_model, device.cpu_flags, device.cpu_quota) == ("unknown", (), None)
    assert (device.cpus, device.usable_cpus) == (4, 4)
    assert device.memory_total_bytes is device.memory_limit_bytes is None
    assert (device.gpu, device.power) == ("none", "unknown")
    assert device.battery_percent is device.temperature_c is None


def test_processor_and_memory_are_read(tmp_path: Path) -> None:
    """Only flags that llama.cpp has kernels for."""
    files = {
        "proc/cpuinfo": "processor: 0\nmodel name\t: Fast 9\nflags\t\t: fpu avx2 avx512_vnni\n",
        "proc/meminfo": "MemTotal:       2048 kB\nMemAvailable:   1024 kB\n",
        "sys/class/thermal/thermal_zone0/temp": "41500\n",
        "sys/class/thermal/thermal_zone1/temp": "garbage\n",
        "dev/nvidia0": "",
    }
    device = probe(machine(tmp_path, files), affinity=2)

    assert (device.cpu_model, device.cpu_flags) == ("Fast 9", ("avx2", "avx512_vnni"))
    assert (device.memory_total_bytes, device.memory_available_bytes) == (2 << 20, 1 << 20)
    assert (device.temperature_c, device.gpu) == (41.5, "nvidia")


@pytest.mark.parametrize(
    ("files", "quota", "usable", "limit"),
    [
        (  # version 2, the limit on a parent
            {
                "proc/self/cgroup": "0::/a/b\n",
                "sys/fs/cgroup/a/cpu.max": "150000 100000\n",
                "sys/fs/cgroup/a/b/cpu.max": "max 100000\n",
                "sys/fs/cgroup/a/b/memory.max": "1000000\n",
                "sys/fs/cgroup/a/memory.max": "max\n",
            },
            1.5, 1, 1_000_000,
        ),
        (  # version 2 inside a container: the own group is the top
            {
                "proc/self/cgroup": "0::/\n",
                "sys/fs/cgroup/cpu.max": "50000 100000\n",
                "sys/fs/cgroup/memory.max": "max\n",
            },
            0.5, 1, None,
        ),
        (  # version 1
            {
                "proc/self/cgroup": "3:cpu,cpuacct:/x\n2:memory:/x\nbroken\n",
                "sys/fs/cgroup/cpu/x/cpu.cfs_quota_us": "300000\n",
                "sys/fs/cgroup/cpu/x/cpu.cfs_period_us": "100000\n",
                "sys/fs/cgroup/memory/x/memory.limit_in_bytes": "9223372036854771712\n",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "77\n",
            },
            3.0, 3, 77,
        ),
    ],
)  # fmt: skip
def test_cgroup_limits_count(
    tmp_path: Path, files: dict[str, str], quota: float, usable: int, limit: int | None
) -> None:
    """The narrowest limit on the way up."""
    device = probe(machine(tmp_path, files), affinity=8)

    assert (device.cpu_quota, device.usable_cpus, device.memory_limit_bytes) == (
        quota, usable, limit,
    )  # fmt: skip


def test_a_laptop_on_battery(tmp_path: Path) -> None:
    """Discharging counts over a plug that gives nothing."""
    files = {
        "sys/class/power_supply/AC/type": "Mains\n",
        "sys/class/power_supply/AC/online": "0\n",
        "sys/class/power_supply/BAT0/type": "Battery\n",
        "sys/class/power_supply/BAT0/capacity": "63\n",
        "sys/class/power_supply/BAT0/status": "Discharging\n",
    }
    device = probe(machine(tmp_path, files), affinity=2)
    assert (device.power, device.battery_percent) == ("battery", 63)

    machine(tmp_path, {"sys/class/power_supply/AC/online": "1\n"})
    machine(tmp_path, {"sys/class/power_supply/BAT0/status": "Charging\n"})
    assert probe(tmp_path, affinity=2).power == "mains"


@pytest.mark.parametrize(
    ("cpus", "plan"),
    [(1, (1, 1)), (2, (1, 2)), (4, (2, 4)), (8, (4, 8)), (64, (8, 16))],
)
def test_half_the_cores_decode(cpus: int, plan: tuple[int, int]) -> None:
    """On two cores: one for tokens, two for prompts."""
    assert plan_threads(cpus) == ThreadPlan(*plan)


def test_a_wanted_number_of_threads_is_taken() -> None:
    """For both."""
    assert plan_threads(2, 6) == ThreadPlan(6, 6)


def test_this_machine_is_described_quickly(capsys: pytest.CaptureFixture[str]) -> None:
    """Under 20 ms at the best of five, as JSON and as lines."""
    device, spent_s = probe(), []
    for _ in range(5):
        started = time.perf_counter()
        assert probe().cpus == device.cpus
        spent_s.append(time.perf_counter() - started)
    assert min(spent_s) < 0.02
    assert device.usable_cpus >= 1

    assert main(["--json"]) == 0
    assert json.loads(capsys.readouterr().out)["cpus"] == device.cpus
    assert main([]) == 0
    assert "cpu_model: " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("files", "free"),
    [
        ({}, None),
        ({"proc/meminfo": "MemAvailable: 1000 kB\n"}, 1000 << 10),
        (  # version 2: the limit less what is used, but the file cache counts as free
            {
                "proc/meminfo": "MemAvailable: 1000 kB\n",
                "proc/self/cgroup": "0::/a\n",
                "sys/fs/cgroup/a/memory.max": "90000\n",
                "sys/fs/cgroup/a/memory.current": "50000\n",
                "sys/fs/cgroup/a/memory.stat": "anon 5\ninactive_file 2000\n",
            },
            42_000,
        ),
        (  # version 1, over its limit already
            {
                "proc/meminfo": "MemAvailable: 1000 kB\n",
                "proc/self/cgroup": "2:memory:/x\n",
                "sys/fs/cgroup/memory/x/memory.limit_in_bytes": "77\n",
                "sys/fs/cgroup/memory/x/memory.usage_in_bytes": "80\n",
            },
            0,
        ),
    ],
)
def test_free_memory_is_the_least_of_all_rooms(
    tmp_path: Path, files: dict[str, str], free: int | None
) -> None:
    """What the machine has, and what each limit leaves."""
    assert probe(machine(tmp_path, files), affinity=1).memory_free_bytes == free


def test_the_kernels_protections_are_told(tmp_path: Path) -> None:
    """For `nearward device` and doctor."""
    files = {"proc/sys/kernel/seccomp/actions_avail": "kill_process errno allow\n"}
    assert probe(machine(tmp_path, files), affinity=1).has_seccomp
    assert not probe(tmp_path / "none", affinity=1).has_seccomp
    assert probe().landlock_version >= 0
