# SPDX-License-Identifier: Apache-2.0
"""`nearward serve`."""

from __future__ import annotations

import datetime
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.terminal import ConfigOption, fail, say

if TYPE_CHECKING:  # commands import what they need when they run
    from gateway.settings import Settings


def serve(
    config: ConfigOption = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.", min=0, max=65535)] = None,
    workers: Annotated[int | None, typer.Option(help="Gateway processes.", min=1, max=64)] = None,
) -> None:
    """Run the gateway with its on-device engine.

    Without a config the hipaa policy applies and only the device answers. See deploy/examples
    for configs with cloud destinations.
    """
    from gateway import serving
    from gateway.config_file import ConfigError
    from gateway.engine_program import engine_command
    from gateway.model_file import check_model_files
    from gateway.records import logs
    from gateway.records.audit import AuditBusy
    from gateway.settings import find_config, load_settings

    given = {"host": host, "port": port, "workers": workers}
    chosen = {k: v for k, v in given.items() if v is not None}

    def load() -> Settings:
        settings = load_settings(config)
        server = settings.server.model_copy(update=chosen)
        return settings.model_copy(update={"server": server})

    try:
        settings = load()
        logs.configure(settings.log.level, as_json=not sys.stderr.isatty())
        if settings.device.enabled:
            engine_command(settings)
            check_model_files(settings)
        with serving.listen(settings) as listener:
            _serve_on(listener, settings, load, find_config(config))
    except (ConfigError, AuditBusy) as error:
        fail(error)
    except OSError as error:
        fail(f"{error.filename or 'start'}: {error.strerror}")


def _serve_on(
    listener: socket.socket, settings: Settings, load: Callable[[], Settings], config: Path | None
) -> None:
    """Serve until told to stop. The first key is kept, and all is said, once nothing can fail."""
    import uvloop

    from gateway import serving

    first = serving.first_key(settings, datetime.datetime.now(datetime.UTC).isoformat())

    def announce() -> None:
        if first is not None:
            first.keep(settings)
        greet(settings, listener.getsockname()[1], first.secret if first is not None else "")

    if settings.server.workers > 1:
        uvloop.run(serving.serve_workers(settings, listener, announce, config))
        return

    def admitting() -> Settings:
        return load() if first is None else first.admitted(load())

    uvloop.run(serving.serve_here(admitting(), listener, announce, config, admitting))


def greet(settings: Settings, port: int, secret: str) -> None:
    """Say where the gateway listens and how to try it; `secret` is the key of a first start."""
    host = settings.server.host
    address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    shown = secret or ("$NEARWARD_API_KEY" if os.environ.get("NEARWARD_API_KEY") else "<your key>")
    say(f"nearward listens on {address}  (policy: {', '.join(settings.policy.packs) or 'none'})")
    if secret:
        say(f"API key, shown this once: {secret}")
    elif settings.api_key is None:
        say("API key: the one shown at the first start; for another: nearward keys new NAME")
    say("Try it:")
    say(f'  curl {address}/v1/chat/completions -H "Authorization: Bearer {shown}" \\')
    say("    -H 'content-type: application/json' \\")
    say('    -d \'{"model": "auto", "messages": [{"role": "user", "content": "Hello"}]}\'')
    sys.stdout.flush()
