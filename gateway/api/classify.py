# SPDX-License-Identifier: Apache-2.0
"""POST /v1/classify: JSON objects, one a line, in; one answer a line out, in the same order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import orjson

from gateway.classification import Scanner, classify
from gateway.exchange import Exchange
from gateway.identity import Identity

_NDJSON = [(b"content-type", b"application/x-ndjson")]


class ClassifyEndpoint:
    """Answers classification requests; the texts go nowhere."""

    def __init__(self, identity: Identity, scanner: Scanner, score: Callable[[str], float]) -> None:
        self._identity = identity
        self._scanner = scanner
        self._score = score

    async def classify(self, exchange: Exchange) -> None:
        """Raises BadRequest at the first line that is no record."""
        self._identity.authenticate(exchange.headers)
        lines = (await exchange.body()).splitlines()
        records = [exchange.parse(line) for line in lines if line.strip()]
        results = await asyncio.to_thread(
            lambda: [classify(r, self._scanner, self._score) for r in records]
        )
        answer = b"".join(orjson.dumps(r, option=orjson.OPT_APPEND_NEWLINE) for r in results)
        await exchange.answer(200, answer, _NDJSON)
