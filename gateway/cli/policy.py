# SPDX-License-Identifier: Apache-2.0
"""`nearward policy`: the rules in force, what they mean, and proofs and tests of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.terminal import ConfigOption, fail, read_records, read_settings, say, write_json
from policies import PackSource, Policy, PolicyError
from policies.pack import Pack

if TYPE_CHECKING:
    from gateway.rules import Rules
    from gateway.settings import Settings

app = typer.Typer(
    no_args_is_help=True,
    help=(
        "The rules that say where data may go: read them, test them, prove them.\n\n"
        "A policy is one or more packs of rules over your destinations. A destination is allowed "
        "when every pack permits it and none forbids it, so that a pack more can only tighten.\n\n"
        "Is it whole:       nearward policy check\n\n"
        "What does it say:  nearward policy explain --pack hipaa\n\n"
        "Does it do that:   nearward policy test, then nearward policy prove\n\n"
        "What if:           nearward policy simulate --candidate stricter.yaml"
    ),
)

PackOption = Annotated[
    list[str] | None,
    typer.Option(
        "--pack",
        "-p",
        help="A built-in pack by name, or a pack file; may be repeated. Default: the configured.",
    ),
]
_EFFECTS = {
    "permit": "may go",
    "forbid": "stays on the device",
    "oblige": "is owed more care",
    "block": "is answered by nobody",
    "queue": "has to wait",
    "approve": "needs approval",
}


@app.command()
def check(config: ConfigOption = None) -> None:
    """Load the configured packs over the configured destinations, and print what they are.

    Refuses, with file and line: unknown keys and values, rules that can
    never hold or that others always override, rules that give a more
    sensitive request more, and names of destinations that there are not.
    """
    rules = _rules_of(read_settings(config, 1))
    policy = rules.policy
    for pack in policy.packs:
        _say_pack(pack)
    for tenant, own in rules.tenants.items():
        say(f"for the tenant {tenant} besides ({own.policy.hash}):")
        for pack in own.policy.packs[len(policy.packs) :]:
            _say_pack(pack)
    say(f"destinations: {', '.join(d.name for d in policy.destinations)}")
    for there in policy.destinations:
        if there.baa and not there.baa.extends_to(there.models, there.features):
            say(
                f"note: the BAA of {there.name} leaves out a model or feature, so it covers nothing"
            )
    for note in rules.notes:
        say(f"note: {note}")
    say(policy.hash)


@app.command("test")
def test_packs(
    config: ConfigOption = None,
    packs: PackOption = None,
    junit: Annotated[
        Path | None, typer.Option(help="Also write the results as JUnit XML, for a CI server.")
    ] = None,
) -> None:
    """Run the tests that each pack brings along; exit 1 when one comes out otherwise.

    A test in a pack says: this request may reach this destination, or not,
    and for which reason. Each pack is tested on its own.
    """
    from gateway.cli.junit import write_junit
    from policies.cases import run_cases

    results = run_cases(Policy.of(_packs(packs, config), []))
    for result in results:
        say(f"{'ok    ' if result.passed else 'FAILED'} {result.pack}: {result.name}")
        if not result.passed:
            say(f"       line {result.line}: {result.difference}")
    failed = sum(not r.passed for r in results)
    say(f"{len(results) - failed} passed, {failed} failed")
    if junit is not None:
        write_junit(junit, results)
    if failed:
        raise typer.Exit(1)


@app.command()
def prove(config: ConfigOption = None, packs: PackOption = None) -> None:
    """Prove the theorems of each pack, in two ways; exit 1 with a counterexample when one fails.

    A theorem says what can never leave. The first way tries every request
    and destination that the rules can tell apart, through the same code that
    decides requests. The second gives the rules to a solver (z3, from the
    extra `prove`) as formulas. A theorem that holds of a pack holds of every
    policy with that pack in it.
    """
    from policies.prove import prove as prove_pack

    reports = [prove_pack(pack) for pack in _packs(packs, config)]
    for report in reports:
        for line in report.in_words():
            say(line)
    failed = sum(not proof.holds for report in reports for proof in report.proofs)
    say(f"{sum(len(r.proofs) for r in reports) - failed} proved, {failed} failed")
    if failed:
        raise typer.Exit(1)


@app.command()
def explain(config: ConfigOption = None, packs: PackOption = None) -> None:
    """Print what each pack says, rule by rule, in English, with the law that it rests on.

    For the decision about one request see `nearward explain`.
    """
    from policies.rules import describe

    for pack in _packs(packs, config):
        say(f"{pack.name} (version {pack.version}): {pack.description}")
        for rule in pack.rules:
            say()
            say(f"{pack.name}/{rule.id}: {rule.description}")
            say(f"  {_EFFECTS[rule.effect]} when {describe(rule.when)}")
            if rule.obligations:
                say(f"  owed: {', '.join(sorted(rule.obligations))}")
            say(f"  law: {rule.citation}")
        say()
        say(f"Whatever no rule lets go stays on the device ({pack.otherwise}).")
        for theorem in pack.theorems:
            say(f"theorem {theorem.id}: {theorem.says}")


@app.command()
def simulate(
    candidate: Annotated[
        list[Path],
        typer.Option(
            help="A pack file. It takes the place of the configured pack of its name, or is added."
        ),
    ],
    records: Annotated[
        Path | None,
        typer.Option(
            help="JSON lines of audit records or of facts and findings. Default: the log."
        ),
    ] = None,
    config: ConfigOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Decide recorded requests again under a candidate policy, and print what would change.

    No prompt is needed: a decision rests on classes, kinds, counts and names,
    and those are what is recorded. A line of a file of your own is
    {"facts": {...}, "findings": {...}}, with the keys of tests in packs.
    """
    from gateway.cli.simulation import as_table
    from gateway.simulating import as_data
    from gateway.simulating import simulate as run

    settings = read_settings(config, 1)
    current = _rules_of(settings).in_force
    sources = [_source(str(path)) for path in candidate]
    try:
        difference = run(current, sources, _recorded(records, settings))
    except PolicyError as error:
        fail(error, 1)
    if as_json:
        write_json(as_data(difference))
        return
    for line in as_table(difference):
        say(line)


