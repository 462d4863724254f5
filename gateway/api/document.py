# SPDX-License-Identifier: Apache-2.0
"""The hot routes in OpenAPI terms: FastAPI does not see them, so they are described here."""

from __future__ import annotations

from typing import Any

from gateway.wire import chat_schema
from gateway.wire_embeddings import embeddings_schema


def add_hot_paths(document: dict[str, Any]) -> None:
    """Put the POST routes that bypass FastAPI into an OpenAPI document."""
    schema, embeddings = chat_schema(), embeddings_schema()
    components = document.setdefault("components", {})
    components.setdefault("schemas", {}).update(schema.pop("$defs", {}))
    components["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
    for path, operations in document["paths"].items():
        if path.startswith("/v1/"):
            for operation in operations.values():
                _describe_cold(operation)
    for name in ("HTTPValidationError", "ValidationError"):  # FastAPI's own, never answered
        components["schemas"].pop(name, None)
    chat = {"application/json": {"schema": schema}}
    texts = {"application/x-ndjson": {"schema": {"type": "string"}}}
    document["paths"] |= {
        "/v1/chat/completions": _post(
            "Chat completion, answered on the device or at an allowed destination", chat
        ),
        "/v1/embeddings": _post(
            "Vectors of texts, made on the device or by the model that is named",
            {"application/json": {"schema": embeddings}},
        ),
        "/v1/route/explain": _post("The decision for a chat request; nothing is sent", chat),
        "/v1/classify": _post("Identifiers and data class of texts, one JSON object a line", texts),
    }


def _describe_cold(operation: dict[str, Any]) -> None:
    operation["security"] = [{"bearer": []}]
    operation["responses"].pop("422", None)
    operation["responses"]["4XX"] = {"description": "An error in OpenAI's envelope"}


def _post(summary: str, content: dict[str, Any]) -> dict[str, Any]:
    return {
        "post": {
            "summary": summary,
            "security": [{"bearer": []}],
            "requestBody": {"required": True, "content": content},
            "responses": {
                "200": {"description": "The answer"},
                "4XX": {"description": "An error in OpenAI's envelope"},
                "503": {"description": "Nothing that policy allows can answer now"},
            },
        }
    }
