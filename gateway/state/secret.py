# SPDX-License-Identifier: Apache-2.0
"""The key under which callers' own words (session names, reasons) are turned into codes.

Nothing that a caller wrote is stored; its keyed hash is, so that equal words can be told to be
equal, and nobody without the key can try words out.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from pathlib import Path

from gateway.config_file import ConfigError
from gateway.state.files import place

_BYTES = 32


class Secret:
    """A key for HMAC-SHA-256; never shown."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        self._key = key

    def code(self, purpose: str, *words: str) -> str:
        """64 hex digits for these words; other ones for another purpose or another split."""
        text = "".join(f"{len(word)}:{word}" for word in (purpose, *words))
        data = text.encode("utf-8", "surrogatepass")
        return hmac.new(self._key, data, hashlib.sha256).hexdigest()


def stored_secret(directory: Path) -> Secret:
    """The key in `directory`, made at the first use (mode 0600); raises ConfigError."""
    path = directory / "secret"
    try:
        if not path.exists():
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            place(path, secrets.token_bytes(_BYTES))
        key = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be used ({error.strerror})") from None
    if len(key) != _BYTES:
        raise ConfigError(f"{path}: damaged; restore it, or remove it to begin with another")
    return Secret(key)
