# SPDX-License-Identifier: Apache-2.0
"""The models this version knows: name, file, digest, licence, source, how to talk to them.

Manifests are part of the package, so their digests are as trustworthy as the code itself.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from local_engine.engine import SamplingParams
from local_engine.errors import ModelFileError
from local_engine.profile import ModelProfile
from local_engine.template import TEMPLATES

MODELS_ENV = "NEARWARD_MODELS_DIR"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSource:
    """A wheel that holds the model: package, version, the wheel's sha256, the path inside."""

    package: str
    version: str
    sha256: str
    member: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One model file: what it must be and where it comes from."""

    file: str
    size_bytes: int
    sha256: str
    licence: str
    source: ModelSource
    profile: ModelProfile

    @property
    def name(self) -> str:
        """The model's name."""
        return self.profile.name


@cache
def manifests() -> dict[str, Manifest]:
    """All models by name."""
    folder = files("local_engine.store") / "manifests"
    texts = sorted(item.read_text("utf-8") for item in folder.iterdir())
    found = [parse_manifest(json.loads(text)) for text in texts]
    return {manifest.name: manifest for manifest in found}


def parse_manifest(data: dict[str, Any]) -> Manifest:
    """Build a manifest; a missing or unknown field raises (TypeError, KeyError)."""
    fields = dict(data)
    profile = ModelProfile(
        name=fields.pop("name"),
        template=fields.pop("template"),
        tools=fields.pop("tools", "none"),
        stop_tokens=tuple(fields.pop("stop_tokens")),
        default_system=fields.pop("default_system"),
        n_ctx=fields.pop("n_ctx"),
        sampling=SamplingParams(**fields.pop("sampling")),
        draft=fields.pop("draft", ""),
    )
    assert profile.template in TEMPLATES, "a manifest names a template that is not written"
    size_bytes, source = fields.pop("bytes"), ModelSource(**fields.pop("source"))
    return Manifest(size_bytes=size_bytes, source=source, profile=profile, **fields)


def find(name: str) -> Manifest:
    """The manifest of a model. Raises ModelFileError with the names that exist."""
    known = manifests()
    if name not in known:
        raise ModelFileError(f"model not known: {name}; known are: {', '.join(known)}")
    return known[name]


def models_folder() -> Path:
    """NEARWARD_MODELS_DIR, else nearward/models in the user's data folder."""
    named = os.environ.get(MODELS_ENV)
    if named:
        return Path(named)
    data = os.environ.get("XDG_DATA_HOME")
    return (Path(data) if data else Path.home() / ".local/share") / "nearward" / "models"
