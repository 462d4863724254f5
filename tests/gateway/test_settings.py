# SPDX-License-Identifier: Apache-2.0
"""Settings: defaults, the file, the environment over it, and one clear line for every fault."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from gateway.config_file import ConfigError
from gateway.settings import Settings, find_config, load_settings, xdg
from policies import DataClass, Tier

HASH = "sha256:" + "a" * 64
DESTINATION = """destinations:
  - name: cloud-eu
    tier: cloud
    base_url: https://api.example.eu/v1
    models: {gpt-4o-mini: gpt-4o-mini}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "nearward.yaml"


def load(path: Path, text: str) -> Settings:
    path.write_text(text)
    return load_settings(path)


def fault(path: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(path, text)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_defaults_without_a_file() -> None:
    """Without file and environment the gateway is local, under hipaa, on loopback."""
    settings = load_settings()

    assert (settings.server.host, settings.server.port) == ("127.0.0.1", 8400)
    assert settings.policy.packs == ["hipaa"]
    assert settings.destinations == []
    assert settings.device.enabled
    assert settings.state_dir == Path(os.environ["XDG_STATE_HOME"]) / "nearward"


def test_the_documented_config_parses(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The example of the design document is accepted, word for word."""
    monkeypatch.setenv("CLOUD_EU_KEY", "sk-hidden-canary")
    settings = load(
        path,
        f"""
server: {{host: 127.0.0.1, port: 8400, workers: 1}}
keys: [{{id: chatbot, hash: "{HASH}", tenant: acme, roles: [user], may_relax: []}}]
device: {{model: smollm2-135m-instruct-q4_1, threads: auto, gpu_layers: auto}}
policy: {{packs: [hipaa], files: []}}
destinations:
  - name: cloud-eu
    tier: cloud                    # device | onprem | cloud
    kind: openai
    base_url: https://api.example.eu/v1
    api_key: "${{env:CLOUD_EU_KEY}}"
    models: {{gpt-4o-mini: gpt-4o-mini}}
    region: eu-west-1
    jurisdiction: EU
    baa: {{id: BAA-2026-17, expires: 2027-06-30, scope: [chat]}}
    retention: {{zero_data: true, days: 0}}
    trains_on_data: false
    cost: {{input_per_mtok: 0.15, output_per_mtok: 0.60}}
routing: {{profile: balanced, strong_fraction: 0.3}}
aliases: {{gpt-4o: auto}}
state: {{store: memory}}
""",
    )

    (destination,) = settings.destinations
    assert destination.tier is Tier.CLOUD
    assert destination.api_key.get_secret_value() == "sk-hidden-canary"
    assert "canary" not in repr(settings)
    assert settings.policy.default_class is DataClass.INTERNAL


FAULTS = [
    ("server:\n  prot: 1\n", 2, "server.prot: unknown key"),
    ("server:\n  port: 70000\n", 2, "server.port"),
    ("server:\n  port: x\n", 2, "server.port"),
    ("server: 5\n", 1, "server"),
    ("log: {}\nbogus: 1\n", 2, "bogus: unknown key"),
    ("log: {}\n_env_file: /x\n", 2, "_env_file: unknown key"),
    ("_env_prefix: X\n", 1, "_env_prefix: unknown key"),
    ("self: 1\n", 1, "self: unknown key"),
    ("device:\n  threads: 0\n", 2, "device.threads"),
    ("device:\n  model: ../x\n", 2, "device.model"),
    ("device:\n  modle: x\n", 2, "device.modle: unknown key"),
    ("policy:\n  pack: [x]\n", 2, "policy.pack: unknown key"),
    ("policy:\n  default_class: secretive\n", 2, "policy.default_class"),
    ("routing:\n  strong_fraction: 2\n", 2, "routing.strong_fraction"),
    ("routing:\n  x: 2\n", 2, "routing.x: unknown key"),
    ("audit:\n  durability: none\n", 2, "audit.durability"),
    ("audit:\n  x: 1\n", 2, "audit.x: unknown key"),
    ("state:\n  store: mongodb://x\n", 2, "state.store"),
    ("state:\n  x: 1\n", 2, "state.x: unknown key"),
    ("log:\n  level: loud\n", 2, "log.level"),
    ("log:\n  x: 1\n", 2, "log.x: unknown key"),
    ("keys:\n  - id: a\n    hash: sha256:12\n", 3, "keys.0.hash"),
    (f"keys:\n  - id: a\n    hash: {HASH}\n    role: user\n", 4, "keys.0.role: unknown key"),
    (f"keys:\n  - id: a\n    hash: {HASH}\n    may_relax: [phi]\n", 4, "only public, internal"),
    (f"keys:\n  - id: a\n    hash: {HASH}\n    roles: []\n", 4, "keys.0.roles"),
    (f"keys:\n  - {{id: a, hash: {HASH}}}\n  - {{id: a, hash: {HASH}}}\n", 3, "'a' is taken"),
    ("aliases:\n  a: [x]\n", 2, "aliases.a"),
    (DESTINATION + "    x: 1\n", 6, "destinations.0.x: unknown key"),
    (DESTINATION + "    region: [1]\n", 6, "destinations.0.region"),
    (DESTINATION + "    baa: {id: x, expires: soon, scope: [chat]}\n", 6, "baa.expires"),
    (DESTINATION + "    baa: {id: x, expires: 2027-01-01}\n", 6, "baa.scope"),
    (DESTINATION + "    baa:\n      ids: x\n", 6, "baa"),
    (
        DESTINATION + "    baa: {id: x, expires: 2027-01-01, scope: [chat], models: []}\n",
        6,
        "models",
    ),
    (
        DESTINATION + "    baa: {id: x, expires: 2027-01-01, scope: [chat, embedings]}\n",
        6,
        "baa.scope: a scope holds names among: *, chat",
    ),
    (
        DESTINATION + "    retention: {zero_data: true, days: 30}\n",
        6,
        "retention: zero_data: true and days above 0 contradict",
    ),
    ("keys:\n  - {id: a, hash: x, mfa: maybe}\n", 2, "keys.0.hash"),
    ("policy:\n  approval_ttl_s: 1\n", 2, "policy.approval_ttl_s"),
    (
        DESTINATION + "    baa: {id: x, expires: 2027-01-01, scope: [chat], x: 1}\n",
        6,
        "baa.x: unknown",
    ),
    (DESTINATION + "    agreements: [sccs]\n", 6, "must be among: bcr, dpf, dpf_ch, dpf_uk, glba"),
    (DESTINATION + "    retention: {day: 1}\n", 6, "retention.day: unknown key"),
    (DESTINATION + "    cost: {x: 1}\n", 6, "cost.x: unknown key"),
    (DESTINATION + "    timeouts: {connect_s: 0}\n", 6, "timeouts.connect_s"),
    (DESTINATION + "    kind: bedrock\n", 6, "destinations.0.kind"),
    (DESTINATION + "    kind: litellm\n", 2, "must start with one of: anthropic, ollama_chat"),
    (DESTINATION.replace("tier: cloud", "tier: device"), 3, "destinations.0.tier"),
    (DESTINATION.replace("cloud-eu", "device"), 2, "'device' is taken"),
    (DESTINATION.replace("cloud-eu", "a b"), 2, "destinations.0.name"),
    (DESTINATION.replace("{gpt-4o-mini: gpt-4o-mini}", "{}"), 5, "destinations.0.models"),
    *(
        (DESTINATION.replace("https://api.example.eu/v1", url), 4, "destinations.0.base_url")
        for url in (
            "ftp://x",
            "https://u:p@x",
            "https://x?a=1",
            "x",
            "'https://a b'",
            "'https:// '",
        )
    ),
]


@pytest.mark.parametrize(("text", "line", "what"), FAULTS)
def test_faults_name_file_line_and_key(path: Path, text: str, line: int, what: str) -> None:
    """Unknown keys and bad values anywhere are one line with file, line and key."""
    message = fault(path, text)

    assert message.startswith(f"{path}:{line}: ")
    assert what in message


def test_more_faults_are_counted(path: Path) -> None:
    """The first fault is shown, the others are counted."""
    assert "(and 2 more)" in fault(path, "server: {a: 1, b: 2, c: 3}\n")


def test_a_bad_value_is_not_shown(path: Path) -> None:
    """A fault does not print the value: it may be a secret in the wrong place."""
    text = DESTINATION.replace("https://api.example.eu/v1", "sk-hidden-canary")
    assert "canary" not in fault(path, text)
    assert "canary" not in fault(path, "keys: [{id: a, hash: sk-hidden-canary}]")


def test_environment_overrides_the_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable wins over its key and leaves the keys beside it."""
    monkeypatch.setenv("NEARWARD_SERVER__PORT", "9000")
    monkeypatch.setenv("NEARWARD_DEVICE__ENABLED", "false")
    monkeypatch.setenv("NEARWARD_POLICY__PACKS", '["open"]')
    monkeypatch.setenv("NEARWARD_API_KEY", "sk-canary")
    monkeypatch.setenv("NEARWARD_STATE_DIR", "/srv/x")
    settings = load(path, "server: {port: 1, workers: 2}\npolicy: {packs: [hipaa]}\n")

    assert (settings.server.port, settings.server.workers) == (9000, 2)
    assert not settings.device.enabled
    assert settings.policy.packs == ["open"]
    assert settings.state_dir == Path("/srv/x")
    assert settings.api_key is not None
    assert settings.api_key.get_secret_value() == "sk-canary"
    assert "canary" not in repr(settings)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("NEARWARD_PORT", "1"),
        ("NEARWARD_SERVR__PORT", "1"),
        ("NEARWARD_SERVER__PROT", "1"),
        ("NEARWARD_SERVER__PORT", "x"),
        ("NEARWARD_SERVER", "{"),
        ("NEARWARD_KEYS", "nope"),
        ("NEARWARD_", "1"),
    ],
)
@pytest.mark.parametrize("has_file", [True, False])
def test_bad_variables_are_one_clear_line(
    path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, has_file: bool
) -> None:
    """A variable that is no setting, or has a bad value, stops the start and blames no file."""
    monkeypatch.setenv(variable, value)
    path.write_text("server: {workers: 1}\n")

    with pytest.raises(ConfigError) as caught:
        load_settings(path if has_file else None)

    assert str(caught.value).startswith("environment: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["CONFIG", "STATE_DIR", "MODELS_DIR", "API_KEY"])
def test_plain_variables_are_known(name: str, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The documented variables without a section are accepted."""
    path.write_text("log: {level: info}")
    monkeypatch.setenv(f"NEARWARD_{name}", str(path) if name == "CONFIG" else "/srv/x")

    load_settings()


def test_config_is_looked_for_in_order(
    tmp_path: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The named file, then NEARWARD_CONFIG, then XDG; a named one that is missing is an error."""
    assert find_config(path, {"NEARWARD_CONFIG": "/other"}) == path
    assert find_config(None, {"NEARWARD_CONFIG": "/other"}) == Path("/other")
    assert find_config(None, {"NEARWARD_CONFIG": ""}) is None

    place = tmp_path / "nearward" / "nearward.yaml"
    place.parent.mkdir()
    place.write_text("log: {level: debug}")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert find_config(None, {}) == place
    assert load_settings().log.level == "debug"

    with pytest.raises(ConfigError, match="cannot be read"):
        load_settings(path)


def test_xdg_paths_must_be_absolute(monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative XDG directory is ignored, as its specification asks."""
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    assert xdg("STATE", ".local/state") == Path.home() / ".local/state"

    monkeypatch.setenv("XDG_STATE_HOME", "/absolute")
    assert xdg("STATE", ".local/state") == Path("/absolute")


def test_settings_are_frozen() -> None:
    """Nobody changes settings after the start."""
    settings = load_settings()

    with pytest.raises(ValidationError):
        settings.server = settings.server  # type: ignore[misc]
    with pytest.raises(ValidationError):
        settings.server.port = 1  # type: ignore[misc]


def test_gpu_layers_are_a_number_or_auto(tmp_path: Path) -> None:
    """The engine takes as many as fit; more is no fault of the config."""
    path = tmp_path / "n.yaml"
    path.write_text("device:\n  gpu_layers: -1\n")
    with pytest.raises(ConfigError, match=r"n\.yaml:2: device\.gpu_layers"):
        load_settings(path, {})
    for given in ("auto", "0", "99"):
        path.write_text(f"device: {{gpu_layers: {given}}}\n")
        assert str(load_settings(path, {}).device.gpu_layers) == given


def test_variables_of_the_tests_are_no_settings() -> None:
    """What only the test suite reads is a mistake in a product's environment."""
    with pytest.raises(ConfigError, match="NEARWARD_EXAMPLES is no setting"):
        load_settings(None, {"NEARWARD_EXAMPLES": "5"})
