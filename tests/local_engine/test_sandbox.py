# SPDX-License-Identifier: Apache-2.0
"""What a confined process can and cannot do, tried by confined children of this test."""

from __future__ import annotations

import os
import platform
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from local_engine import landlock, sandbox, seccomp
from local_engine.sandbox import Confinement, Needs, readable, writable

CONFINE = """
import ctypes, errno, os, resource, signal, socket, subprocess, sys, threading
from pathlib import Path
from local_engine.sandbox import Needs, confine
folder, model = Path(sys.argv[1]), Path(sys.argv[2])
got = confine(Needs(model_file=model, socket_folder=folder, data_bytes=400 << 20))
assert got.missing() == "", got
def code_of(action):
    try:
        action()
    except OSError as error:
        return errno.errorcode[error.errno]
    return "done"
"""
SECCOMP = pytest.mark.skipif(
    platform.machine() not in seccomp.MACHINES or sys.platform != "linux",
    reason="no seccomp filter for this machine",
)
LANDLOCK = pytest.mark.skipif(landlock.version() == 0, reason="this kernel has no Landlock")
pytestmark = [SECCOMP, LANDLOCK]


@pytest.fixture
def confined(tmp_path: Path) -> tuple[Path, Path]:
    """A folder that may be written and a file that may be read."""
    folder, model = tmp_path / "run", tmp_path / "model.gguf"
    folder.mkdir()
    model.write_text("a model")
    return folder, model


def run(places: tuple[Path, Path], code: str) -> str:
    """What a confined child prints; it must end well."""
    command = [sys.executable, "-c", CONFINE + code, *map(str, places)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("socket.create_connection(('127.0.0.1', 9), 1)", "EPERM"),
        ("socket.socket(socket.AF_INET, socket.SOCK_DGRAM)", "EPERM"),
        ("socket.socket(socket.AF_INET6)", "EPERM"),
        ("socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)", "EPERM"),
        ("socket.socket(socket.AF_UNIX).connect(str(folder / 'x'))", "EPERM"),
        ("socket.socket(socket.AF_UNIX).bind(str(folder / 'x'))", "done"),
        ("socket.socketpair()", "done"),
        ("socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)", "EPERM"),
        ("socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)", "EPERM"),
        ("os.execv('/bin/true', ['true'])", "EPERM"),
        ("subprocess.run(['/bin/true'])", "EPERM"),
        ("os.fork()", "EPERM"),
        ("os.kill(os.getppid(), 0)", "EPERM"),
        ("os.kill(os.getpid(), 0)", "done"),
        ("os.chmod(model, 0o666)", "EPERM"),
        ("os.unshare(0)" if hasattr(os, "unshare") else "os.chroot('/')", "EPERM"),
        ("resource.prlimit(os.getppid(), resource.RLIMIT_CORE)", "EPERM"),
        ("(folder.parent / 'elsewhere').write_text('x')", "EACCES"),
        ("model.open('r+').close()", "EACCES"),
        ("model.unlink()", "EACCES"),
        ("Path('/etc/hostname').read_text()", "EACCES"),
        ("os.listdir('/')", "EACCES"),
        ("(folder / 'mine').write_text('x')", "done"),
        ("(folder / 'x').mkdir()", "done"),
        ("model.read_text()", "done"),
    ],
)
def test_what_a_confined_process_may(confined: tuple[Path, Path], call: str, expected: str) -> None:
    """The network, programs, other processes and other files are closed; its own things are not."""
    assert run(confined, f"print(code_of(lambda: {call}))") == expected


@pytest.mark.parametrize("name", ["ptrace", "io_uring_setup", "process_vm_readv", "execveat"])
def test_calls_without_a_python_function_are_closed(confined: tuple[Path, Path], name: str) -> None:
    """By number, as an exploit would make them."""
    number = seccomp._CALLS[name][seccomp.MACHINES[platform.machine()].column]
    code = (
        "c = ctypes.CDLL(None, use_errno=True)\n"
        f"print(c.syscall({number}, 0, 0, 0, 0, 0), errno.errorcode[ctypes.get_errno()])"
    )
    assert run(confined, code) == "-1 EPERM"


