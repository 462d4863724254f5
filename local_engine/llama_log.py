# SPDX-License-Identifier: Apache-2.0
"""llama.cpp's log, of which only the reason of a failed load is kept."""

from __future__ import annotations

from typing import Any

_ERROR = 4  # GGML_LOG_LEVEL_ERROR


class LoadLog:
    """llama.cpp's log: silent, but for the errors of the last load.

    The callback is one for the whole process and must never be freed, so it lives in the module.
    """

    def __init__(self) -> None:
        self._errors: list[str] = []
        self._callback: object = None

    def listen(self, api: Any) -> None:
        """Start anew."""
        self._errors = []
        if self._callback is None:
            self._callback = api.llama_log_callback(self._on_line)
            api.llama_log_set(self._callback, None)

    def _on_line(self, level: int, text: bytes, _data: object) -> None:
        if level == _ERROR and len(self._errors) < 5:
            self._errors.append(text.decode("utf-8", "replace").strip())

    def first_error(self) -> str:
        """Why the load failed."""
        return self._errors[0] if self._errors else "llama.cpp gave no reason"


LOAD_LOG = LoadLog()
