# SPDX-License-Identifier: Apache-2.0
"""The alerts in deploy/prometheus speak of metrics and labels that the gateway has.

`promtool check rules` and the unit tests below it run where promtool is on the path.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from gateway.break_glass import Outcome
from gateway.records.metrics import Metrics

RULES = Path(__file__).parents[2] / "deploy/prometheus/nearward.rules.yaml"
_METRIC = re.compile(r"\bnearward_\w+")
_LABELS = re.compile(r"by \(([^)]*)\)")
_MATCHED = re.compile(r"[{,](\w+)[!=]")
_PROMETHEUS_OWN = {"instance"}
MUST_WATCH = {
    "nearward_policy_reload_failed",
    "nearward_audit_healthy",
    "nearward_audit_dropped_total",
    "nearward_break_glass_total",
    "nearward_audit_anchors_failing",
    "nearward_breaker_open",
}
_CASES = """\
rule_files: [{rules}]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - {{series: 'nearward_policy_reload_failed{{instance="a"}}', values: '0 1 1 1 1 1'}}
      - {{series: 'nearward_audit_healthy{{instance="a",worker="0"}}', values: '1 1 1 0 0 0'}}
      - {{series: 'nearward_break_glass_total{{instance="a",outcome="used"}}', values: '0 0 1 1'}}
      - {{series: 'nearward_audit_healthy{{instance="b"}}', values: '1x6'}}
    alert_rule_test:
      - {{eval_time: 1m, alertname: NearwardPolicyFileRefused, exp_alerts: []}}
      - eval_time: 3m
        alertname: NearwardBreakGlassUsed
        exp_alerts: [{{exp_labels: {{severity: critical, instance: a}}}}]
      - eval_time: 4m
        alertname: NearwardAuditUnhealthy
        exp_alerts: [{{exp_labels: {{severity: critical, instance: a}}}}]
"""


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def labels_of_metrics() -> dict[str, set[str]]:
    """The name of each sample that the gateway can show, and its labels."""
    collectors: dict[str, Any] = Metrics().registry._names_to_collectors
    return {name: set(collector._labelnames) for name, collector in collectors.items()}


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: str(rule["alert"]))
def test_an_alert_speaks_of_what_there_is(rule: dict[str, Any]) -> None:
    """A metric or label that was renamed would make an alert silent for ever."""
    known, expression = labels_of_metrics(), rule["expr"]
    (name,) = _METRIC.findall(expression)
    wanted = {label.strip() for part in _LABELS.findall(expression) for label in part.split(",")}
    wanted |= set(_MATCHED.findall(expression))

    assert name in known
    assert wanted <= known[name] | _PROMETHEUS_OWN
    assert rule["labels"]["severity"] in {"warning", "critical"}
    assert rule["annotations"]["summary"]


def test_what_a_compliance_officer_has_to_hear_of_is_watched() -> None:
    """Policy, audit, emergencies, anchors, destinations."""
    watched = {name for rule in alerts() for name in _METRIC.findall(rule["expr"])}

    assert watched >= MUST_WATCH
    assert "used" in get_args(Outcome)  # the one that the critical alert is about


def test_promtool_agrees(tmp_path: Path) -> None:
    """Syntax, and that the alerts fire when they should and not before."""
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("no promtool on the path; Debian: apt-get install prometheus")
    cases = tmp_path / "cases.yaml"
    cases.write_text(_CASES.format(rules=_without_texts(tmp_path)))
    for command in (["check", "rules", str(RULES)], ["test", "rules", str(cases)]):
        done = subprocess.run([promtool, *command], check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def _without_texts(directory: Path) -> Path:
    """The alerts without annotations, which a unit test would have to repeat."""
    rules = yaml.safe_load(RULES.read_text())
    for group in rules["groups"]:
        for rule in group["rules"]:
            del rule["annotations"]
    path = directory / "rules.yaml"
    path.write_text(yaml.safe_dump(rules))
    return path
