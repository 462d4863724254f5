# SPDX-License-Identifier: Apache-2.0
"""`nearward policy`: the rules in force, and their own examples as tests."""

from __future__ import annotations

import typer

from gateway.cli.terminal import ConfigOption, fail, say
from policies import Policy

app = typer.Typer(no_args_is_help=True, help="The rules that say where data may go.")


@app.command()
def check(config: ConfigOption = None) -> None:
    """Load the configured packs over the configured destinations and print what they are."""
    policy = _policy(config)
    for pack in policy.packs:
        say(f"{pack.name}: {len(pack.rules)} rules")
    say(f"destinations: {', '.join(d.name for d in policy.destinations)}")
    say(policy.hash)


@app.command("test")
def test_packs(config: ConfigOption = None) -> None:
    """Run the examples that each pack brings along; exit 1 when one comes out otherwise."""
    from policies.cases import run_cases

    results = run_cases(_policy(config))
    for result in results:
        say(f"{'ok    ' if result.passed else 'FAILED'} {result.pack}: {result.name}")
    failed = sum(not r.passed for r in results)
    say(f"{len(results) - failed} passed, {failed} failed")
    if failed:
        raise typer.Exit(1)


def _policy(config: ConfigOption) -> Policy:
    from gateway.bootstrap import make_policy
    from gateway.config_file import ConfigError
    from gateway.settings import load_settings

    try:
        return make_policy(load_settings(config))
    except ConfigError as error:
        fail(error, 1)
