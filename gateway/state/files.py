# SPDX-License-Identifier: Apache-2.0
"""Files that appear whole or not at all, whoever else starts at the same moment."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path


def place(path: Path, data: bytes) -> None:
    """Put a file in place (mode 0600), unless there is one; raises OSError.

    It is linked into place whole: another worker that starts now must not read half a key.
    """
    fd, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(name)
    finally:
        Path(name).unlink()
