# SPDX-License-Identifier: Apache-2.0
"""A seccomp filter that takes from a process what an engine never needs.

The filter is a classic BPF program over `struct seccomp_data` (linux/seccomp.h): the kernel runs it
at each system call, for this process and all that it would start, and it cannot be taken off.

Rules
1. Another instruction set than the one the filter was written for, or x86's x32 calls: refused.
   Their numbers mean other calls.
2. A call in `DENIED` fails with EPERM: starting programs, looking into other processes, the
   kernel's side doors (io_uring could open sockets without a filter seeing it).
3. `socket` and `socketpair` make unix streams only: a datagram goes to any path without `connect`,
   which is denied too, where the caller does not need it.
4. `clone` makes threads only. `clone3` keeps its flags in memory, where no filter can look: it
   does not exist, and the C library falls back to `clone`.
5. Signals and limits: for this process only.
6. Everything else is allowed. A list of what is allowed would break with each new C library, on
   the user's machine, in the middle of an answer.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

# Numbers from asm/unistd_64.h and asm-generic/unistd.h; -1 where an architecture has no such call.
_CALLS: Final[Mapping[str, tuple[int, int]]] = {
    # programs and processes
    "execve": (59, 221), "execveat": (322, 281), "fork": (57, -1), "vfork": (58, -1),
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "kcmp": (312, 272), "pidfd_open": (434, 434), "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424), "tkill": (200, 130), "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    # side doors
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    "open_by_handle_at": (304, 265), "personality": (135, 92), "add_key": (248, 217),
    "request_key": (249, 218), "keyctl": (250, 219),
    # the system, for an engine in a container that runs as root
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106),
    "kexec_load": (246, 104), "kexec_file_load": (320, 294), "reboot": (169, 142),
    "mount": (165, 40), "umount2": (166, 39), "move_mount": (429, 429), "open_tree": (428, 428),
    "fsopen": (430, 430), "mount_setattr": (442, 442), "pivot_root": (155, 41),
    "chroot": (161, 51), "setns": (308, 268), "unshare": (272, 97), "swapon": (167, 224),
    "swapoff": (168, 225), "settimeofday": (164, 170), "clock_settime": (227, 112),
    "acct": (163, 89), "mknod": (133, -1), "mknodat": (259, 33),
    # what Landlock leaves open: a file's mode, owner and, in older versions, its length
    "truncate": (76, 45), "chmod": (90, -1), "fchmod": (91, 52), "fchmodat": (268, 53),
    "fchmodat2": (452, 452), "chown": (92, -1), "fchown": (93, 55), "lchown": (94, -1),
    "fchownat": (260, 54), "setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7),
}  # fmt: skip
DENIED: Final = tuple(_CALLS)
_JUDGED: Final[Mapping[str, tuple[int, int]]] = {
    "socket": (41, 198), "socketpair": (53, 199), "connect": (42, 203),
    "clone": (56, 220), "clone3": (435, 435), "kill": (62, 129),
    "tgkill": (234, 131), "prlimit64": (302, 261),
}  # fmt: skip

_LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
_IF_EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_IF_AT_LEAST: Final = 0x35  # BPF_JMP | BPF_JGE | BPF_K
_IF_ANY_BIT: Final = 0x45  # BPF_JMP | BPF_JSET | BPF_K
_RETURN: Final = 0x06
_AND: Final = 0x54  # BPF_ALU | BPF_AND | BPF_K
# Little endian: the low half of an argument comes first.
_NUMBER_AT, _ARCH_AT, _FIRST_ARGUMENT_AT, _SECOND_ARGUMENT_AT = 0, 4, 16, 24
_ALLOW: Final = 0x7FFF0000
_FAIL: Final = 0x00050000  # SECCOMP_RET_ERRNO
_KILL: Final = 0x80000000
_X32_CALLS: Final = 0x40000000
_CLONE_THREAD: Final = 0x00010000
_AF_UNIX: Final = 1
_SOCK_STREAM: Final = 1
_SOCKET_TYPES: Final = 0xF  # SOCK_TYPE_MASK; the rest are SOCK_CLOEXEC and SOCK_NONBLOCK

_SET_MODE_FILTER: Final = 1
_ALL_THREADS: Final = 1  # SECCOMP_FILTER_FLAG_TSYNC

Instruction = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Machine:
    """An architecture: its audit number, its column of the tables, its number of `seccomp`."""

    audit: int
    column: int
    seccomp: int


MACHINES: Final[Mapping[str, Machine]] = {
    "x86_64": Machine(0xC000003E, 0, 317),
    "aarch64": Machine(0xC00000B7, 1, 277),
}


def program(machine: Machine, pid: int, *, may_connect: bool) -> list[Instruction]:
    """The filter for the process `pid`, as BPF instructions (code, if true, if false, value)."""
    judged = {name: numbers[machine.column] for name, numbers in _JUDGED.items()}
    steps: list[Instruction] = [
        (_LOAD, 0, 0, _ARCH_AT),
        (_IF_EQUAL, 1, 0, machine.audit),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER_AT),
    ]
    if machine.column == 0:
        steps += [(_IF_AT_LEAST, 0, 1, _X32_CALLS), _failing(errno.EPERM)]
    for number in (numbers[machine.column] for numbers in _CALLS.values()):
        if number >= 0:
            steps += _on(number, [_failing(errno.EPERM)])
    if not may_connect:
        steps += _on(judged["connect"], [_failing(errno.EPERM)])
    steps += _on(judged["clone3"], [_failing(errno.ENOSYS)])
    for name in ("socket", "socketpair"):
        steps += _on(judged[name], _if_unix_stream())
    steps += _on(judged["clone"], _if_argument(_IF_ANY_BIT, [_CLONE_THREAD]))
    for name in ("kill", "tgkill"):
        steps += _on(judged[name], _if_argument(_IF_EQUAL, [pid]))
    steps += _on(judged["prlimit64"], _if_argument(_IF_EQUAL, [0, pid]))
    return [*steps, (_RETURN, 0, 0, _ALLOW)]


def _failing(number: int) -> Instruction:
    return (_RETURN, 0, 0, _FAIL | number)


def _on(number: int, block: list[Instruction]) -> list[Instruction]:
    """`block`, which returns on every way, for one call; the others jump over it."""
    return [(_IF_EQUAL, 0, len(block), number), *block]


def _if_argument(test: int, values: Iterable[int]) -> list[Instruction]:
    """Allow when the first argument passes the test with one of the values, else EPERM."""
    allow: Instruction = (_RETURN, 0, 0, _ALLOW)
    tests = [step for value in values for step in ((test, 0, 1, value), allow)]
    return [(_LOAD, 0, 0, _FIRST_ARGUMENT_AT), *tests, _failing(errno.EPERM)]


def _if_unix_stream() -> list[Instruction]:
    """Allow a unix socket (first argument) that is a stream (second, beside its flags)."""
    return [
        (_LOAD, 0, 0, _FIRST_ARGUMENT_AT),
        (_IF_EQUAL, 1, 0, _AF_UNIX),
        _failing(errno.EPERM),
        (_LOAD, 0, 0, _SECOND_ARGUMENT_AT),
        (_AND, 0, 0, _SOCKET_TYPES),
        (_IF_EQUAL, 0, 1, _SOCK_STREAM),
        (_RETURN, 0, 0, _ALLOW),
        _failing(errno.EPERM),
    ]


class _Program(ctypes.Structure):
    """`struct sock_fprog`."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def install(*, may_connect: bool) -> str:
    """Filter this process from now on. "" when done, else why not, in a few words.

    Needs no-new-privs, unless the process is privileged.
    """
    machine = MACHINES.get(platform.machine())
    if machine is None:
        return "no filter for this architecture"
    steps = program(machine, os.getpid(), may_connect=may_connect)
    code = b"".join(struct.pack("=HBBI", *step) for step in steps)
    buffer = ctypes.create_string_buffer(code, len(code))
    description = _Program(len(steps), ctypes.addressof(buffer))
    library = ctypes.CDLL(None, use_errno=True)
    failed = library.syscall(
        machine.seccomp, _SET_MODE_FILTER, _ALL_THREADS, ctypes.byref(description)
    )
    return f"the kernel refused: {errno.errorcode.get(ctypes.get_errno())}" if failed else ""
