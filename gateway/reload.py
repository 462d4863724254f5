# SPDX-License-Identifier: Apache-2.0
"""The rules in force, and how others take their place while requests are in flight.

Rules
-----
1. Policy and planner are built aside over the same destinations and swapped as one value. A
   request takes that value once: it is judged, planned and recorded under one hash.
2. Only what `_LIVE` and `LIVE_DESTINATION` name can change. Everything else is held by parts that
   were built at the start (backends, keys, sockets); a file that changes it is refused whole.
3. A new set of rules that cannot be used changes nothing: the old ones stay, the gauge
   `nearward_policy_reload_failed` is 1, and the log says where the fault is.
4. Files are watched by their content. A file must read the same twice, a poll apart, before it is
   used, and a while after the build it must still be as it was read, and not written since: half a
   pack is a valid pack that lacks its last forbid. SIGHUP waits for that last look alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

import structlog

from gateway.config_file import ConfigError
from gateway.records.metrics import Metrics
from gateway.rules import Rules
from gateway.settings import DestinationSettings, Settings

_log = structlog.get_logger()
_POLL_S = 1.0
_SETTLE_S = 0.05
"""How long files must have stood still, after they were read, when a SIGHUP comes amid a write."""

Outcome = Literal["loaded", "unchanged", "failed", "waiting"]

# What policy and planner alone read, so that it can change under way.
_LIVE = frozenset({"routing", "aliases", "policy.packs", "policy.files", "policy.tenants"})
LIVE_DESTINATION = frozenset(
    {
        *("tier", "models", "region", "jurisdiction", "baa", "retention"),
        *("trains_on_data", "cost", "provider", "account", "features", "agreements"),
    }
)


class _Look(NamedTuple):
    """A hash over the content of all files that rules are made of, and when they were written.

    A file that cannot be read counts: its content is another, and it has no time.
    """

    content: bytes
    written_ns: tuple[int, ...]


class Reload:
    """Holds the rules in force and replaces them when told to, or when their files change."""

    def __init__(
        self,
        settings: Settings,
        *,
        make: Callable[[Settings], Rules],
        load: Callable[[], Settings],
        config: Path | None,
        metrics: Metrics,
    ) -> None:
        """Makes the first rules; raises ConfigError. `load` reads the settings once more."""
        self._started_with = settings
        self._settings = settings
        self._make = make
        self._load = load
        self._config = config
        self._metrics = metrics
        self._rules = make(settings)
        self._wanted = asyncio.Event()
        self._files = settings.policy.all_files
        self._seen = b""
        self._tried = b""
        metrics.policy_reload_failed.set(0)
        metrics.policy_in_force(self._rules.hashes)
        _say_notes(self._rules)

    def rules(self) -> Rules:
        """The rules in force now; a request asks once."""
        return self._rules

    def request(self) -> None:
        """Ask for a reload: what a SIGHUP does. The watch carries it out."""
        self._wanted.set()

    async def watch(self) -> None:
        """Reload for ever, when asked or when a file has changed; until cancelled."""
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wanted.wait(), _POLL_S)
            if self._wanted.is_set():
                self._wanted.clear()
                await self.reload()
            else:
                await self.look()

    async def look(self) -> Outcome:
        """One look at the files; reloads when they are new and have stood still since the last."""
        now = (await asyncio.to_thread(self._look)).content
        has_settled, self._seen = now == self._seen, now
        if now == self._tried or not has_settled:
            return "waiting"
        return await self.reload()

    async def reload(self) -> Outcome:
        """Read, build aside, swap. Raises nothing; a fault keeps what was in force."""
        before, built = await asyncio.to_thread(self._attempt)
        await asyncio.sleep(_SETTLE_S)
        if await asyncio.to_thread(self._look) != before:
            self._tried = b""  # what was read is another by now: the next two looks see to it
            return "waiting"
        if isinstance(built, str):
            return self._failed(before.content, built)
        self._tried = before.content
        return self._swap(*built)

    def _attempt(self) -> tuple[_Look, tuple[Settings, Rules] | str]:
        """How the files stood before they were read, and what came of them or the fault."""
        before = self._look()
        try:
            settings = self._load()
            if settings.policy.all_files != self._files:
                # From here on they are watched, also when one of them is at fault.
                self._files = settings.policy.all_files
                before = self._look()
                settings = self._load()
            return before, (settings, self._make(self._checked(settings)))
        except ConfigError as error:
            return before, str(error)
        except Exception as error:  # a fault of ours must not end the watch
            return before, f"internal error ({type(error).__name__})"

    def _checked(self, settings: Settings) -> Settings:
        setting = needs_restart(self._started_with, settings)
        if setting:
            where = self._config or "settings"
            raise ConfigError(f"{where}: {setting} cannot change without a restart")
        return settings

    def _swap(self, settings: Settings, rules: Rules) -> Outcome:
        old = self._rules.policy.hash
        outcome: Outcome = "unchanged"
        if settings != self._settings or rules.hashes != self._rules.hashes:
            outcome = "loaded"
            self._settings, self._rules = settings, rules
            self._metrics.policy_in_force(rules.hashes)
            _say_notes(rules)
            _log.info("policy_reloaded", policy=rules.policy.hash, before=old)
        self._metrics.policy_reload_failed.set(0)
        self._metrics.policy_reloads.add((outcome,))
        return outcome

    def _failed(self, tried: bytes, fault: str) -> Outcome:
        self._tried = tried
        self._metrics.policy_reload_failed.set(1)
        self._metrics.policy_reloads.add(("failed",))
        _log.error("policy_reload_failed", fault=fault, in_force=self._rules.policy.hash)
        return "failed"

    def _look(self) -> _Look:
        digest, written_ns = hashlib.sha256(), []
        for path in filter(None, (self._config, *self._files)):
            try:
                content = path.read_bytes()
                written_ns.append(path.stat().st_mtime_ns)
            except OSError:
                content = b"\0"
            digest.update(hashlib.sha256(content).digest())
        return _Look(digest.digest(), tuple(written_ns))


def _say_notes(rules: Rules) -> None:
    for note in rules.notes:
        _log.warning("policy_note", note=note)


def needs_restart(old: Settings, new: Settings) -> str:
    """The dotted name of the first setting that only a restart can change; "" when none did.

    A destination may go, and come back as it was; a new one has no backend.
    """
    for section in Settings.model_fields:
        is_whole = section not in {"policy", "destinations", *_LIVE}
        if is_whole and getattr(old, section) != getattr(new, section):
            return section
    for key in type(new.policy).model_fields:
        if f"policy.{key}" not in _LIVE and getattr(old.policy, key) != getattr(new.policy, key):
            return f"policy.{key}"
    known = {d.name: d for d in old.destinations}
    for destination in new.destinations:
        setting = _fixed_change(known.get(destination.name), destination)
        if setting:
            return f"destinations.{destination.name}{setting}"
    return ""


def _fixed_change(old: DestinationSettings | None, new: DestinationSettings) -> str:
    if old is None:
        return " (new)"
    for key in DestinationSettings.model_fields:
        if key not in LIVE_DESTINATION and getattr(old, key) != getattr(new, key):
            return f".{key}"
    return ""
