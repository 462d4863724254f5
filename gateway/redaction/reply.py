# SPDX-License-Identifier: Apache-2.0
"""A reply whose body comes back with the values in their places.

Whatever goes wrong in between is one error without text: the caller gets no half-restored answer
and nobody a map. A whole body that cannot be restored counts as no answer; a stream breaks off.
"""

from __future__ import annotations

import orjson

from gateway.backends.base import Reply
from gateway.backends.errors import BackendError
from gateway.redaction.copy import Redacted
from gateway.streaming.answers import AnswerTexts
from gateway.streaming.events import EventStream


class RestorationFailed(BackendError):
    """The answer could not be read as one, or restoring it failed."""

    code = "restoration_failed"
    may_have_left = True


def restored(reply: Reply, redacted: Redacted | None) -> Reply:
    """The same reply, restored as it is read.

    Untouched where nothing was replaced, and where it is no answer: errors hold no values.
    """
    if redacted is None or not redacted.originals or reply.status != 200:
        return reply
    return RestoredReply(reply, redacted)


class RestoredReply:
    """A reply under restoration."""

    def __init__(self, reply: Reply, redacted: Redacted) -> None:
        self._reply = reply
        self._texts = AnswerTexts(redacted.originals, says_json=redacted.says_json)
        self._events = EventStream(self._texts)
        self._is_over = False

    @property
    def status(self) -> int:
        """The HTTP status of the answer."""
        return self._reply.status

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """Header names in lower case."""
        return self._reply.headers

    async def read(self, limit_bytes: int) -> bytes:
        """The whole body; raises RestorationFailed and what the reply raises."""
        body = await self._reply.read(limit_bytes)
        try:
            answer = orjson.loads(body)
            self._texts.restore(answer)
            return orjson.dumps(answer)
        except Exception:  # the exception may hold text of the answer
            raise RestorationFailed("the answer could not be restored") from None

    async def next(self) -> bytes:
        """The next restored events, b"" at the end; raises as `read` does."""
        while not self._is_over:
            chunk = await self._reply.next()
            self._is_over = not chunk
            try:
                piece = self._events.feed(chunk) if chunk else self._events.end()
            except Exception:  # the exception may hold text of the answer
                raise RestorationFailed("the answer could not be restored") from None
            if piece:
                return piece
        return b""

    def close(self) -> None:
        """Abandon what is left; harmless when nothing is."""
        self._reply.close()
