# SPDX-License-Identifier: Apache-2.0
"""`python -m local_engine.store pull|verify|list [NAME] [--models-dir D]`.

`admit NAME --file F [--own-file]` says, as the engine would at its start, whether F may be loaded.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from local_engine.errors import ModelFileError
from local_engine.store.admission import admit
from local_engine.store.manifest import find, manifests, models_folder
from local_engine.store.pull import pull
from local_engine.store.verify import is_verified, verify

BAR_WIDTH = 30


class Bar:
    """A progress bar on a terminal; elsewhere a line at the end."""

    def __init__(self, *, on_terminal: bool) -> None:
        self._on_terminal = on_terminal

    def __call__(self, done_bytes: int, all_bytes: int) -> None:
        """Show how much is done."""
        is_end = done_bytes >= all_bytes
        if self._on_terminal:
            filled = done_bytes * BAR_WIDTH // all_bytes
            bar = "#" * filled + "." * (BAR_WIDTH - filled)
            end = "\n" if is_end else ""
            print(f"\rmodel [{bar}] {done_bytes >> 20} MiB", end=end, flush=True)
        elif is_end:
            print(f"model: {done_bytes >> 20} MiB", flush=True)


def list_models(folder: Path) -> None:
    """One line for each known model."""
    for manifest in manifests().values():
        path = folder / manifest.file
        state = "missing"
        if path.exists():
            state = "verified" if is_verified(manifest, path) else "not verified"
        print(f"{manifest.name}\t{manifest.size_bytes}\t{manifest.licence}\t{state}")


def main(arguments: list[str] | None = None) -> int:
    """The command line; 1 with one line on stderr when something is wrong."""
    parser = argparse.ArgumentParser(prog="python -m local_engine.store")
    parser.add_argument("action", choices=("pull", "verify", "list", "admit"))
    parser.add_argument("name", nargs="?", help="all models when left out")
    parser.add_argument("--models-dir", type=Path)
    parser.add_argument("--file", type=Path)
    parser.add_argument("--own-file", action="store_true")
    options = parser.parse_args(arguments)
    folder: Path = options.models_dir or models_folder()
    try:
        if options.action == "list":
            list_models(folder)
            return 0
        if options.action == "admit":
            admit(options.name, options.file, is_own=options.own_file)
            return 0
        for name in [options.name] if options.name else list(manifests()):
            manifest = find(name)
            if options.action == "pull":
                pull(manifest, folder, progress=Bar(on_terminal=sys.stdout.isatty()))
            else:
                verify(manifest, folder / manifest.file)
            print(f"{name}: verified, {folder / manifest.file}")
    except (ModelFileError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
