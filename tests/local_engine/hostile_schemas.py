# SPDX-License-Identifier: Apache-2.0
"""Schemas to break a grammar builder with: some by hand, and any number by mutation."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from typing import Any

STRING = {"type": "string"}


def nested(levels: int, around: Callable[[Any], Any]) -> Any:
    """A string schema with so many levels around it."""
    schema: Any = STRING
    for _ in range(levels):
        schema = around(schema)
    return schema


def _chain(size: int, keyword: str, times: int) -> dict[str, Any]:
    """Definitions that multiply: each holds the next one several times."""
    holders = {f"d{i}": {keyword: [{"$ref": f"#/$defs/d{i + 1}"}] * times} for i in range(size)}
    return {"$defs": {**holders, f"d{size}": STRING}, "$ref": "#/$defs/d0"}


# What is said of each, or "" where it is taken as it is.
BY_HAND: dict[str, tuple[Any, str]] = {
    "deep properties": (nested(300, lambda s: {"properties": {"a": s}}), "nested deeper"),
    "deep items": (nested(900, lambda s: {"type": "array", "items": s}), "nested deeper"),
    "deep anyOf": (nested(25, lambda s: {"anyOf": [s, {"type": "null"}]}), ""),
    "wide enum": ({"enum": [f"x{i}" for i in range(9000)]}, "larger than"),
    "nested repeats": ({"type": "string", "pattern": "^(a+)+$"}, ""),
    "large repeats": ({"type": "string", "pattern": "(.{0,1000}){0,1000}"}, ""),
    "deep pattern": ({"type": "string", "pattern": "(" * 2000 + "a" + ")" * 2000}, "'pattern'"),
    "open pattern": ({"type": "string", "pattern": "((("}, "'pattern'"),
    "endless string": ({"type": "string", "minLength": 10**9}, ""),
    "endless array": ({"type": "array", "items": STRING, "minItems": 10**9}, ""),
    "itself": ({"$ref": "#"}, "cannot be satisfied"),
    "circle": (
        {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"},
        "cannot be satisfied",
    ),
    "circle with siblings": (
        {
            "$defs": {"a": {"allOf": [{"$ref": "#/$defs/a"}, {"type": "object"}]}},
            "$ref": "#/$defs/a",
        },
        "refers to itself",
    ),
    "remote": ({"$ref": "https://example.com/s.json"}, "$ref"),
    "file": ({"$ref": "file:///etc/passwd"}, "$ref"),
    "no such definition": ({"$ref": "#/$defs/none"}, "$ref"),
    "nothing": ({"anyOf": [False, False]}, "cannot be satisfied"),
    "unique": ({"type": "array", "uniqueItems": True}, "'uniqueItems'"),
    "unknown format": ({"type": "string", "format": "weird"}, "'format'"),
    "the library's own key": ({"x-guidance": {"lenient": True}}, "'x-guidance'"),
    "fine steps": ({"type": "number", "multipleOf": 1e-300}, "'multipleOf'"),
    "wide range": ({"type": "number", "minimum": -1.5e300, "maximum": 1e308}, "bounds of numbers"),
    "products": (
        {
            "allOf": [
                {"anyOf": [{"properties": {f"a{i}_{j}": STRING}} for j in range(10)]}
                for i in range(8)
            ]
        },
        "too large",
    ),
    "multiplied arrays": (_chain(8, "prefixItems", 10), ""),
    "multiplied choices": (_chain(10, "anyOf", 4), ""),
    "a number": (5, "must be an object"),
    "null": (None, "must be an object"),
    "false": (False, "must be an object"),
    "a large number": ({"type": "integer", "minimum": 10**30}, "JSON cannot carry"),
}

SOUND: list[Any] = [
    {
        "type": "object",
        "properties": {
            "name": {"type": "string", "minLength": 1, "maxLength": 40},
            "age": {"type": "integer", "minimum": 0, "maximum": 150},
            "tags": {"type": "array", "items": {"enum": ["a", "b", 3, None]}, "maxItems": 4},
        },
        "required": ["name", "age"],
        "additionalProperties": False,
    },
    {
        "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}},
        "$ref": "#/$defs/node",
    },
    {"anyOf": [{"const": "x"}, {"type": "number", "multipleOf": 0.5}, {"type": "boolean"}]},
    {"type": "string", "pattern": "^[a-z]{2,4}-[0-9]+$"},
    {"type": "string", "format": "date-time"},
    {"type": "array", "prefixItems": [{"type": "null"}, STRING], "minItems": 2},
    {"allOf": [{"required": ["a"]}, {"properties": {"a": {"oneOf": [STRING, {"type": "null"}]}}}]},
    {"type": "object", "patternProperties": {"^x-": STRING}, "additionalProperties": STRING},
]
_WORDS = [
    *("type", "properties", "items", "anyOf", "allOf", "oneOf", "not", "$ref", "$defs", "enum"),
    *("const", "pattern", "format", "minLength", "maxLength", "minItems", "maxItems", "required"),
    *("minimum", "maximum", "multipleOf", "additionalProperties", "prefixItems", "if", "then"),
    *("x-guidance", "description", "$id", "propertyNames", "dependentRequired", "contains"),
]
_VALUES: list[Any] = [
    *(None, True, False, 0, -1, 1, 10**18, 1e308, -0.5, "", "a", "#", "#/$defs/node", "object"),
    *("array", "string", "integer", "[", "(?<=a)b", "\\u0000", "a{2,1}", "(a|b)*?", "é\u200b\x00"),
    *([], {}, [[]], {"a": {}}, [None], ["object", "null"], {"$ref": "#"}, "%json {", '"', "/"),
]


def mutated(rng: random.Random) -> Any:
    """A sound schema with up to six random changes."""
    schema = copy.deepcopy(rng.choice(SOUND))
    for _ in range(rng.randint(1, 6)):
        schema = _changed(schema, rng)
    return schema


def _changed(node: Any, rng: random.Random) -> Any:
    if isinstance(node, dict) and node and rng.random() < 0.8:
        key = rng.choice([*node])
        match rng.randrange(5):
            case 0:
                del node[key]
            case 1:
                node[rng.choice(_WORDS)] = copy.deepcopy(rng.choice(_VALUES))
            case 2:
                node[rng.choice(_WORDS)] = node[key]
            case _:
                node[key] = _changed(node[key], rng)
        return node
    if isinstance(node, list) and node and rng.random() < 0.7:
        at = rng.randrange(len(node))
        node[at] = _changed(node[at], rng)
        return node * rng.choice([1, 1, 1, 7])
    return rng.choice([copy.deepcopy(rng.choice(_VALUES)), {"anyOf": [node]}, [node], {"a": node}])


def garbled(text: str, rng: random.Random) -> str:
    """A grammar's text with up to eight characters cut out, doubled or replaced."""
    letters = list(text)
    for _ in range(rng.randint(1, 8)):
        at = rng.randrange(len(letters))
        letters[at] = rng.choice(["", letters[at] * 2, *'{}[]()"/\\|*+?:.\n~&<>%@x0'])
    return "".join(letters)
