# SPDX-License-Identifier: Apache-2.0
"""The section `device`: the on-device engine and its models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DeviceModelSettings(_Section):
    """One of several models; in a config a bare name says the same as `{name: NAME}`."""

    name: Name
    file: Path | None = None


class DeviceSettings(_Section):
    """The on-device engine.

    Either one model (`model`, `model_file`), loaded as long as nearward runs, or several
    (`models`), loaded on demand within `memory_mb`. Of several, `model` is the one that `auto`
    means and that comes back whenever there is room; the first, unless it is set.

    `kv_type` is what contexts are kept in: q8_0 takes 53% and q4_0 28% of the memory of f16, and
    reading a long prompt takes longer. A model that cannot have it gets f16, and a line says so.
    """

    model: Name = "smollm2-135m-instruct-q4_1"
    model_file: Path | None = None
    models: list[DeviceModelSettings] = []
    memory_mb: Annotated[int, Field(ge=64)] | None = None
    idle_s: Annotated[float, Field(gt=0)] | None = None
    min_stay_s: Annotated[float, Field(ge=0)] = 30.0
    load_wait_s: Annotated[float, Field(ge=0, le=600)] = 30.0
    threads: Literal["auto"] | Annotated[int, Field(ge=1, le=256)] = "auto"
    gpu_layers: Literal["auto"] | Annotated[int, Field(ge=0)] = "auto"
    context_tokens: Annotated[int, Field(ge=256, le=1_048_576)] = 2048
    kv_type: Literal["f16", "q8_0", "q4_0"] = "f16"
    engine: Literal["auto", "llamacpp", "xllamacpp"] = "auto"
    enabled: bool = True

    @field_validator("models", mode="before")
    @classmethod
    def _bare_names(cls, given: Any) -> Any:
        if not isinstance(given, list):
            return given
        return [{"name": item} if isinstance(item, str) else item for item in given]

    @model_validator(mode="before")
    @classmethod
    def _first_is_the_default(cls, given: Any) -> Any:
        if not isinstance(given, dict) or not given.get("models") or "model" in given:
            return given
        first = given["models"][0] if isinstance(given["models"], list) else None
        name = first.get("name") if isinstance(first, dict) else first
        return {**given, "model": getattr(first, "name", name)}

    @model_validator(mode="after")
    def _is_one_way_or_the_other(self) -> Self:
        names = [model.name for model in self.models]
        if len(set(names)) != len(names):
            raise ValueError("models: a name stands twice")
        if names and self.model_file is not None:
            raise ValueError("model_file: with several models, give each its own `file`")
        if names and self.model not in names:
            raise ValueError("model: must be one of models")
        return self

    @property
    def is_pool(self) -> bool:
        """Whether there are models to be loaded and unloaded."""
        return bool(self.models)

    def all_models(self) -> list[DeviceModelSettings]:
        """Every model, the default one first."""
        if not self.models:
            return [DeviceModelSettings(name=self.model, file=self.model_file)]
        return sorted(self.models, key=lambda model: model.name != self.model)
