# SPDX-License-Identifier: Apache-2.0
"""`nearward check`, `device` and `doctor`: is everything in place, and what is this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.terminal import ConfigOption, read_settings, say

_ENGINE_PROBE = "from local_engine import selection as s; print('engine', s.installed_kind())"


def check(config: ConfigOption = None) -> None:
    """Validate config, policy, destinations, keys and model file, offline.

    Prints one line for each fault and exits 1, or says what was checked.
    """
    from gateway.bootstrap import check_store, load_identity
    from gateway.engine_program import engine_command
    from gateway.model_file import check_model_files
    from gateway.reach import make_anchors, make_backends
    from gateway.rules import make_planner, make_policy, make_rules
    from gateway.settings import Settings, find_config
    from gateway.signals.configured import own_words

    settings = read_settings(config, 1)
    steps: list[Callable[[Settings], object]] = [
        make_policy,
        make_planner,
        make_rules,
        make_backends,
        make_anchors,
        load_identity,
        check_store,
        own_words,
    ]
    if settings.device.enabled:
        steps += [engine_command, check_model_files]
    faults = [fault for step in steps if (fault := _fault_of(step, settings))]
    for fault in dict.fromkeys(faults):
        say(f"FAULT  {fault}")
    if faults:
        raise typer.Exit(1)
    for note in make_rules(settings).notes:
        say(f"note: {note}")
    where = find_config(config)
    say(
        f"ok: {where or 'built-in defaults'}; policy {', '.join(settings.policy.packs)}; "
        f"{len(settings.destinations)} destinations; model {settings.device.model}"
    )


def device(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """What this machine offers the on-device engine: cores, memory, instruction sets, GPU."""
    command = [sys.executable, "-m", "local_engine.device", *(["--json"] if as_json else [])]
    raise typer.Exit(subprocess.run(command, check=False).returncode)


def doctor(config: ConfigOption = None) -> None:
    """Look for what commonly goes wrong, and say what to do about each finding."""
    findings = list(_findings(config))
    for is_good, text in findings:
        say(f"{'ok  ' if is_good else 'BAD '} {text}")
    if not all(is_good for is_good, _ in findings):
        raise typer.Exit(1)


def _fault_of(step: Callable[..., object], settings: object) -> str:
    from gateway.config_file import ConfigError

    try:
        step(settings)
    except ConfigError as error:
        return str(error)
    return ""


def _findings(config: Path | None) -> Iterator[tuple[bool, str]]:
    from gateway.config_file import ConfigError
    from gateway.settings import load_settings

    yield sys.version_info >= (3, 11), f"Python {sys.version.split()[0]} (3.11 or later)"
    try:
        settings = load_settings(config)
    except ConfigError as error:
        yield False, str(error)
        return
    yield True, "the config can be read"
    yield from _state_findings(settings.state_dir)
    if settings.device.enabled:
        yield from _engine_faults(settings)
    else:
        yield True, "the device is switched off (device.enabled: false)"
    yield _port_finding(settings)


def _state_findings(state_dir: Path) -> Iterator[tuple[bool, str]]:
    existing = next(p for p in (state_dir, *state_dir.parents) if p.exists())
    is_writable = os.access(existing, os.W_OK)
    yield is_writable, f"state directory {state_dir}" + ("" if is_writable else " is not writable")
    stat = os.statvfs(existing)
    free_mib = stat.f_bavail * stat.f_frsize // 2**20
    yield free_mib > 256, f"{free_mib} MiB free for the audit log"


def _engine_faults(settings: object) -> Iterator[tuple[bool, str]]:
    from gateway.engine_program import engine_command
    from gateway.model_file import check_model_files

    probe = subprocess.run(
        [sys.executable, "-c", _ENGINE_PROBE], check=False, capture_output=True, text=True
    )
    lines = (probe.stdout or probe.stderr).strip().splitlines()
    yield probe.returncode == 0, lines[-1] if lines else "no engine; run: make setup"
    yield _protection_finding()
    for step in (engine_command, check_model_files):
        fault = _fault_of(step, settings)
        yield (
            not fault,
            fault or ("model file in place" if step is engine_command else "model file whole"),
        )


def _protection_finding() -> tuple[bool, str]:
    """What the kernel offers to shut the engine's process in; the engine runs without it too."""
    probe = subprocess.run(
        [sys.executable, "-m", "local_engine.device", "--json"],
        check=False,
        capture_output=True,
        text=True,
    )
    if probe.returncode != 0:
        return False, "the device cannot be read; see: nearward device"
    found = json.loads(probe.stdout)
    layers = {"Landlock": found["landlock_version"], "seccomp": found["has_seccomp"]}
    missing = [name for name, is_there in layers.items() if not is_there]
    if not missing:
        return True, "the kernel can shut the engine in (Landlock, seccomp)"
    return True, f"this kernel lacks {', '.join(missing)}: the engine runs with less protection"


def _port_finding(settings: object) -> tuple[bool, str]:
    from gateway.cli.liveness import is_served
    from gateway.config_file import ConfigError
    from gateway.serving import listen
    from gateway.settings import Settings

    assert isinstance(settings, Settings)
    server = settings.server
    if is_served(server.host, server.port):
        return True, f"nearward answers on port {server.port}"
    try:
        listen(settings).close()
    except ConfigError as error:
        return False, str(error)
    return True, f"port {server.port} is free"
