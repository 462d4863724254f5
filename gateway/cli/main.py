# SPDX-License-Identifier: Apache-2.0
"""The command tree. Each command imports what it needs when it runs: --help must be instant."""

from __future__ import annotations

import sys

import typer

from gateway.cli import (
    approvals,
    audit,
    bench,
    classify,
    explain,
    inspect,
    keys,
    model,
    policy,
    serve,
)

app = typer.Typer(
    name="nearward",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help=(
        "A drop-in LLM gateway: answers on the device when it can, in the cloud when it must, "
        "and never sends protected data where policy forbids.\n\n"
        "Start:      nearward serve\n\n"
        "Check:      nearward check --config nearward.yaml\n\n"
        "Ask why:    nearward explain request.json\n\n"
        "Prove it:   nearward audit verify"
    ),
)
app.command()(serve.serve)
app.command()(inspect.check)
app.command()(classify.classify)
app.command()(explain.explain)
app.command()(inspect.device)
app.command()(inspect.doctor)
app.command()(approvals.approve)
app.add_typer(approvals.app, name="approvals")
app.add_typer(keys.app, name="keys")
app.add_typer(audit.app, name="audit")
app.add_typer(policy.app, name="policy")
app.add_typer(model.app, name="model")
app.add_typer(classify.complexity, name="complexity")
app.add_typer(bench.app, name="bench")


def main() -> None:
    """Entry point of the console script."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(141)
