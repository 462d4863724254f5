# SPDX-License-Identifier: Apache-2.0
"""The key file: keys made by `nearward keys new`, stored as hashes under the state directory."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from gateway.config_file import ConfigError

_PREFIX = "nw-"
_SECRET_BYTES = 32
_DIGEST_BYTES = 32


@dataclass(frozen=True, slots=True)
class StoredKey:
    """One key as it is kept: never the key itself."""

    id: str
    sha256: str
    tenant: str
    role: str
    created: str
    may_break_glass: bool = False
    mfa: str = "no"


def new_secret() -> str:
    """A fresh 256-bit key."""
    return _PREFIX + secrets.token_urlsafe(_SECRET_BYTES)


def digest_of(secret: str) -> str:
    """The hex SHA-256 under which a key is stored."""
    return hashlib.sha256(secret.encode()).hexdigest()


class KeyFile:
    """`keys.json` (mode 0600), replaced atomically."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "keys.json"

    def read(self) -> list[StoredKey]:
        """All keys; raises ConfigError when the file is damaged."""
        try:
            keys = [StoredKey(**entry) for entry in orjson.loads(self._path.read_bytes())]
            if any(len(bytes.fromhex(key.sha256)) != _DIGEST_BYTES for key in keys):
                raise ValueError("not a SHA-256")
            return keys
        except FileNotFoundError:
            return []
        except (ValueError, TypeError):
            raise ConfigError(
                f"{self._path}: damaged; restore it or remove it and make new keys"
            ) from None
        except OSError as error:
            raise ConfigError(f"{self._path}: cannot be read ({error.strerror})") from None

    def add(self, key: StoredKey) -> None:
        """Store a key; raises ConfigError when its id is taken."""
        keys = self.read()
        if any(k.id == key.id for k in keys):
            raise ConfigError(f"a key named {key.id!r} exists; revoke it first or pick another id")
        self._write([*keys, key])

    def revoke(self, key_id: str) -> None:
        """Remove a key; raises ConfigError when there is none of that id."""
        keys = self.read()
        kept = [k for k in keys if k.id != key_id]
        if len(kept) == len(keys):
            raise ConfigError(f"no key named {key_id!r}; see: nearward keys list")
        self._write(kept)

    def _write(self, keys: list[StoredKey]) -> None:
        data = orjson.dumps([asdict(k) for k in keys], option=orjson.OPT_INDENT_2)
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._replace(data)
        except OSError as error:
            raise ConfigError(f"{self._path}: cannot be written ({error.strerror})") from None

    def _replace(self, data: bytes) -> None:
        fd, name = tempfile.mkstemp(dir=self._path.parent, prefix=".keys-")
        try:
            with os.fdopen(fd, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self._path)
        except OSError:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise
