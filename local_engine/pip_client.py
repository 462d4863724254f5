# SPDX-License-Identifier: Apache-2.0
"""pip, run as a child, with every download pinned by digest.

Where packages come from is the user's own pip configuration and nobody else's business:
addresses are cut out of everything that is shown.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

_ADDRESS = re.compile(r"\S*://\S+")
_SHOWN_LINES = 5


class PipError(Exception):
    """pip ended with an error; the message holds its last lines without addresses."""


def without_addresses(text: str) -> str:
    """The text with each address replaced."""
    return _ADDRESS.sub("<address>", text)


def run_pip(arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
    """Run pip quietly. Raises PipError."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", *arguments]
    result = subprocess.run(
        command,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        errors = [line for line in result.stderr.splitlines() if line.startswith("ERROR")]
        lines = (errors or result.stderr.splitlines())[-_SHOWN_LINES:]
        raise PipError(without_addresses("\n".join(line[:300] for line in lines)))


def run_pinned(
    arguments: Sequence[str], requirement: str, environment: Mapping[str, str] | None = None
) -> None:
    """Run pip for one requirement that carries its digests. Raises PipError."""
    with tempfile.TemporaryDirectory() as folder:
        pinned = Path(folder) / "requirement.txt"
        pinned.write_text(requirement + "\n", encoding="utf-8")
        run_pip(
            [*arguments, "--no-deps", "--require-hashes", "-r", str(pinned)],
            environment,
        )
