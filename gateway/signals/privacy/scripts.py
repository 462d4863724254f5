# SPDX-License-Identifier: Apache-2.0
"""The last stage: letters of scripts in which names cannot be told from other words.

The tagger reads Latin letters. A few words in another script are weak names, whatever they mean; a
text of mostly such letters is not read at all, and counts as if it held what cannot be seen: PHI.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from gateway.signals.privacy.found import Found, Refused
from gateway.signals.privacy.recognisers import Document
from gateway.signals.privacy.verdict import Kind

# Greek to the last block before Latin Extended Additional; Tifinagh, kana, ideographs, Hangul and
# the rest, without the Latin letters and the signs between them. Single letters are mathematics.
_OTHER = (
    r"\u0370-\u1dff\u2c00-\u2c5f\u2c80-\u2dff\u3040-\ua71f\ua800-\ud7ff\uf900-\ufaff\ufb1d-\ufdff"
)
_RUN = re.compile(rf"[{_OTHER}\U00010000-\U0001bfff\U00020000-\U0003ffff]{{2,}}")
_LETTER = re.compile(r"[^\W\d_]")
_MOST_SHARE = 0.3
UNREAD_SCRIPT = "unread_script"


class ScriptStage:
    """Finds words of other scripts."""

    name = "scripts"

    def find(self, document: Document) -> Iterator[Found]:
        """Weak names; raises Refused when there are more other letters than can be left unread."""
        text = document.text
        if text.isascii():
            return
        runs = list(_RUN.finditer(text))
        unread = sum(match.end() - match.start() for match in runs)
        if unread and unread > _MOST_SHARE * len(_LETTER.findall(text)):
            raise Refused(UNREAD_SCRIPT)
        for match in runs:
            yield Found(match.start(), match.end(), Kind.NAME, is_strong=False)
