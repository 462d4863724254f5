# SPDX-License-Identifier: Apache-2.0
"""`nearward approvals`: the requests that wait for a person, and the person's answer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from gateway.cli.terminal import ConfigOption, fail, read_settings, say, write_json

_ID_CHARS = 32
_TIMES = ("asked", "until")

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help=(
        "Requests that a rule with the effect `approve` holds back until a person lets them "
        "through.\n\n"
        "What waits:   nearward approvals list\n\n"
        "What it is:   nearward approvals show 3f2a\n\n"
        "Let it go:    nearward approvals approve 3f2a\n\n"
        "Keep it here: nearward approvals refuse 3f2a\n\n"
        "They ask the nearward that runs on this machine, with the key in NEARWARD_API_KEY or in "
        "--key-file: of the role admin or auditor to look, of the role admin to answer, and never "
        "the key that asked (four eyes). An answer is on record before it counts; the first one "
        "stands, for policy.approval_ttl_s. The caller then sends the same request again. No word "
        "of a request is kept, so you see its class, what kinds of identifiers were found, the "
        "rules that hold it and its size; ask the caller for the rest. What waits is kept on the "
        "host where the request came in: with several hosts, ask on that one."
    ),
)

IdArgument = Annotated[
    str, typer.Argument(metavar="ID", help="An id of `list`, or how it begins; one that fits.")
]
KeyFileOption = Annotated[
    Path | None,
    typer.Option("--key-file", help="A file with your key. Default: $NEARWARD_API_KEY."),
]


@app.command("list")
def list_waiting(
    config: ConfigOption = None,
    key_file: KeyFileOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines, with all fields.")] = False,
) -> None:
    """What waits for an answer, the oldest first: id, until when, tenant, class and rules."""
    waiting = _Gateway(config, key_file).waiting()
    for asked in waiting:
        if as_json:
            write_json(asked)
        else:
            shown = (asked["id"][:12], _time(asked["until"]), asked["tenant"], asked["data_class"])
            say("  ".join((*shown, ",".join(asked["rules"]))))
    if not waiting and not as_json:
        say("nothing waits for approval")


@app.command()
def show(approval: IdArgument, config: ConfigOption = None, key_file: KeyFileOption = None) -> None:
    """All that is known of one request that waits, a field a line."""
    asked = _Gateway(config, key_file).find(approval)
    for name, value in {**asked, **{name: _time(asked[name]) for name in _TIMES}}.items():
        say(f"{name:<11} {', '.join(value) if isinstance(value, list) else value}")


@app.command()
def approve(
    approval: IdArgument, config: ConfigOption = None, key_file: KeyFileOption = None
) -> None:
    """Let one request through: the same body, key and class, under the same policy.

    Your key needs the role admin and must not be the one that asked.
    """
    _answer(approval, "approved", config, key_file)


@app.command()
def refuse(
    approval: IdArgument, config: ConfigOption = None, key_file: KeyFileOption = None
) -> None:
    """Say no: whoever sends the same request again is told that it was refused."""
    _answer(approval, "refused", config, key_file)


def _answer(
    approval: str,
    verdict: Literal["approved", "refused"],
    config: Path | None,
    key_file: Path | None,
) -> None:
    gateway = _Gateway(config, key_file)
    found = approval if len(approval) == _ID_CHARS else gateway.find(approval)["id"]
    said = gateway.ask(f"/v1/approvals/{found}", {"verdict": verdict})
    say(f"{verdict}: {said['id']}, until {_time(said['until'])}")


class _Gateway:
    """The nearward that runs here; every fault ends the command with one line."""

    def __init__(self, config: Path | None, key_file: Path | None) -> None:
        settings = read_settings(config)
        self._host, self._port = settings.server.host, settings.server.port
        key = settings.api_key.get_secret_value() if settings.api_key else ""
        if key_file is not None:
            try:
                key = key_file.read_text().strip()
            except (OSError, ValueError):
                fail(f"{key_file}: no key can be read from it")
        if not (key.isascii() and key.isprintable() and key):
            fail("whose answer is it? Put your key into NEARWARD_API_KEY, or name its --key-file")
        self._key = key

    def ask(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """The answer of an endpoint."""
        from gateway.cli.liveness import NotRunning, ask

        try:
            status, found = ask(self._host, self._port, self._key, path, body)
        except NotRunning:
            fail(f"no nearward answers at {self._host}:{self._port}; is it running?")
        if status != 200:
            error = found.get("error", {})
            fail(f"{error.get('code')}: {error.get('message')}", 1)
        return found

    def waiting(self) -> list[dict[str, Any]]:
        """All that waits."""
        found: list[dict[str, Any]] = self.ask("/v1/approvals")["data"]
        return found

    def find(self, beginning: str) -> dict[str, Any]:
        """The one that waits and begins so."""
        matches = [asked for asked in self.waiting() if asked["id"].startswith(beginning)]
        if len(matches) != 1:
            several = (
                f"{len(matches)} requests that wait begin" if matches else "none waits that begins"
            )
            fail(f"{several} with {beginning!r}; see: nearward approvals list", 1)
        return matches[0]


def _time(t: float) -> str:
    from gateway.records.selection import written

    return written(t)