def _rules_of(settings: Settings) -> Rules:
    from gateway.config_file import ConfigError
    from gateway.rules import make_rules

    try:
        return make_rules(settings)
    except ConfigError as error:
        fail(error, 1)


def _say_pack(pack: Pack) -> None:
    tests = f"{len(pack.theorems)} theorems, {len(pack.cases)} tests"
    say(f"{pack.name}: {len(pack.rules)} rules, {tests}")


def _packs(names: list[str] | None, config: ConfigOption) -> tuple[Pack, ...]:
    from policies import load_policy

    if not names:
        rules = _rules_of(read_settings(config, 1))
        every = [rules, *rules.tenants.values()]
        return tuple({pack.name: pack for own in every for pack in own.policy.packs}.values())
    try:
        return load_policy([_source(name) for name in names], []).packs
    except PolicyError as error:
        fail(error, 1)


def _source(name: str) -> PackSource:
    from policies import builtin_pack

    path = Path(name)
    try:
        if path.suffix in {".yaml", ".yml"}:
            return PackSource(name, path.read_bytes())
        return builtin_pack(name)
    except OSError as error:
        fail(f"{name}: cannot be read ({error.strerror})", 1)
    except PolicyError as error:
        fail(error, 1)


def _recorded(records: Path | None, settings: Settings) -> Iterator[tuple[str, int, object]]:
    """(file, line, record) of the file, or of all segments of the audit log."""
    from gateway.records.segment import workers
    from gateway.simulating import recorded

    if records is None:
        directory = settings.state_dir / "audit"
        if not directory.is_dir() or not workers(directory):
            fail("there is no audit log here yet; name a file with --records", 1)
        yield from recorded(directory)
        return
    for line, record in read_records(records):
        yield str(records), line, record
