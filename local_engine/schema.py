# SPDX-License-Identifier: Apache-2.0
"""JSON schemas from strangers: what of one is taken, and what is said about the rest.

A schema is bounded here in size and depth before any parser sees it. Reasons are in our words and
name keywords of JSON schema only: what the caller wrote is not quoted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import orjson

from local_engine.errors import InvalidSchemaError

MAX_BYTES: Final = 64 * 1024
MAX_DEPTH: Final = 64
_LIBRARYS_OWN = "x-guidance"
# One blank, or a line break and an indent: a model that may write blanks without end will.
_OPTIONS: Final = {"coerce_one_of": True, "whitespace_pattern": r"( |\n[ ]{0,24})?"}
_COMPACT: Final = {
    **{"coerce_one_of": True, "whitespace_flexible": False},
    **{"item_separator": ", ", "key_separator": ": "},
}
# Keywords that the library knows and does not serve, or serves in part.
_KEYWORDS: Final = (
    *("not", "if", "then", "else", "uniqueItems", "contains", "minContains", "maxContains"),
    *("dependentRequired", "dependentSchemas", "dependencies", "propertyNames", "multipleOf"),
    *(
        "unevaluatedItems",
        "unevaluatedProperties",
        "minProperties",
        "maxProperties",
        "contentSchema",
    ),
    *("contentMediaType", "contentEncoding", "patternProperties", "additionalItems", "pattern"),
    *(
        "$dynamicRef",
        "$dynamicAnchor",
        "$recursiveRef",
        "$anchor",
        "$id",
        "format",
        "oneOf",
        "allOf",
    ),
)
_REASONS: Final = (
    (r"recursion limit", "is nested too deeply"),
    (r"too big|too large|too many|too complex|current row|limit", "is too large"),
    (r"unsatisfiable|noextension|stuck", "cannot be satisfied by any value"),
    (r"circular references", "refers to itself without end"),
    (r"registry|pointer|resource|\$ref|reference", "holds a $ref that leads nowhere inside it"),
    (r"float range|integer range", "holds bounds of numbers that are not supported"),
    (r"unknown format", "uses a 'format' that is not supported"),
    (r"regex|pattern", "holds a 'pattern' that is not valid or not supported"),
)


def bounded(schema: object, param: str) -> Mapping[str, object]:
    """The schema as an object, `true` as `{}`. Raises InvalidSchemaError."""
    if schema is True:
        return {}
    if not isinstance(schema, dict):
        raise InvalidSchemaError("must be an object", param=param)
    if _LIBRARYS_OWN in schema:
        raise InvalidSchemaError(f"uses '{_LIBRARYS_OWN}', which is not supported", param=param)
    if _depth(schema) > MAX_DEPTH:
        raise InvalidSchemaError(f"is nested deeper than {MAX_DEPTH} levels", param=param)
    if len(_json(schema, param)) > MAX_BYTES:
        raise InvalidSchemaError(f"is larger than {MAX_BYTES} bytes", param=param)
    return schema


def _json(schema: object, param: str) -> bytes:
    try:
        return orjson.dumps(schema)
    except TypeError:  # a number of more than 64 bits
        raise InvalidSchemaError("holds a value that JSON cannot carry", param=param) from None


def json_rule(schema: Mapping[str, object], *, is_compact: bool = False) -> str:
    """The right side of a grammar's rule: JSON that the schema accepts.

    `is_compact`: on one line, with a blank after each comma and colon.
    """
    options = _COMPACT if is_compact else _OPTIONS
    return "%json " + orjson.dumps({_LIBRARYS_OWN: options, **schema}).decode()


def reason_of(message: str) -> str:
    """What the library means, in our words. Its first line says it, the others quote the schema."""
    message = message.partition("\n")[0]
    keyword = next((k for k in _KEYWORDS if f'"{k}"' in message or f"'{k}'" in message), None)
    if keyword is not None:
        return f"uses '{keyword}' in a way that is not supported"
    lower = message.lower()
    found = (reason for pattern, reason in _REASONS if re.search(pattern, lower))
    return next(found, "is not a valid JSON schema")


def _depth(value: object) -> int:
    """Levels of objects and arrays, counted up to one more than is allowed."""
    depth, level = 0, [value]
    while level and depth <= MAX_DEPTH:
        level = [child for node in level for child in _children(node)]
        depth += 1
    return depth


def _children(node: object) -> list[object]:
    """The objects and arrays inside."""
    inside = node.values() if isinstance(node, dict) else node
    return [child for child in inside if isinstance(child, dict | list)]  # type: ignore[attr-defined]
