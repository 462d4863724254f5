# SPDX-License-Identifier: Apache-2.0
"""`python -m gateway.worker FD NUMBER`: one worker of `nearward serve --workers N`."""

from __future__ import annotations

import socket
import sys

import uvloop

from gateway.config_file import ConfigError
from gateway.records import logs
from gateway.records.audit import AuditBusy
from gateway.serving import CONFIG_FAULT, serve_worker
from gateway.settings import load_settings


def main(arguments: list[str]) -> int:
    """Serve on an inherited socket until told to stop."""
    try:
        settings = load_settings()
        logs.configure(settings.log.level)
        listener = socket.socket(fileno=int(arguments[0]))
        uvloop.run(serve_worker(settings, listener, int(arguments[1])))
    except (ConfigError, AuditBusy) as error:
        sys.stderr.write(f"nearward: {error}\n")
        return CONFIG_FAULT
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
