# SPDX-License-Identifier: Apache-2.0
"""Destinations that speak another wire format, translated by litellm.

litellm is a translator here and nothing else: one approved deployment per call, its own retries,
fallbacks, callbacks and telemetry off, and an HTTP client of ours under it that refuses every
origin but the cleared one and follows no redirect. Providers whose traffic would not go through
that client are refused when the config is read. litellm is imported at the first call, in a
thread: the import takes seconds and a hospital's sidecar never pays it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from typing import Any

import orjson

from gateway.backends.base import BytesReply, Call, Reply
from gateway.backends.egress import Timeouts
from gateway.backends.errors import (
    BackendError,
    ConnectFailed,
    EgressRefused,
    FirstByteTimeout,
    IdleTimeout,
    ProtocolBroken,
    ResponseTruncated,
)
from gateway.backends.openai_wire import outgoing_body, split_base_url
from gateway.limits import Json
from policies import Cleared, Obligation

# kind in the config -> litellm's provider prefix. Only providers that were seen, over a socket,
# to use the client they are given (tests/gateway/backends/test_litellm_cloud.py).
PROVIDERS = {"anthropic": "anthropic", "ollama": "ollama_chat"}
# The fields of OpenAI's API that are translated. litellm obeys many more keyword arguments
# (credentials, headers, mock answers, hosts), so a caller's other fields must not reach it.
_FIELDS = frozenset(
    {
        *("messages", "stream", "stream_options", "max_tokens", "max_completion_tokens"),
        *("temperature", "top_p", "n", "seed", "stop", "tools", "tool_choice", "functions"),
        *("function_call", "parallel_tool_calls", "response_format", "logit_bias", "logprobs"),
        *("top_logprobs", "presence_penalty", "frequency_penalty", "reasoning_effort"),
    }
)


class LiteLLMCloud:
    """One destination behind litellm's translation."""

    honours = frozenset({Obligation.NO_CACHE})

    def __init__(
        self, *, name: str, kind: str, base_url: str, api_key: str, timeouts: Timeouts
    ) -> None:
        self._name = name
        self._kind = kind
        self._base_url = base_url
        self._api_key = api_key
        self._timeouts = timeouts
        self._origin = split_base_url(base_url)[0]
        self._client: Any = None
        self._loading = asyncio.Lock()

    async def send(self, call: Call) -> Reply:
        """Start the call; raises BackendError, EgressRefused without a fitting clearance."""
        self._check(call)
        litellm = await self._load()
        from gateway.backends.litellm_guard import OPENED

        body = outgoing_body(call)
        opened: list[Any] = []
        OPENED.set(opened)
        try:
            answer = await litellm.acompletion(**self._arguments(call, body))
        except Exception as error:
            raise _translated(error) from None
        if call.stream:
            return _StreamReply(answer, opened, self._timeouts.idle_s)
        return BytesReply(200, orjson.dumps(answer.model_dump(exclude_none=True)))

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.close()

    def _check(self, call: Call) -> None:
        cleared = call.cleared
        if type(cleared) is not Cleared or cleared.request_id != call.decision_id:
            raise EgressRefused("no clearance for this request")
        if cleared.destination != self._name or cleared.origin != self._origin.text:
            raise EgressRefused("the clearance is for another place")

    def _arguments(self, call: Call, body: Json) -> Json:
        prefix = PROVIDERS.get(self._kind)
        arguments = {k: v for k, v in body.items() if k in _FIELDS}
        return arguments | {
            "model": f"{prefix}/{call.model}" if prefix else call.model,
            "api_base": self._base_url,
            "api_key": self._api_key or "none",
            "client": self._client,
            "num_retries": 0,
            "max_retries": 0,
            "timeout": self._timeouts.total_s,
            "drop_params": False,
            "no-log": True,
        }

    async def _load(self) -> Any:
        async with self._loading:
            if self._client is None:
                litellm = await asyncio.to_thread(_import_litellm)
                self._client = await asyncio.to_thread(self._make_client)
                return litellm
        return sys.modules["litellm"]

    def _make_client(self) -> Any:
        from gateway.backends.litellm_guard import guarded_client

        return guarded_client(self._origin.text, self._timeouts.total_s)


def _import_litellm() -> Any:
    """Import litellm without a network connection (it would fetch price lists)."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    os.environ["LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS"] = "True"
    os.environ.setdefault("LITELLM_MODE", "PRODUCTION")
    try:
        import litellm
    except ImportError:
        raise ConnectFailed("litellm is not installed: pip install 'nearward[cloud]'") from None
    litellm.telemetry = False
    litellm.suppress_debug_info = True
    litellm.turn_off_message_logging = True
    litellm.callbacks = []
    litellm.success_callback = []
    litellm.failure_callback = []
    return litellm


def _translated(error: Exception) -> BackendError:
    """litellm's error as one of ours, by status alone: its text may quote the prompt."""
    if isinstance(error, BackendError):
        return error
    if isinstance(getattr(error, "__cause__", None), BackendError):
        assert isinstance(error.__cause__, BackendError)
        return error.__cause__
    status = getattr(error, "status_code", 0)
    if status == 408 or isinstance(error, TimeoutError):
        return FirstByteTimeout("the destination did not answer in time")
    if isinstance(status, int) and 400 <= status < 600 and status != 500:
        return ProtocolBroken(f"the destination refused with status {status}")
    return ConnectFailed("the destination could not be reached")


class _StreamReply:
    """litellm's chunks as OpenAI's server-sent events."""

    status = 200

    def __init__(self, chunks: AsyncIterator[Any], opened: list[Any], idle_s: float) -> None:
        self.headers = [(b"content-type", b"text/event-stream")]
        self._chunks = chunks
        self._opened = opened
        self._idle_s = idle_s
        self._is_done = False

    async def next(self) -> bytes:
        """The next event; `[DONE]` as the last one, then b""."""
        if self._is_done:
            return b""
        try:
            chunk = await asyncio.wait_for(anext(self._chunks), self._idle_s)
        except StopAsyncIteration:
            self._is_done = True
            return b"data: [DONE]\n\n"
        except TimeoutError:
            raise IdleTimeout("the stream fell silent", head_seen=True) from None
        except Exception:
            raise ResponseTruncated("the stream broke off", head_seen=True) from None
        return b"data: " + orjson.dumps(chunk.model_dump(exclude_none=True)) + b"\n\n"

    async def read(self, limit_bytes: int) -> bytes:
        """A stream is not read whole."""
        raise AssertionError("a stream is read with next()")

    def close(self) -> None:
        """Abandon the stream; its connection is closed in the background."""
        self._is_done = True
        task = asyncio.ensure_future(_close_all([*self._opened, self._chunks]))
        _closing.add(task)
        task.add_done_callback(_closing.discard)


_closing: set[asyncio.Future[None]] = set()


async def _close_all(streams: list[Any]) -> None:
    for stream in streams:
        closing = getattr(stream, "aclose", None)
        if closing is not None:
            with contextlib.suppress(Exception):
                await closing()
