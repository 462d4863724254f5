# SPDX-License-Identifier: Apache-2.0
"""A unix socket that only this user may open."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

from local_engine.errors import EngineSetupError


def listen(path: Path) -> socket.socket:
    """A listening socket that only this user can reach.

    An existing folder must be ours and closed to others: in a shared one somebody else could
    put a socket of his own in our place. Raises EngineSetupError.
    """
    folder = path.parent
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    details = folder.stat()
    if details.st_uid != os.getuid() or details.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise EngineSetupError(f"the socket's folder must be yours and of mode 0700: {folder}")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    previous = os.umask(0o177)
    try:
        if path.is_socket():
            path.unlink()
        listener.bind(str(path))
        listener.listen(128)  # now: whoever sees the socket may connect and is served soon
    except OSError as error:
        listener.close()
        raise EngineSetupError(f"cannot listen on {path}: {error.strerror or error}") from error
    finally:
        os.umask(previous)
    return listener
