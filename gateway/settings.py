# SPDX-License-Identifier: Apache-2.0
"""Settings: one frozen object, read once at start, from a YAML file and the environment.

`NEARWARD_<SECTION>__<KEY>` overrides the file. Unknown keys are errors, in both.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from gateway.config_file import ConfigError, ConfigFile, Location, read_config
from gateway.device_settings import DeviceSettings
from gateway.policy_settings import (
    BaaSettings,
    KeySettings,
    Name,
    PolicySettings,
    RetentionSettings,
)
from gateway.privacy_settings import PrivacySettings
from policies import Tier
from policies.residency import AGREEMENTS

Fraction = Annotated[float, Field(ge=0, le=1)]
# Providers whose traffic is known to go through the guarded client (backends/litellm_cloud.py).
LITELLM_PROVIDERS = frozenset({"anthropic", "ollama_chat"})
# Set by hand rather than in a section; read by their own names.
_PLAIN_VARIABLES = frozenset({"CONFIG", "STATE_DIR", "MODELS_DIR", "API_KEY"})


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ServerSettings(_Section):
    """Where the gateway listens."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8400
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    max_body_bytes: Annotated[int, Field(ge=1024)] = 4 * 1024 * 1024
    max_response_bytes: Annotated[int, Field(ge=1024)] = 32 * 1024 * 1024
    shutdown_grace_s: Annotated[float, Field(ge=0)] = 30.0


class CostSettings(_Section):
    """Prices in US dollars for a million tokens."""

    input_per_mtok: Annotated[float, Field(ge=0)] = 0.0
    output_per_mtok: Annotated[float, Field(ge=0)] = 0.0


class TimeoutSettings(_Section):
    """How long each phase of an upstream call may take, in seconds."""

    connect_s: Annotated[float, Field(gt=0)] = 5.0
    first_byte_s: Annotated[float, Field(gt=0)] = 30.0
    idle_s: Annotated[float, Field(gt=0)] = 60.0
    total_s: Annotated[float, Field(gt=0)] = 600.0


class DestinationSettings(_Section):
    """One place, other than the device, that may answer."""

    name: Name
    tier: Literal[Tier.ONPREM, Tier.CLOUD]
    kind: Literal["openai", "anthropic", "ollama", "litellm"] = "openai"
    base_url: Annotated[str, Field(pattern=r"^https?://[^\s?#@]+$")]
    api_key: SecretStr = SecretStr("")
    models: Annotated[dict[str, str], Field(min_length=1)]
    provider: str = ""
    account: str = ""
    features: list[str] = []
    region: str = ""
    jurisdiction: str = ""
    agreements: list[str] = []
    baa: BaaSettings | None = None
    retention: RetentionSettings | None = None
    trains_on_data: bool = True
    cost: CostSettings = CostSettings()
    timeouts: TimeoutSettings = TimeoutSettings()
    ca_file: Path | None = None
    max_connections: Annotated[int, Field(ge=1)] = 128

    @field_validator("agreements")
    @classmethod
    def _only_known_agreements(cls, names: list[str]) -> list[str]:
        if not AGREEMENTS.issuperset(names):
            raise ValueError(f"agreements must be among: {', '.join(sorted(AGREEMENTS))}")
        return names

    @model_validator(mode="after")
    def _translates_known_providers_only(self) -> Self:
        if self.kind == "litellm":
            for model in self.models.values():
                if model.split("/")[0] not in LITELLM_PROVIDERS:
                    known = ", ".join(sorted(LITELLM_PROVIDERS))
                    raise ValueError(f"models of kind litellm must start with one of: {known}")
        return self


class RoutingSettings(_Section):
    """How attempts are ordered inside what policy allows."""

    profile: Literal["balanced"] = "balanced"
    strong_fraction: Fraction = 0.3


