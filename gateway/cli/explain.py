# SPDX-License-Identifier: Apache-2.0
"""`nearward explain`: the decision for one chat request, with nothing sent anywhere."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.terminal import ConfigOption, InputArgument, fail, read_bytes, say


def explain(  # noqa: PLR0917  one parameter for each option
    source: InputArgument = Path("-"),
    config: ConfigOption = None,
    header: Annotated[
        list[str] | None, typer.Option("--header", "-H", help="A request header, as name=value.")
    ] = None,
    key: Annotated[
        str, typer.Option("--key", help="Ask as the owner of the key with this id.")
    ] = "",
    tenant: Annotated[
        str, typer.Option("--tenant", help="Ask as somebody of this tenant, under its packs.")
    ] = "",
    session: Annotated[
        str, typer.Option("--session", help="As a part of this session, with what it carried.")
    ] = "",
    is_approved: Annotated[
        bool, typer.Option("--approved", help="Suppose that a person approved the request.")
    ] = False,
) -> None:
    """Say where one OpenAI chat request may go, where it would go, and why.

    Reads the request as JSON, prints the decision as JSON: by the gateway's
    own code, and with what a running gateway remembers of the session and of
    approvals (these are a key's own: give --key). Nothing is sent anywhere,
    and nothing is remembered. `expected` has what the answer's headers would
    say. The device is taken to be ready, with the context that the config
    gives it.
    """
    from gateway.config_file import ConfigError
    from gateway.errors import GatewayError
    from gateway.explaining import Asker, explain_offline
    from gateway.settings import load_settings

    headers = _headers(header or [])
    if session:
        headers.append((b"x-nearward-session", session.encode()))
    asker = Asker(key, tenant, is_approved)
    try:
        settings = load_settings(config)
        answer = asyncio.run(explain_offline(settings, read_bytes(source), headers, asker))
    except ConfigError as error:
        fail(error)
    except GatewayError as error:
        fail(f"{error.code}: {error.message}", 1)
    say(answer.decode())


def _headers(given: list[str]) -> list[tuple[bytes, bytes]]:
    headers = []
    for item in given:
        name, separator, value = item.partition("=")
        if not separator:
            fail(f"--header {name}: write it as name=value")
        headers.append((name.strip().lower().encode(), value.strip().encode()))
    return headers
