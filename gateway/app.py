# SPDX-License-Identifier: Apache-2.0
"""The application: hot POST routes as plain callables, FastAPI for everything else.

It is an ASGI callable. `front.py` serves its hot routes without ASGI's detour.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

import structlog

from gateway.channel import AsgiChannel, Channel, Send
from gateway.errors import GatewayError, MethodNotAllowed
from gateway.exchange import Exchange
from gateway.limits import ClientGone, Limits, Receive
from gateway.records.metrics import Metrics
from gateway.wrong_keys import WrongKeys

Handler = Callable[[Exchange], Awaitable[None]]
Asgi = Callable[[Any, Any, Any], Awaitable[None]]

_log = structlog.get_logger()


class Gateway:
    """Dispatches a request to its handler and turns every failure into an answer."""

    def __init__(
        self,
        handlers: Mapping[str, Handler],
        web: Asgi,
        limits: Limits,
        metrics: Metrics,
        wrong_keys: WrongKeys,
    ) -> None:
        self._handlers = handlers
        self._web = web
        self._limits = limits
        self._metrics = metrics
        self._wrong_keys = wrong_keys

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """The ASGI entry point."""
        if scope["type"] == "http":
            handler = self._handlers.get(scope["path"])
            if handler is not None:
                if scope["method"] != "POST":
                    handler = _refuse_method
                address = (scope.get("client") or ("",))[0]
                await self._serve(handler, AsgiChannel(scope["headers"], receive, send, address))
                return
        await self._web(scope, receive, send)

    def hot(self) -> dict[bytes, Callable[[Channel], Awaitable[None]]]:
        """Request target to what serves a POST to it."""
        return {
            path.encode(): partial(self._serve, handler) for path, handler in self._handlers.items()
        }

    async def _serve(self, handler: Handler, channel: Channel) -> None:
        exchange = Exchange(channel, self._limits)
        self._metrics.in_flight += 1
        try:
            exchange.open()
            await handler(exchange)
        except GatewayError as raised:
            error = self._wrong_keys.weighed(raised, channel.address)
            self._metrics.rejected.add((error.code,))
            await exchange.fail(error)
        except ClientGone:
            self._metrics.rejected.add(("client_gone",))
        except asyncio.CancelledError:
            # Our own watcher cancels the task when the client leaves: nobody is left to answer.
            if not exchange.client_is_gone:
                raise
        except Exception as error:
            await self._fail_unexpectedly(exchange, error)
        finally:
            exchange.close()
            self._metrics.in_flight -= 1

    async def _fail_unexpectedly(self, exchange: Exchange, error: Exception) -> None:
        # The message and the locals may hold a prompt: the type and the line are enough to debug.
        _log.error("internal_error", type=type(error).__name__, at=_where(error))
        self._metrics.rejected.add((GatewayError.code,))
        # Half an answer cannot be taken back: it stays unfinished, and the server closes it.
        if not exchange.has_begun_answer:
            failure = GatewayError("nearward failed to handle this request; see its log")
            await exchange.fail(failure)


async def _refuse_method(exchange: Exchange) -> None:
    exchange.trace.append((b"allow", b"POST"))
    raise MethodNotAllowed("this path takes POST only")


def _where(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    return f"{trace.tb_frame.f_globals.get('__name__', '?')}:{trace.tb_lineno}"