class AnchorSettings(_Section):
    """One place outside that keeps checkpoints: a `file`, a `url`, or a `redis` stream."""

    file: Path | None = None
    url: Annotated[str, Field(pattern=r"^https?://[^\s#@]+$")] | None = None
    token: SecretStr = SecretStr("")
    ca_file: Path | None = None
    redis: SecretStr | None = None  # its URL may hold a password
    stream: Annotated[str, Field(min_length=1)] = "nearward:audit"

    @model_validator(mode="after")
    def _is_one_place(self) -> Self:
        if sum(place is not None for place in (self.file, self.url, self.redis)) != 1:
            raise ValueError("an anchor is one of: file, url, redis")
        if self.redis and not self.redis.get_secret_value().startswith(("redis://", "rediss://")):
            raise ValueError("redis: a URL that begins with redis:// or rediss://")
        return self


class AuditSettings(_Section):
    """How the record of decisions is kept.

    `durability`: intents are forced to disk above `internal` only, or always. Six years is what
    HIPAA asks of documentation (45 CFR 164.316(b)(2)(i)).
    """

    durability: Literal["normal", "strict"] = "normal"
    anchors: list[AnchorSettings] = []
    checkpoint_s: Annotated[float, Field(gt=0)] = 60.0
    checkpoint_records: Annotated[int, Field(ge=1)] = 10_000
    rotate_mb: Annotated[float, Field(gt=0)] = 64.0
    rotate_s: Annotated[float, Field(gt=0)] = 86_400.0
    retention_days: Annotated[int, Field(ge=1)] = 2192
    compress: bool = True

    @property
    def anchor_files(self) -> list[Path]:
        """The anchors that can be read here."""
        return [anchor.file for anchor in self.anchors if anchor.file is not None]

    @property
    def anchors_elsewhere(self) -> list[str]:
        """Where in the config the others stand, with their kind: a URL may hold a secret."""
        return [
            f"audit.anchors.{number} ({'url' if anchor.url else 'redis'})"
            for number, anchor in enumerate(self.anchors)
            if anchor.file is None
        ]


class StateSettings(_Section):
    """Where shared state lives."""

    store: Annotated[str, Field(pattern=r"^(memory|rediss?://\S+)$")] = "memory"
    # The same for all gateways that share a Redis; a file in the state directory when absent.
    secret: Annotated[SecretStr, Field(min_length=32)] | None = None
    session_ttl_s: Annotated[float, Field(ge=1, le=366 * 86_400)] = 86_400.0
    timeout_s: Annotated[float, Field(gt=0, le=5)] = 0.05


