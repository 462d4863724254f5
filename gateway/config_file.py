# SPDX-License-Identifier: Apache-2.0
"""The YAML config file to plain data, with the line of every key kept for error messages.

`${env:NAME}` and `${file:/path}` are replaced in string values, so that no secret need stand in
the file. A missing variable or file is an error: a destination without its key is no destination.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

_REFERENCE = re.compile(r"\$\{(env|file):([^}]*)\}")
_MAX_BYTES = 1024 * 1024
# A few lines of aliases can stand for a tree without end.
_MAX_DEPTH = 32
_MAX_VALUES = 100_000
Location = tuple[str | int, ...]


class ConfigError(Exception):
    """The configuration cannot be used; the message is one line that says where and what."""


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A parsed file: its data, and the line each path in it stands on."""

    path: Path
    data: dict[str, Any]
    lines: Mapping[Location, int] = field(default_factory=dict)

    def where(self, location: Location) -> str:
        """`file:line` of the closest enclosing key."""
        for end in range(len(location), -1, -1):
            if location[:end] in self.lines:
                return f"{self.path}:{self.lines[location[:end]]}"
        return str(self.path)


def read_config(path: Path, environment: Mapping[str, str] = os.environ) -> ConfigFile:
    """Parse a config file; raises ConfigError with file and line."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    if len(raw) > _MAX_BYTES:
        raise ConfigError(f"{path}: over 1 MiB; this is not a config file")
    try:
        node = yaml.compose(raw, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{path}:{line}: not valid YAML: {error.problem}") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError):
        raise ConfigError(f"{path}: not valid YAML") from None
    if node is None or not node.value:
        raise ConfigError(f"{path}: empty; see deploy/examples for a config to start from")
    if not isinstance(node, yaml.MappingNode):
        raise ConfigError(f"{path}:1: sections such as `server:` are expected at the top level")
    reader = _Reader(path, environment)
    data = reader.value(node, ())
    assert isinstance(data, dict)
    return ConfigFile(path, data, reader.lines)


class _Reader:
    def __init__(self, path: Path, environment: Mapping[str, str]) -> None:
        self._path = path
        self._environment = environment
        self._scalars = yaml.SafeLoader("")
        self._values = 0
        self.lines: dict[Location, int] = {}

    def value(self, node: yaml.Node, at: Location) -> Any:
        self._values += 1
        if len(at) > _MAX_DEPTH or self._values > _MAX_VALUES:
            line = node.start_mark.line + 1
            raise ConfigError(f"{self._path}:{line}: nested too deep or too many values")
        self.lines.setdefault(at, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, at)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(child, (*at, i)) for i, child in enumerate(node.value)]
        return self._scalar(node)

    def _mapping(self, node: yaml.MappingNode, at: Location) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, child in node.value:
            key, line = str(key_node.value), key_node.start_mark.line + 1
            if key in result:
                raise ConfigError(f"{self._path}:{line}: the key {key!r} stands here twice")
            self.lines[(*at, key)] = line
            result[key] = self.value(child, (*at, key))
        return result

    def _scalar(self, node: yaml.Node) -> Any:
        line = node.start_mark.line + 1
        try:
            value = self._scalars.construct_object(node)
        except (yaml.YAMLError, ValueError, LookupError, AttributeError):
            raise ConfigError(f"{self._path}:{line}: not a value YAML can read") from None
        if not isinstance(value, str):
            return value
        return _REFERENCE.sub(lambda match: self._resolve(match, line), value)

    def _resolve(self, match: re.Match[str], line: int) -> str:
        kind, name = match.groups()
        if kind == "env":
            if name not in self._environment:
                raise ConfigError(
                    f"{self._path}:{line}: the environment variable {name} is not set"
                )
            return self._environment[name]
        try:
            return Path(name).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise ConfigError(f"{self._path}:{line}: the file {name} cannot be read") from None
