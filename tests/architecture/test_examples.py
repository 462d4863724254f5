# SPDX-License-Identifier: Apache-2.0
"""The configurations that we ship can be used as they are."""

from pathlib import Path

import pytest

from gateway.bootstrap import make_planner, make_policy
from gateway.settings import load_settings
from tests.architecture.source import ROOT

EXAMPLES = sorted((ROOT / "deploy" / "examples").glob("*.yaml"))
KEYS = {"CLOUD_KEY": "k", "CLOUD_EU_KEY": "k", "ONPREM_KEY": "k"}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_example_makes_settings_policy_and_routes(example: Path) -> None:
    """Each example parses without unknown keys, and its policy and its aliases hold together."""
    settings = load_settings(example, KEYS)

    policy = make_policy(settings)
    make_planner(settings)

    assert policy is not None


def test_hospital_sidecar_has_nowhere_to_send() -> None:
    """The sidecar listens on loopback, knows no destination and presumes health information."""
    settings = load_settings(ROOT / "deploy" / "examples" / "hospital-sidecar.yaml", {})

    assert settings.server.host == "127.0.0.1"
    assert settings.destinations == []
    assert settings.policy.default_class == "phi"
