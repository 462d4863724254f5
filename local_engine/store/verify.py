# SPDX-License-Identifier: Apache-2.0
"""Whether a model file is the one that its manifest names.

Hashing 98 MB takes a quarter of a second and reads the whole file, so a start only compares the
file's size, time and inode with the stamp that the last full check left beside it. The stamp
guards against damage, not against somebody who may write to the folder: he could write the stamp
too. `verify` always hashes.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from local_engine.errors import ModelFileError
from local_engine.store.gguf import read_file
from local_engine.store.manifest import Manifest


def stamp_file(model_file: Path) -> Path:
    """Where the stamp of a model file stands."""
    return model_file.with_name(f".{model_file.name}.verified")


def verify(manifest: Manifest, model_file: Path) -> None:
    """Check size, header and digest, then leave a stamp. Raises ModelFileError."""
    _check_size(manifest, model_file)
    with model_file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if digest != manifest.sha256:
        raise _damaged(manifest, model_file, "its sha256 differs")
    read_file(model_file)
    _write_stamp(manifest, model_file)


def is_verified(manifest: Manifest, model_file: Path) -> bool:
    """Whether the file is there and unchanged since its last full check. Never hashes."""
    try:
        stamp = json.loads(stamp_file(model_file).read_text(encoding="utf-8"))
        return bool(stamp == _stamp(manifest, model_file))
    except (OSError, ValueError):
        return False


def ensure_verified(manifest: Manifest, model_file: Path) -> None:
    """Quick when the stamp fits, a full check otherwise. Raises ModelFileError."""
    if not is_verified(manifest, model_file):
        verify(manifest, model_file)


def _check_size(manifest: Manifest, model_file: Path) -> None:
    try:
        size = model_file.stat().st_size
    except OSError:
        raise ModelFileError(
            f"model file missing: {model_file}; run: nearward model pull {manifest.name}"
        ) from None
    if size != manifest.size_bytes:
        raise _damaged(manifest, model_file, f"{size} bytes instead of {manifest.size_bytes}")


def _damaged(manifest: Manifest, model_file: Path, why: str) -> ModelFileError:
    return ModelFileError(
        f"model file damaged: {model_file}: {why}; run: nearward model pull {manifest.name}"
    )


def _stamp(manifest: Manifest, model_file: Path) -> dict[str, int | str]:
    details = model_file.stat()
    return {
        "sha256": manifest.sha256,
        "bytes": details.st_size,
        "mtime_ns": details.st_mtime_ns,
        "inode": details.st_ino,
    }


def _write_stamp(manifest: Manifest, model_file: Path) -> None:
    """A folder that is read-only costs a full check at each start, nothing else."""
    target = stamp_file(model_file)
    new = target.with_name(f"{target.name}.{os.getpid()}")
    try:
        new.write_text(json.dumps(_stamp(manifest, model_file)), encoding="utf-8")
        new.replace(target)
    except OSError:
        new.unlink(missing_ok=True)
