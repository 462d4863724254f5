# SPDX-License-Identifier: Apache-2.0
"""Complexity: how much is gained when a strong model answers a prompt."""

from gateway.signals.complexity.score import score

__all__ = ["score"]
