# SPDX-License-Identifier: Apache-2.0
"""The detector with what the operator added to it."""

from __future__ import annotations

from collections.abc import Callable

from gateway.config_file import ConfigError
from gateway.privacy_settings import PatternSettings
from gateway.settings import Settings
from gateway.signals.privacy import Detector, Kind, RememberingDetector
from gateway.signals.privacy.custom import KINDS, Allowed, BadPattern, CustomPattern, CustomStage
from gateway.signals.privacy.custom import compiled as compiled_pattern


def make_detector(settings: Settings, make: Callable[..., Detector] = Detector) -> Detector:
    """Raises ConfigError with the place of the fault; `make` is asked for the detector itself."""
    custom, allowed = own_words(settings)
    return make(custom=custom, allowed=allowed) if custom or allowed else make()


def make_scanners(
    settings: Settings, make: Callable[..., Detector]
) -> tuple[Detector, Detector | RememberingDetector]:
    """The detector, and what requests are read with: it, with a memory unless that is off."""
    detector = make_detector(settings, make)
    remembers = settings.privacy.remembers_verdicts
    return detector, RememberingDetector(detector) if remembers else detector


def own_words(settings: Settings) -> tuple[CustomStage, Allowed]:
    """The operator's patterns and words, ready to use; raises ConfigError, see `make_detector`."""
    privacy = settings.privacy
    patterns = [_pattern(settings, number, each) for number, each in enumerate(privacy.patterns)]
    try:
        return CustomStage(patterns, privacy.deny), Allowed(privacy.allow)
    except BadPattern as error:
        raise ConfigError(f"{settings.where('privacy')}: {error}") from None


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
