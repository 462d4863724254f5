# SPDX-License-Identifier: Apache-2.0
"""`nearward explain`: the decision for one chat request, with nothing sent anywhere."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.terminal import ConfigOption, InputArgument, fail, read_bytes, say


def explain(
    source: InputArgument = Path("-"),
    config: ConfigOption = None,
    header: Annotated[
        list[str] | None, typer.Option("--header", "-H", help="A request header, as name=value.")
    ] = None,
) -> None:
    """Say where one OpenAI chat request may go, where it would go, and why.

    Reads the request as JSON, prints the decision as JSON. The device is
    taken to be ready, with the context that the config gives it.
    """
    from gateway.config_file import ConfigError
    from gateway.errors import GatewayError
    from gateway.explaining import explain_offline
    from gateway.settings import load_settings

    headers = []
    for item in header or []:
        name, separator, value = item.partition("=")
        if not separator:
            fail(f"--header {name}: write it as name=value")
        headers.append((name.strip().lower().encode(), value.strip().encode()))
    try:
        answer = asyncio.run(explain_offline(load_settings(config), read_bytes(source), headers))
    except ConfigError as error:
        fail(error)
    except GatewayError as error:
        fail(f"{error.code}: {error.message}", 1)
    say(answer.decode())
