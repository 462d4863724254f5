# SPDX-License-Identifier: Apache-2.0
"""`nearward keys`: make, list and revoke API keys. A running gateway reads them at its start."""

from __future__ import annotations

import datetime
from typing import Annotated

import typer

from gateway.cli.terminal import ConfigOption, fail, say

app = typer.Typer(no_args_is_help=True, help="API keys: only their hashes are stored.")


@app.command("new")
def new(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="A name for the key's user.")],
    tenant: Annotated[str, typer.Option(help="Whose data this key works with.")] = "default",
    role: Annotated[str, typer.Option(help="user, admin or auditor.")] = "user",
    may_break_glass: Annotated[
        bool, typer.Option("--may-break-glass", help="May claim an emergency, with a reason.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Make a key and print it, this once. Restart the gateway to admit it."""
    import re

    from gateway.config_file import ConfigError
    from gateway.settings import load_settings
    from gateway.state.keys import KeyFile, StoredKey, digest_of, new_secret

    for what, value in (("ID", key_id), ("--tenant", tenant)):
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", value):
            fail(f"{what}: use letters, digits, dot, dash and underscore, 64 at most")
    if role not in {"user", "admin", "auditor"}:
        fail("--role: user, admin or auditor")
    secret = new_secret()
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    try:
        store = KeyFile(load_settings(config).state_dir)
        store.add(StoredKey(key_id, digest_of(secret), tenant, role, now, may_break_glass))
    except ConfigError as error:
        fail(error)
    say(secret)


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