def test_threads_and_imports_still_work(confined: tuple[Path, Path]) -> None:
    """Also those started after the filter, and the filter holds in them."""
    code = (
        "import asyncio, sqlite3, http.server\n"
        "found = []\n"
        "t = threading.Thread(target=lambda: found.append(code_of(os.fork)))\n"
        "t.start(); t.join(); print(found[0])"
    )
    assert run(confined, code) == "EPERM"


def test_limits_hold(confined: tuple[Path, Path]) -> None:
    """Private memory beyond the bound is an error of the process, files are bounded."""
    code = (
        "print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])\n"
        "try: bytearray(500 << 20); print('had')\n"
        "except MemoryError: print('refused')"
    )
    assert run(confined, code).split() == ["1024", "refused"]


def test_an_xllamacpp_engine_may_talk_to_itself(confined: tuple[Path, Path]) -> None:
    """Over a unix socket; the network stays closed."""
    code = CONFINE.replace("data_bytes", "connects=True, data_bytes") + (
        "s = socket.socket(socket.AF_UNIX); s.bind(str(folder / 'x')); s.listen()\n"
        "socket.socket(socket.AF_UNIX).connect(str(folder / 'x'))\n"
        "print(code_of(lambda: socket.socket(socket.AF_INET)))"
    )
    command = [sys.executable, "-c", code, *map(str, confined)]
    assert subprocess.check_output(command, text=True).strip() == "EPERM"


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A kernel without a layer costs that layer only, and one line names it."""
    monkeypatch.setattr(landlock, "version", lambda: 0)
    monkeypatch.setattr(seccomp, "platform", type("P", (), {"machine": lambda: "riscv64"}))
    assert landlock.restrict([tmp_path], []) == "this kernel has none"
    assert seccomp.install(may_connect=False) == "no filter for this architecture"

    found = Confinement(no_new_privs=False, landlock="this kernel has none", seccomp="")
    assert found.missing() == "landlock: this kernel has none; no-new-privs: the kernel refused"
    assert found.report()["seccomp"] == "on"
    whole = Confinement(no_new_privs=True, landlock="", landlock_version=3, seccomp="")
    assert (whole.missing(), whole.report()["landlock"]) == ("", "version 3")


def test_a_limit_that_may_not_be_set_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service manager's own filter may forbid it; the engine runs all the same."""

    def refused(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(resource, "setrlimit", refused)
    assert sandbox._lower(resource.RLIMIT_DATA, 1 << 40) is None


def test_a_gpu_needs_its_devices(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Only then are they open; a developer may name folders."""
    plain = Needs(model_file=tmp_path / "m", socket_folder=tmp_path)
    with_gpu = Needs(model_file=tmp_path / "m", socket_folder=tmp_path, uses_gpu=True)
    assert Path("/dev") not in writable(plain)
    assert Path("/dev") in writable(with_gpu)
    assert Path("/proc") not in readable(plain)
    assert Path("/proc") in readable(with_gpu)
    monkeypatch.setattr(sys, "path", [str(tmp_path), "/x/site-packages"])
    assert Path("/x/site-packages") in readable(plain)
    assert tmp_path not in readable(plain)
    assert Path("/d") in readable(
        Needs(model_file=tmp_path / "m", socket_folder=tmp_path, draft_file=Path("/d"))
    )
    monkeypatch.setenv(sandbox.WRITABLE_ENV, f"/a{os.pathsep}/b")
    assert {Path("/a"), Path("/b")} <= set(writable(plain))


@pytest.mark.parametrize("machine", seccomp.MACHINES.values(), ids=seccomp.MACHINES)
def test_the_program_is_well_formed(machine: seccomp.Machine) -> None:
    """Every jump ends inside, the last step returns, and no call is in two lists."""
    steps = seccomp.program(machine, 42, may_connect=False)
    for at, (code, if_true, if_false, _) in enumerate(steps):
        is_jump = code in {seccomp._IF_EQUAL, seccomp._IF_AT_LEAST, seccomp._IF_ANY_BIT}
        assert not is_jump or at + 1 + max(if_true, if_false) < len(steps)
    assert steps[-1][0] == seccomp._RETURN
    numbers = [n[machine.column] for n in (*seccomp._CALLS.values(), *seccomp._JUDGED.values())]
    used = [number for number in numbers if number >= 0]
    assert len(used) == len(set(used))
