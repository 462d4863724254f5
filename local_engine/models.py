# SPDX-License-Identifier: Apache-2.0
"""`python -m local_engine.models list|load|unload [NAME] --control SOCKET`: ask a running pool.

`load` waits until the model is ready. Exit code 1 with one line on stderr when it cannot be done.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from contextlib import closing
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from local_engine.unix_http import UnixConnection

PATIENCE_S: Final = 120.0
_AGAIN_S: Final = 0.2
_MIB: Final = 1 << 20


class PoolAway(Exception):
    """Nobody answers on the control socket."""


def ask(control: Path, method: str, target: str) -> tuple[int, dict[str, Any]]:
    """Status and body. Raises PoolAway."""
    try:
        with closing(UnixConnection(str(control), timeout_s=5.0)) as connection:
            connection.request(method, target)
            response = connection.getresponse()
            body = json.loads(response.read())
            return response.status, body if isinstance(body, dict) else {}
    except (OSError, HTTPException, ValueError):
        raise PoolAway from None


def list_models(control: Path) -> None:
    """One line for each model: name, state, memory, loads."""
    _, found = ask(control, "GET", "/models")
    for model in found.get("models", []):
        need = model["need_bytes"] // _MIB
        print(f"{model['name']}\t{model['state']}\t{need} MiB\tloaded {model['loads']} times")


def load(control: Path, name: str, patience_s: float = PATIENCE_S) -> str:
    """Wait until it is ready: "", or why it is not."""
    until = time.monotonic() + patience_s
    while True:
        status, body = ask(control, "POST", f"/models/{quote(name, safe='')}/want")
        if status == 200:
            return ""
        if status != 202:
            return str(body.get("reason", "it cannot be loaded"))
        if time.monotonic() >= until:
            return "there is no room for it: the loaded models are in use"
        time.sleep(_AGAIN_S)


def unload(control: Path, name: str) -> str:
    """Free its memory: "", or why it stays."""
    status, body = ask(control, "POST", f"/models/{quote(name, safe='')}/unload")
    return "" if status == 200 else str(body.get("reason", "it cannot be unloaded"))


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m local_engine.models")
    parser.add_argument("action", choices=("list", "load", "unload"))
    parser.add_argument("name", nargs="?", default="")
    parser.add_argument("--control", type=Path, required=True)
    found = parser.parse_args(arguments)
    if found.action != "list" and not found.name:
        parser.error("which model?")
    try:
        if found.action == "list":
            list_models(found.control)
            return 0
        act = load if found.action == "load" else unload
        problem = act(found.control, found.name)
    except PoolAway:
        problem = "nearward does not run, or runs with one model only"
    print(f"{found.name}: {problem or found.action + 'ed'}", file=sys.stderr if problem else None)
    return 1 if problem else 0


if __name__ == "__main__":
    sys.exit(main())
