# SPDX-License-Identifier: Apache-2.0
"""What was compiled at one start, kept for the next: the detector's pattern databases.

A file is `<64 hex digits of its seal><data>`. The seal is a keyed hash over the recipe, which is
the file's name, and the data: a file that was changed, cut off, or kept for other patterns or
another version of the engine is never handed out. Whoever can make a seal can read the secret of
this installation, and so is the gateway's own user (ADR 0082).
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import tempfile
from pathlib import Path

from gateway.state.secret import Secret

_SEAL_CHARS = 64
# A detector takes six; of others, which an older version kept, the oldest go first.
_MOST_FILES = 12


class CompiledFiles:
    """Files in one directory, which is made when the first of them is kept."""

    def __init__(self, directory: Path, secret: Secret) -> None:
        self._directory = directory
        self._secret = secret

    def load(self, recipe: str) -> bytes | None:
        """What was kept for this recipe, unchanged; None else."""
        try:
            kept = (self._directory / recipe).read_bytes()
        except OSError:
            return None
        data = kept[_SEAL_CHARS:]
        is_sound = hmac.compare_digest(kept[:_SEAL_CHARS], self._seal(recipe, data))
        return data if is_sound else None

    def keep(self, recipe: str, data: bytes) -> None:
        """Keep it; a disk that does not let us costs the next start time and nothing else."""
        with contextlib.suppress(OSError):
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            fd, name = tempfile.mkstemp(dir=self._directory, prefix=".")
            try:
                with os.fdopen(fd, "wb") as file:
                    file.write(self._seal(recipe, data) + data)
                Path(name).replace(self._directory / recipe)
            except OSError:
                Path(name).unlink(missing_ok=True)
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        files = sorted(self._directory.iterdir(), key=lambda path: path.stat().st_mtime)
        for path in files[:-_MOST_FILES]:
            path.unlink(missing_ok=True)

    def _seal(self, recipe: str, data: bytes) -> bytes:
        return self._secret.code("compiled", recipe, hashlib.sha256(data).hexdigest()).encode()
