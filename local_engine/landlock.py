# SPDX-License-Identifier: Apache-2.0
"""Landlock: the files a process may open, from now on and for good (linux/landlock.h).

What is not named can be neither read nor written, TCP ports can be neither bound nor reached
(kernels from 6.7), and no abstract unix socket and no process outside can be reached (6.12). Files
that are open already stay usable. The rules hold for this thread and all that it starts, so call
`restrict` before there are others.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import struct
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

# System calls of 5.13 on: the same numbers on every architecture.
_CREATE, _ADD_RULE, _RESTRICT = 444, 445, 446
_ASK_VERSION: Final = 1
_PATH_BENEATH: Final = 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE_DIR, _REMOVE_FILE, _MAKE_DIR, _MAKE_REG, _MAKE_SOCK = 1 << 4, 1 << 5, 1 << 7, 1 << 8, 1 << 9
_TRUNCATE, _IOCTL_DEVICE = 1 << 14, 1 << 15
_READS: Final = _READ_FILE | _READ_DIR
_WRITES: Final = (
    _READS | _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _MAKE_SOCK
    | _TRUNCATE | _IOCTL_DEVICE
)  # fmt: skip
_OF_A_FILE: Final = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEVICE
# How many of the rights a version knows, and which version brought what else.
_RIGHTS_OF_VERSION: Final = {1: 13, 2: 14, 3: 15, 4: 15}
_MOST_RIGHTS: Final = 16
_NETWORK_SINCE, _SCOPES_SINCE = 4, 6
_TCP: Final = 0b11
_SCOPES: Final = 0b11


def version() -> int:
    """What this kernel has: 1 and up, or 0 for no Landlock."""
    if sys.platform != "linux":
        return 0
    library = ctypes.CDLL(None, use_errno=True)
    return max(0, int(library.syscall(_CREATE, None, ctypes.c_size_t(0), _ASK_VERSION)))


def restrict(reads: Iterable[Path], writes: Iterable[Path]) -> str:
    """Leave only these files and folders. "" when done, else why not, in a few words.

    Paths that do not exist are left out. Needs no-new-privs, unless the process is privileged.
    """
    known = version()
    if known == 0:
        return "this kernel has none"
    library = ctypes.CDLL(None, use_errno=True)
    handled = (1 << _RIGHTS_OF_VERSION.get(known, _MOST_RIGHTS)) - 1
    attributes = _attributes(known, handled)
    ruleset = library.syscall(_CREATE, attributes, ctypes.c_size_t(len(attributes)), 0)
    if ruleset < 0:
        return _refusal()
    try:
        for rights, paths in ((_READS, reads), (_WRITES, writes)):
            for path in paths:
                _allow(library, ruleset, path, rights & handled)
        return _refusal() if library.syscall(_RESTRICT, ruleset, 0) else ""
    finally:
        os.close(ruleset)


def _attributes(known: int, handled: int) -> bytes:
    """`struct landlock_ruleset_attr`, as long as this version knows it."""
    fields = [handled]
    if known >= _NETWORK_SINCE:
        fields.append(_TCP)
    if known >= _SCOPES_SINCE:
        fields.append(_SCOPES)
    return struct.pack(f"={len(fields)}Q", *fields)


def _allow(library: ctypes.CDLL, ruleset: int, path: Path, rights: int) -> None:
    """A rule for `path`. One that cannot be made leaves the path closed."""
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        allowed = rights if is_folder else rights & _OF_A_FILE
        rule = struct.pack("=Qi", allowed, descriptor)
        library.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0)
    finally:
        os.close(descriptor)


def _refusal() -> str:
    return f"the kernel refused: {errno.errorcode.get(ctypes.get_errno())}"
