# SPDX-License-Identifier: Apache-2.0
"""POST /v1/classify: JSON objects, one a line, in; one answer a line out, in the same order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import orjson

from gateway.classification import Scanner, classify
from gateway.errors import BadRequest
from gateway.exchange import Exchange
from gateway.identity import Identity

MOST_RECORDS = 10_000
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
        body = await exchange.body()
        if body.count(b"\n") > MOST_RECORDS:
            raise BadRequest(f"at most {MOST_RECORDS} records at a time", code="too_many_records")
        answer = await asyncio.to_thread(self._answer, exchange, body)
        await exchange.answer(200, answer, _NDJSON)

    def _answer(self, exchange: Exchange, body: bytes) -> bytes:
        """In a thread: 4 MB of records take seconds."""
        records = [exchange.parse(line) for line in body.splitlines() if line.strip()]
        results = (classify(record, self._scanner, self._score) for record in records)
        return b"".join(orjson.dumps(r, option=orjson.OPT_APPEND_NEWLINE) for r in results)
