# SPDX-License-Identifier: Apache-2.0
"""policy and bench on the command line: proofs, tests, explanations, simulations."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from gateway.cli import policy_bench
from tests.gateway.cli.conftest import failed, run

LOOSE = """\
pack: open
version: "1"
description: everything may go
rules:
  - {id: all, effect: allow, when: {}, reason: permitted, description: d, citation: c}
theorems:
  - {id: secrets, says: Secrets stay., never: {data_class: secret}}
tests:
  - {name: secrets stay, findings: {data_class: secret}, allow: false, verdict: local_only}
  - {name: clean text may go, findings: {data_class: public}, allow: true}
"""


@pytest.fixture
def loose(tmp_path: Path) -> Path:
    """A pack that lets everything go, secrets included."""
    path = tmp_path / "loose.yaml"
    path.write_text(LOOSE)
    return path


def test_prove_lists_theorems_in_words_with_both_verdicts() -> None:
    """Each theorem of each pack that was named, and how many were proved."""
    result = run("policy", "prove", "--pack", "hipaa", "-p", "open")

    assert result.exit_code == 0, result.output
    assert "hipaa: 903,168 cases tried; z3" in result.stdout
    assert "proved  no-phi-without-baa: What was stated or found to be" in result.stdout
    assert "[by trying: yes, by z3: yes]" in result.stdout
    assert "21 proved, 0 failed" in result.stdout


def test_prove_gives_a_counterexample_and_fails(loose: Path) -> None:
    """Exit 1, and the request, what rules see of it, and the rule that let it go."""
    result = run("policy", "prove", "--pack", loose)

    assert result.exit_code == 1
    assert "FAILED  secrets: Secrets stay. [by trying: NO, by z3: NO]" in result.stdout
    assert "request   detected secret; declared nothing;" in result.stdout
    assert "let by    open/all" in result.stdout


def test_prove_without_a_solver(monkeypatch: pytest.MonkeyPatch, config: Path) -> None:
    """Trying stands alone, and the output says so."""
    monkeypatch.setattr("policies.prove.find_spec", lambda _: None)
    result = run("policy", "prove", "--config", config)

    assert result.exit_code == 0
    assert "no z3 (install nearward[prove]), trying alone" in result.stdout


def test_test_says_what_came_out_otherwise(loose: Path, tmp_path: Path) -> None:
    """With line, expectation and outcome, on the terminal and as JUnit XML."""
    junit = tmp_path / "junit.xml"
    result = run("policy", "test", "--pack", loose, "--pack", "part2", "--junit", junit)
    suites = ElementTree.parse(junit).getroot()  # noqa: S314  our own file

    assert result.exit_code == 1
    said = "line 9: expected allowed false, got true; expected verdict local_only, got allow"
    assert f"FAILED open: secrets stay\n       {said}\n" in result.stdout
    assert "8 passed, 1 failed" in result.stdout
    assert [(s.get("name"), s.get("tests"), s.get("failures")) for s in suites] == [
        ("open", "2", "1"),
        ("part2", "7", "0"),
    ]
    assert [f.get("message") for f in suites.iter("failure")] == [said]


def test_junit_that_cannot_be_written(tmp_path: Path) -> None:
    """One line, no traceback."""
    result = run("policy", "test", "--pack", "open", "--junit", tmp_path)

    assert result.exit_code == 2
    assert "cannot be written" in result.stderr


def test_explain_reads_as_english() -> None:
    """Rules, obligations, law, theorems and what happens otherwise."""
    text = run("policy", "explain", "--pack", "hipaa").stdout

    assert "hipaa (version 1): For covered entities" in text
    assert "hipaa/no-training: Nothing confidential goes" in text
    assert "  stays on the device when the data class is confidential or" in text
    assert "  owed: record\n" in text
    assert "  law: 45 CFR 164.502(b)" in text
    assert "Whatever no rule lets go stays on the device (phi_stays_on_device)." in text
    assert "theorem no-phi-without-baa: What was stated or found to be health" in text


@pytest.mark.parametrize(
    ("name", "message"),
    [("hippa", "no such built-in pack"), ("none.yaml", "none.yaml: cannot be read")],
)
def test_a_pack_that_is_not_there(name: str, message: str) -> None:
    """The names that there are, or the file."""
    for command in ("prove", "test", "explain"):
        failed(run("policy", command, "--pack", name), 1, message)


def test_a_pack_file_that_is_wrong(loose: Path) -> None:
    """File, line and what was expected."""
    loose.write_text(LOOSE.replace("effect: allow", "effect: alow"))

    failed(run("policy", "prove", "--pack", loose), 1, f"{loose}:5: unknown effect 'alow'")


def test_check_notes_an_agreement_that_covers_nothing(config: Path) -> None:
    """A BAA that leaves out a model is legal to configure, and worth a word."""
    baa = "    baa: {id: b, expires: 2027-01-01, scope: [chat], models: [other]}\n"
    config.write_text(config.read_text() + baa)
    text = run("policy", "check", "--config", config).stdout

    assert "open: 3 rules, 3 theorems, 6 tests" in text
    assert "note: the BAA of c1 leaves out a model or feature, so it covers nothing" in text


def test_check_names_the_keys_that_may_relax(config: Path) -> None:
    """What they declare lower is what some theorems leave out."""
    keys = f"keys: [{{id: desk, hash: 'sha256:{'0' * 64}', may_relax: [pii, confidential]}}]\n"
    config.write_text(config.read_text() + keys)
    text = run("policy", "check", "--config", config).stdout

    assert "note: the key desk may declare lower what was found to be pii, or below\n" in text


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """Two requests of one kind, one of another, and a line that is no decision."""
    path = tmp_path / "records.jsonl"
    secret = {"findings": {"data_class": "secret"}, "facts": {"tenant": "acme"}}
    clean = {"findings": {"data_class": "public"}}
    lines = [secret, {"features": secret}, clean, {"event": "outcome"}]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_simulate_prints_what_would_change(config: Path, loose: Path, records: Path) -> None:
    """A table with the most frequent change first, and the sum."""
    arguments = ["policy", "simulate", "--candidate", loose, "--records", records]
    lines = run(*arguments, "--config", config).stdout.splitlines()

    assert lines[0].split() == "requests class verdict opens closes obligations reason".split()
    assert lines[1].split()[:6] == ["2", "secret", "local_only", "->", "allow", "c1"]
    assert lines[2] == "3 requests: 2 would change, 2 would reach more"
    data = json.loads(run(*arguments, "--config", config, "--json").stdout)
    assert (data["requests"], data["changed"], data["opened"], data["missing"]) == (3, 2, 2, {})
    assert data["changes"][0]["opened"] == ["c1"]
    assert data["changes"][0]["reasons"] == ["secret_stays_on_device", "permitted"]


def test_simulate_reads_the_audit_log(config: Path, loose: Path, state_dir: Path) -> None:
    """By default; what its records lack is named. A pack of another name is added."""
    audit = state_dir / "audit"
    audit.mkdir(parents=True)
    record = {"event": "intent", "class": "pii", "detected": "pii", "kinds": ["NAME"]}
    (audit / "0-00000001.jsonl").write_text(json.dumps(record) + "\n")
    loose.write_text(
        LOOSE.replace("pack: open", "pack: mine").replace("effect: allow", "effect: block")
    )
    result = run("policy", "simulate", "--candidate", loose, "--config", config)

    assert "1 requests: 1 would change, 0 would reach more" in result.stdout
    assert "the records lack approved, break_glass, declared_class" in result.stdout
    assert "allow -> block" in result.stdout


def test_simulate_says_what_no_record_can_tell(config: Path, loose: Path, records: Path) -> None:
    """A purpose that no rule named was written down as `other`: a new rule about it sees none."""
    facts = {"purpose": "other"}
    records.write_text(json.dumps({"findings": {"data_class": "public"}, "facts": facts}) + "\n")
    rule = (
        "  - {id: no, effect: forbid, when: {purpose: research}, reason: purpose_refused,"
        " description: d, citation: c}\n"
    )
    loose.write_text(LOOSE.replace("theorems:", f"{rule}theorems:"))
    arguments = ["policy", "simulate", "--candidate", loose, "--records", records]
    result = run(*arguments, "--config", config, "--json")
    assert result.exit_code == 0, result.stderr
    data = json.loads(result.stdout)

    assert (data["changed"], data["missing"]) == (0, {"purpose": 1})


def test_simulate_with_nothing_to_read(config: Path, loose: Path) -> None:
    """No log, and no file named."""
    result = run("policy", "simulate", "--candidate", loose, "--config", config)

    failed(result, 1, "there is no audit log here yet; name a file with --records")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"findings": {"data_class": "x"}}\n', ":1: unknown class 'x'"),
        ('{"event": "outcome"}\nnothing\n', ":2: not a JSON object"),
    ],
)
def test_simulate_over_records_that_are_none(
    config: Path, loose: Path, records: Path, text: str, message: str
) -> None:
    """File and line of the first."""
    records.write_text(text)
    arguments = ("--candidate", loose, "--records", records, "--config", config)
    result = run("policy", "simulate", *arguments)

    assert result.exit_code in (1, 2)
    assert f"{records}{message}" in result.stderr


def test_bench_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures for a reader, then one JSON line; without cedarpy ours alone."""
    monkeypatch.setattr(policy_bench, "_ROUNDS", 1)
    monkeypatch.setattr(policy_bench, "_OURS", 10)
    monkeypatch.setattr(policy_bench, "find_spec", lambda _: None)
    result = run("bench", "policy")
    figures = json.loads(result.stdout.splitlines()[-1])

    assert (figures["destinations"], figures["decide_calls"]) == (20, 10)
    assert 0 < figures["decide_p50_us"] <= figures["decide_p99_us"]
    assert "cedar_all_p50_us" not in figures
