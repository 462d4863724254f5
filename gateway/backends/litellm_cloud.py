# SPDX-License-Identifier: Apache-2.0
"""Destinations that speak another wire format, translated by litellm.

litellm is a translator here and nothing else: one approved deployment per call, its own retries,
fallbacks, callbacks, tools' servers and telemetry off, and an HTTP client of ours under it
(`litellm_guard`). Providers whose traffic would not go through that client are refused when the
config is read. litellm is imported at the first call, in a thread: the import takes seconds and a
hospital's sidecar never pays it.

How a call ends
---------------
1. What the wire says counts, not litellm's error, whose text may quote the prompt.
2. A status other than 200 is a reply with that status, in OpenAI's shape, as a pass-through
   destination's would be.
3. Nothing was sent and litellm blames the request: a reply with 400. It blames anything else:
   `RequestRefused`.
4. A 200 that cannot be translated: `ProtocolBroken`.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING, Any

import orjson

from gateway.backends.base import BytesReply, Call, Reply
from gateway.backends.egress import Timeouts
from gateway.backends.errors import (
    BackendError,
    ConnectFailed,
    EgressRefused,
    ProtocolBroken,
    RequestRefused,
    ResponseTooLarge,
    TotalTimeout,
)
from gateway.backends.litellm_reply import StreamReply, refusal
from gateway.backends.litellm_request import translatable
from gateway.backends.openai_wire import outgoing_body, split_base_url, within
from gateway.errors import BadRequest, openai_envelope
from gateway.limits import Json
from policies import Cleared, Obligation

if TYPE_CHECKING:  # imports litellm
    from gateway.backends.litellm_guard import Traffic

# kind in the config -> litellm's provider prefix. Only providers that were seen, over a socket,
# to use the client they are given (tests/gateway/backends/test_litellm_cloud.py).
PROVIDERS = {"anthropic": "anthropic", "ollama": "ollama_chat"}


class LiteLLMCloud:
    """One destination behind litellm's translation."""

    honours = frozenset({Obligation.NO_CACHE, Obligation.RECORD})

    def __init__(
        self,
        *,
        name: str,
        kind: str,
        base_url: str,
        api_key: str,
        timeouts: Timeouts,
        response_bytes: int,
    ) -> None:
        """`response_bytes` bounds an answer as it comes, whole or streamed."""
        self._name = name
        self._kind = kind
        self._base_url = base_url
        self._api_key = api_key
        self._timeouts = timeouts
        self._response_bytes = response_bytes
        self._origin = split_base_url(base_url)[0]
        self._client: Any = None
        self._loading = asyncio.Lock()

    async def send(self, call: Call) -> Reply:
        """Start the call; raises BackendError, EgressRefused without a fitting clearance."""
        self._check(call)
        litellm = await self._load()
        from gateway.backends.litellm_guard import TRAFFIC, Traffic

        timeouts = within(self._timeouts, call.deadline_s)
        traffic = Traffic(timeouts, self._response_bytes)
        TRAFFIC.set(traffic)
        until = asyncio.get_running_loop().time() + timeouts.total_s
        try:
            arguments = self._arguments(call, litellm)
            async with asyncio.timeout_at(until):
                answer = await litellm.acompletion(**arguments)
        except BadRequest as error:
            return BytesReply(error.status, openai_envelope(error))
        except TimeoutError:
            raise traffic.failure or TotalTimeout("the answer took too long") from None
        except Exception as error:
            return _ended(error, traffic)
        if call.stream:
            return StreamReply(answer, traffic, until)
        body = orjson.dumps(answer.model_dump(exclude_none=True))
        if len(body) > self._response_bytes:
            raise ResponseTooLarge("the answer is larger than allowed")
        return BytesReply(200, body)

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

    def _arguments(self, call: Call, litellm: Any) -> Json:
        prefix = PROVIDERS.get(self._kind)
        model = f"{prefix}/{call.model}" if prefix else call.model
        provider, _, name = model.partition("/")
        supported = litellm.get_supported_openai_params(model=name, custom_llm_provider=provider)
        return translatable(outgoing_body(call), supported or ()) | {
            "model": model,
            "api_base": self._base_url,
            "api_key": self._api_key or "none",
            "client": self._client,
            "num_retries": 0,
            "max_retries": 0,
            "timeout": self._timeouts.total_s,
            "drop_params": False,
            "no-log": True,
            # litellm would look among the tools for servers that it should call itself.
            "_skip_mcp_handler": True,
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


def _ended(error: Exception, traffic: Traffic) -> Reply:
    """The reply or, raised, the BackendError that a failed call comes to: see the rules above."""
    if traffic.failure is not None:
        raise traffic.failure from None
    if isinstance(error, BackendError):
        raise error
    if traffic.status not in (0, 200):
        return refusal(traffic.status, traffic.refusal, traffic.retry_after)
    if traffic.has_asked:
        raise ProtocolBroken("the answer is not what the destination's kind answers") from None
    status = getattr(error, "status_code", 0)
    if isinstance(status, int) and 400 <= status < 500:
        unfit = BadRequest(
            "the destination's wire format cannot express this request",
            code="unsupported_parameter",
        )
        return BytesReply(unfit.status, openai_envelope(unfit))
    raise RequestRefused("litellm could not translate the request") from None
