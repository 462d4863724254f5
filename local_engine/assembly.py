# SPDX-License-Identifier: Apache-2.0
"""From token bytes to text that may be sent.

Rules
1. Only whole characters leave: bytes of an unfinished one wait for the next token. Bytes that
   can never become a character turn into U+FFFD. A character still unfinished at the end is
   dropped.
2. A stop string ends the answer wherever it begins, also across tokens; neither it nor anything
   after it leaves.
3. Text that may be the beginning of a stop string waits until that is decided. What waits is
   always shorter than the longest stop string, so memory is bounded.
"""

from __future__ import annotations

import codecs


class TextAssembly:
    """Collects one answer; `has_stopped` turns true when a stop string is complete."""

    __slots__ = ("_decoder", "_pending", "_stops", "has_stopped")

    def __init__(self, stops: tuple[str, ...] = ()) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._stops = tuple(stop for stop in stops if stop)
        self._pending = ""
        self.has_stopped = False

    def feed(self, piece: bytes) -> str:
        """Take the bytes of one token, return the text that has become certain."""
        if self.has_stopped:
            return ""
        text = self._pending + self._decoder.decode(piece)
        if not self._stops:
            return text
        begin = self._first_stop(text)
        if begin is not None:
            self.has_stopped = True
            self._pending = ""
            return text[:begin]
        held = self._held_back(text)
        self._pending = text[len(text) - held :]
        return text[: len(text) - held]

    def flush(self) -> str:
        """The end of the answer: what waited for a stop string that never came."""
        text, self._pending = self._pending, ""
        return text

    def _first_stop(self, text: str) -> int | None:
        found = [at for stop in self._stops if (at := text.find(stop)) >= 0]
        return min(found, default=None)

    def _held_back(self, text: str) -> int:
        """Length of the longest suffix of `text` that a stop string begins with."""
        longest = min(max(len(stop) for stop in self._stops) - 1, len(text))
        for size in range(longest, 0, -1):
            suffix = text[-size:]
            if any(stop.startswith(suffix) for stop in self._stops):
                return size
        return 0
