# SPDX-License-Identifier: Apache-2.0
"""Privacy: what a text holds that could point to a person, and the class that follows."""

from gateway.signals.privacy.detector import Detector, Stage, warm_up
from gateway.signals.privacy.remembered import RememberingDetector
from gateway.signals.privacy.verdict import Kind, Mode, Span, Verdict

__all__ = ["Detector", "Kind", "Mode", "RememberingDetector", "Span", "Stage", "Verdict", "warm_up"]
