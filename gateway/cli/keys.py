# SPDX-License-Identifier: Apache-2.0
"""`nearward keys`: make, list and revoke API keys. A running gateway reads them at its start."""

from __future__ import annotations

import datetime
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.terminal import ConfigOption, fail, say

if TYPE_CHECKING:  # commands import what they need when they run
    from gateway.state.keys import StoredKey

app = typer.Typer(no_args_is_help=True, help="API keys: only their hashes are stored.")


@app.command("new")
def new(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="A name for the key's user.")],
    *,
    tenant: Annotated[str, typer.Option(help="Whose data this key works with.")] = "default",
    role: Annotated[str, typer.Option(help="user, admin or auditor.")] = "user",
    may_break_glass: Annotated[
        bool, typer.Option("--may-break-glass", help="May claim an emergency, with a reason.")
    ] = False,
    mfa: Annotated[
        str,
        typer.Option(help="More than one factor: no, always, or header (an authenticating proxy)."),
    ] = "no",
    config_line: Annotated[
        bool, typer.Option("--config-line", help="Store nothing: print the line for a config.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Make a key and print it, this once, alone on standard output.

    Standard error says what to do next. The key's hash is stored under the
    state directory, or, with --config-line, is yours to put into a config.
    """
    import re

    from gateway.state.keys import StoredKey, digest_of, new_secret

    for what, value in (("ID", key_id), ("--tenant", tenant)):
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", value):
            fail(f"{what}: use letters, digits, dot, dash and underscore, 64 at most")
    if role not in {"user", "admin", "auditor"}:
        fail("--role: user, admin or auditor")
    if mfa not in {"no", "always", "header"}:
        fail("--mfa: no, always or header")
    secret = new_secret()
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    key = StoredKey(key_id, digest_of(secret), tenant, role, now, may_break_glass, mfa)
    if config_line:
        sys.stderr.write(
            f"Put this under `keys:` in the config, then restart nearward:\n{_line(key)}"
        )
    else:
        _store(key, config)
    say(secret)


def _line(key: StoredKey) -> str:
    """The key as an item of a config's `keys`. Quoted: a name such as 1e3 is a number in YAML."""
    glass = ", may_break_glass: true" if key.may_break_glass else ""
    mfa = f", mfa: {key.mfa}" if key.mfa != "no" else ""
    return (
        f'  - {{id: "{key.id}", hash: "sha256:{key.sha256}", '
        f'tenant: "{key.tenant}", roles: [{key.role}]{glass}{mfa}}}\n'
    )


def _store(key: StoredKey, config: Path | None) -> None:
    from gateway.config_file import ConfigError
    from gateway.settings import load_settings
    from gateway.state.keys import KeyFile

    try:
        state_dir = load_settings(config).state_dir
        KeyFile(state_dir).add(key)
    except ConfigError as error:
        fail(error)
    sys.stderr.write(f"Stored under {state_dir}; restart nearward to admit it.\n")


@app.command("list")
def list_keys(config: ConfigOption = None) -> None:
    """Names, tenants and roles of the stored keys and of those in the config."""
    from gateway.config_file import ConfigError
    from gateway.settings import load_settings
    from gateway.state.keys import KeyFile

    try:
        settings = load_settings(config)
        stored = KeyFile(settings.state_dir).read()
    except ConfigError as error:
        fail(error)
    rows = [(k.id, k.tenant, k.role, _may(k.may_break_glass), k.created) for k in stored]
    rows += [
        (k.id, k.tenant, ",".join(k.roles), _may(k.may_break_glass), "config")
        for k in settings.keys
    ]
    for row in [("ID", "TENANT", "ROLE", "BREAK-GLASS", "CREATED"), *rows]:
        say("{:<20} {:<16} {:<8} {:<11} {}".format(*row))


def _may(is_allowed: bool) -> str:
    return "yes" if is_allowed else "no"


@app.command("revoke")
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID")], config: ConfigOption = None
) -> None:
    """Remove a stored key. Restart the gateway for it to take effect."""
    from gateway.config_file import ConfigError
    from gateway.settings import load_settings
    from gateway.state.keys import KeyFile

    try:
        KeyFile(load_settings(config).state_dir).revoke(key_id)
    except ConfigError as error:
        fail(error)
    say(f"revoked {key_id}")
