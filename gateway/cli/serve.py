# SPDX-License-Identifier: Apache-2.0
"""`nearward serve`."""

from __future__ import annotations

import datetime
import sys
from typing import Annotated

import typer

from gateway.cli.terminal import ConfigOption, fail, say


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
    import uvloop

    from gateway import serving
    from gateway.config_file import ConfigError
    from gateway.model_file import check_model_file
    from gateway.records import logs
    from gateway.records.audit import AuditBusy
    from gateway.settings import load_settings

    try:
        settings = load_settings(config)
        chosen = {"host": host, "port": port, "workers": workers}
        server = settings.server.model_copy(
            update={k: v for k, v in chosen.items() if v is not None}
        )
        settings = settings.model_copy(update={"server": server})
        logs.configure(settings.log.level, as_json=not sys.stderr.isatty())
        if settings.device.enabled:
            serving.engine_arguments(settings)
            check_model_file(settings)
        with serving.listen(settings) as listener:
            secret = serving.first_key(settings, datetime.datetime.now(datetime.UTC).isoformat())
            greet(settings, listener.getsockname()[1], secret)
            if settings.server.workers == 1:
                uvloop.run(serving.serve_here(settings, listener))
            else:
                uvloop.run(serving.serve_workers(settings, listener, config))
    except (ConfigError, AuditBusy) as error:
        fail(error)
    except OSError as error:
        fail(f"{error.filename or 'start'}: {error.strerror}")


def greet(settings: object, port: int, secret: str | None) -> None:
    """Say where the gateway listens and how to try it."""
    from gateway.settings import Settings

    assert isinstance(settings, Settings)
    host = settings.server.host
    address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    shown = secret or ("$NEARWARD_API_KEY" if settings.api_key else "<your key>")
    say(f"nearward listens on {address}  (policy: {', '.join(settings.policy.packs) or 'none'})")
    if secret:
        say(f"API key, shown this once: {secret}")
    elif settings.api_key is None:
        say("API key: the one shown at the first start; for another: nearward keys new NAME")
    say("Try it:")
    say(f"  curl {address}/v1/chat/completions -H 'Authorization: Bearer {shown}' \\")
    say("    -H 'content-type: application/json' \\")
    say('    -d \'{"model": "auto", "messages": [{"role": "user", "content": "Hello"}]}\'')
    sys.stdout.flush()
