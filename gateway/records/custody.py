# SPDX-License-Identifier: Apache-2.0
"""What guards an audit directory: its HMAC key, its signing key, and one lock for each worker.

Whoever can read these keys can rewrite what lies beside them. That is why checkpoints are
anchored outside; the signing key never needs to leave, its public half should.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

from gateway.records.chain import Seal
from gateway.state.files import place

_KEY_BYTES = 32


class AuditBusy(Exception):
    """The log cannot be opened: another process writes it, or its files are damaged."""


def audit_key(directory: Path) -> bytes:
    """The HMAC key beside the log, made on first use (mode 0600)."""
    return _secret(directory / "key")


def signing_key(directory: Path) -> Ed25519PrivateKey:
    """The key that signs checkpoints, made on first use; its public half as `signing.pub`."""
    key = Ed25519PrivateKey.from_private_bytes(_secret(directory / "signing.key"))
    public = directory / "signing.pub"
    if not public.exists():
        place(
            public, key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        )
    return key


def pseudonyms(key: bytes) -> Callable[[str, str], str]:
    """(kind, name) to 16 hex digits: the same for the same, and no way back without the key."""
    seal = Seal(Seal(key).mac(b"pseudonyms"))

    @lru_cache(maxsize=4096)
    def pseudonym(kind: str, name: str) -> str:
        return seal.mac(f"{kind}\0{name}".encode()).hex()[:16]

    return pseudonym


def put_back(directory: Path, key: bytes, signer: Ed25519PrivateKey) -> None:
    """Restore the keys, should somebody have deleted the directory of a running log.

    With another signing key all that was anchored would be signed by somebody else.
    """
    if not (directory / "key").exists():
        place(directory / "key", key)
    if not (directory / "signing.key").exists():
        place(directory / "signing.key", signer.private_bytes_raw())
    signing_key(directory)


def read_public_key(path: Path) -> Ed25519PublicKey:
    """The public half, from PEM; raises OSError, or ValueError when it is no Ed25519 key."""
    key = load_pem_public_key(path.read_bytes())
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("not an Ed25519 key")
    return key


def lock(path: Path) -> int:
    """The descriptor of a lock that nobody else holds; raises AuditBusy."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        raise AuditBusy(
            f"another nearward writes to {path.parent}; stop it or set NEARWARD_STATE_DIR"
        ) from None
    return fd


def ensure_free(directory: Path, worker: int) -> None:
    """Raise AuditBusy while another process writes this worker's part of the log."""
    path = directory / f"{worker}.lock"
    if path.exists():
        os.close(lock(path))


def _secret(path: Path) -> bytes:
    if not path.exists():
        place(path, secrets.token_bytes(_KEY_BYTES))
    key = path.read_bytes()
    if len(key) != _KEY_BYTES:
        raise AuditBusy(f"{path}: damaged; restore it, or move the whole log away")
    return key