class LogSettings(_Section):
    """Operational logs on standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"


@dataclass(frozen=True, slots=True)
class _Sources:
    """The file, and the environment that overrides it."""

    file: ConfigFile
    environment: Mapping[str, str] = field(repr=False)

    def where(self, location: Location) -> str:
        return _variable_of(location, self.environment) or self.file.where(location)


class Settings(BaseSettings):
    """Everything an operator can set."""

    model_config = SettingsConfigDict(
        env_prefix="NEARWARD_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    server: ServerSettings = ServerSettings()
    keys: list[KeySettings] = []
    device: DeviceSettings = DeviceSettings()
    policy: PolicySettings = PolicySettings()
    destinations: list[DestinationSettings] = []
    privacy: PrivacySettings = PrivacySettings()
    routing: RoutingSettings = RoutingSettings()
    aliases: dict[str, str] = {}
    audit: AuditSettings = AuditSettings()
    state: StateSettings = StateSettings()
    log: LogSettings = LogSettings()
    state_dir: Path = Field(default_factory=lambda: xdg("STATE", ".local/state") / "nearward")
    models_dir: Path = Field(
        default_factory=lambda: xdg("DATA", ".local/share") / "nearward" / "models"
    )
    api_key: SecretStr | None = None

    @field_validator("api_key", mode="before")
    @classmethod
    def _blank_is_no_key(cls, value: object) -> object:
        """An unset variable often arrives as an empty one: `${NEARWARD_API_KEY:-}`."""
        return (value.strip() or None) if isinstance(value, str) else value

    _sources: _Sources | None = PrivateAttr(default=None)

    def destination_fault(self, number: int, field: str, problem: str) -> ConfigError:
        """The error for one field of one destination, with its place and the name of the latter."""
        where = self.where("destinations", number, field)
        name = self.destinations[number].name
        return ConfigError(f"{where}: destination {name}: {field}: {problem}")

    def where(self, *location: str | int) -> str:
        """Where a value was set, for error messages: `file:line`, or a variable's name."""
        return self._sources.where(location) if self._sources is not None else "config"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment overrides the file (which comes as init values)."""
        return env_settings, init_settings


def xdg(kind: str, fallback: str) -> Path:
    """`$XDG_<KIND>_HOME`, or its default under the home directory."""
    value = os.environ.get(f"XDG_{kind}_HOME", "")
    return Path(value) if value.startswith("/") else Path.home() / fallback


def find_config(explicit: Path | None, environment: Mapping[str, str] = os.environ) -> Path | None:
    """The config file: the one named, else the first that exists; None means defaults."""
    if explicit is not None:
        return explicit
    if environment.get("NEARWARD_CONFIG"):
        return Path(environment["NEARWARD_CONFIG"])
    places = (xdg("CONFIG", ".config") / "nearward/nearward.yaml", Path("/etc/nearward.yaml"))
    return next((p for p in places if p.is_file()), None)


def load_settings(
    explicit: Path | None = None, environment: Mapping[str, str] = os.environ
) -> Settings:
    """Settings from file and environment; raises ConfigError, one line, file and line in it."""
    path = find_config(explicit, environment)
    file = read_config(path, environment) if path else ConfigFile(Path("environment"), {})
    sources = _Sources(file, environment)
    _refuse_unknown_variables(environment)
    for key in file.data:
        # Before pydantic-settings, which takes some names (`_env_file`) for arguments of its own.
        if key not in Settings.model_fields:
            raise ConfigError(f"{file.where((key,))}: {key}: unknown key")
    try:
        settings = Settings(**file.data)
    except ValidationError as error:
        raise ConfigError(_first_fault(error, sources)) from None
    except Exception as error:
        raise ConfigError(f"environment: {error}") from None
    settings._sources = sources
    _refuse_doubles("destinations", (d.name for d in settings.destinations), file)
    _refuse_doubles("keys", (k.id for k in settings.keys), file)
    return settings


def _refuse_unknown_variables(environment: Mapping[str, str]) -> None:
    sections = {name.upper() for name in Settings.model_fields}
    for variable in environment:
        if not variable.startswith("NEARWARD_"):
            continue
        section = variable.removeprefix("NEARWARD_").split("__")[0]
        if section not in sections and section not in _PLAIN_VARIABLES:
            raise ConfigError(f"environment: {variable} is no setting of nearward")


def _first_fault(error: ValidationError, sources: _Sources) -> str:
    faults = error.errors(include_input=False, include_url=False)
    first = faults[0]
    location = _place(first)
    name = ".".join(str(step) for step in location)
    # Of a value that may be of several kinds, each kind has its complaint.
    same = [fault for fault in faults if _place(fault) == location]
    more = len(faults) - len(same)
    what = " or ".join(dict.fromkeys(map(_plain, same)))
    rest = f" (and {more} more)" if more else ""
    return f"{sources.where(location)}: {name}: {what}{rest}"


def _variable_of(location: tuple[str | int, ...], environment: Mapping[str, str]) -> str:
    """`environment: NAME` when a variable set the value; it then overrode the file."""
    names = {name.upper(): name for name in environment}
    for end in range(len(location), 0, -1):
        variable = "NEARWARD_" + "__".join(str(step) for step in location[:end]).upper()
        if variable in names:
            return f"environment: {names[variable]}"
    return ""


def _place(fault: Any) -> tuple[str | int, ...]:
    """Where the fault is, without the kind that was tried there last."""
    *place, last = fault["loc"]
    is_kind = bool(place) and str(last).startswith(("literal[", "constrained-", "int"))
    return (*place,) if is_kind else (*place, last)


def _plain(fault: Any) -> str:
    if fault["type"] == "extra_forbidden":
        return "unknown key"
    return str(fault["msg"]).removeprefix("Value error, ")


def _refuse_doubles(section: str, names: Iterable[str], file: ConfigFile) -> None:
    seen: set[str] = set()
    for number, name in enumerate(names):
        if name in seen or (section == "destinations" and name == "device"):
            where = file.where((section, number, "name"))
            raise ConfigError(f"{where}: {section}: the name {name!r} is taken")
        seen.add(name)
