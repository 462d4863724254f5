# SPDX-License-Identifier: Apache-2.0
"""The detector with what the operator added to it."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable

from gateway.config_file import ConfigError
from gateway.privacy_settings import PatternSettings
from gateway.settings import Settings
from gateway.signals.counted import CountedDetector
from gateway.signals.privacy import Detector, Kind, RememberingDetector
from gateway.signals.privacy.custom import KINDS, Allowed, BadPattern, CustomPattern, CustomStage
from gateway.signals.privacy.custom import compiled as compiled_pattern
from gateway.signals.second_opinion import ENTITIES, SecondOpinion, worker_command


def make_detector(settings: Settings, make: Callable[..., Detector] = Detector) -> Detector:
    """Raises ConfigError with the place of the fault; `make` is asked for the detector itself."""
    custom, allowed = own_words(settings)
    second = second_opinion(settings)
    if custom or allowed or second:
        return make(custom=custom, allowed=allowed, second=second)
    return make()


def make_scanners(
    settings: Settings,
    make: Callable[..., Detector],
    count: Callable[[tuple[str, str]], None],
) -> tuple[CountedDetector, CountedDetector]:
    """The detector, and what requests are read with: it, with a memory unless that is off.

    Both tell `count` what they find.
    """
    detector = make_detector(settings, make)
    remembers = settings.privacy.remembers_verdicts
    reader = RememberingDetector(detector) if remembers else detector
    return CountedDetector(detector, count), CountedDetector(reader, count)


def own_words(settings: Settings) -> tuple[CustomStage, Allowed]:
    """The operator's patterns and words, ready to use; raises ConfigError, see `make_detector`."""
    privacy = settings.privacy
    patterns = [_pattern(settings, number, each) for number, each in enumerate(privacy.patterns)]
    try:
        return CustomStage(patterns, privacy.deny), Allowed(privacy.allow)
    except BadPattern as error:
        raise ConfigError(f"{settings.where('privacy')}: {error}") from None


def second_opinion(settings: Settings) -> SecondOpinion | None:
    """Who else is asked; raises ConfigError, see `make_detector`."""
    wanted = settings.privacy.presidio
    if wanted is None:
        return None
    where = settings.where("privacy", "presidio")
    unknown = sorted(set(wanted.entities) - ENTITIES.keys())
    if unknown:
        raise ConfigError(f"{where}: entities: {unknown[0]} is none of {', '.join(ENTITIES)}")
    if wanted.python and not os.access(wanted.python, os.X_OK):
        raise ConfigError(f"{where}: python: {wanted.python} cannot be run")
    if not wanted.python and importlib.util.find_spec("presidio_analyzer") is None:
        raise ConfigError(f"{where}: needs the extra `presidio`, or `python` where it is installed")
    python = wanted.python or sys.executable
    command = worker_command(python, wanted.model, wanted.least_score, wanted.entities)
    return SecondOpinion(command, timeout_s=wanted.timeout_ms / 1_000)


def _pattern(settings: Settings, number: int, each: PatternSettings) -> CustomPattern:
    if each.kind not in KINDS:
        where = settings.where("privacy", "patterns", number, "kind")
        raise ConfigError(f"{where}: kind: one of {', '.join(sorted(KINDS))}")
    try:
        compiled_pattern(each.pattern, each.name)
    except BadPattern as error:
        where = settings.where("privacy", "patterns", number, "pattern")
        raise ConfigError(f"{where}: {error}") from None
    return CustomPattern(each.name, each.pattern, Kind(each.kind), each.strong)
