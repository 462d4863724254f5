# SPDX-License-Identifier: Apache-2.0
"""The `nearward` command."""

from gateway.cli.main import main

__all__ = ["main"]
