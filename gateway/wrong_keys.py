# SPDX-License-Identifier: Apache-2.0
"""Who tries keys that are not known is told to wait: ten a minute from one address.

Nobody finds a key of 256 bits by trying; this keeps a script that does from filling the logs, and
shows in the metrics. A right key is answered whatever its neighbours do: behind a proxy all
callers have one address. Each worker counts for itself.
"""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable

from gateway.errors import GatewayError, TooManyWrongKeys, UnknownKey

_TRIES = 10
_WINDOW_S = 60.0
_MOST_ADDRESSES = 10_000
_NETWORK_BITS = 64  # of an IPv6 address: one host may use as many as it likes behind these


class WrongKeys:
    """Counts unknown keys by address, in windows that begin with the first of them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        # Address to the beginning of its window and the tries in it, the oldest window first.
        self._windows: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def weighed(self, error: GatewayError, address: str) -> GatewayError:
        """The error to answer with: another one when this key is one too many."""
        if not isinstance(error, UnknownKey):
            return error
        now, who = self._clock(), _network(address)
        began, tries = self._windows.get(who, (now, 0))
        if now - began >= _WINDOW_S:
            began, tries = now, 0
        if not tries:
            self._windows.pop(who, None)
        self._windows[who] = (began, tries + 1)
        if len(self._windows) > _MOST_ADDRESSES:
            self._windows.popitem(last=False)
        if tries < _TRIES:
            return error
        return TooManyWrongKeys(
            "too many unknown API keys from this address",
            retry_after_s=int(began + _WINDOW_S - now) + 1,
        )


def _network(address: str) -> str:
    """The address; of IPv6 the network that one host has for itself."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:  # a unix socket has none
        return address
    if found.version == 4:
        return address
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, _NETWORK_BITS), strict=False))
