# SPDX-License-Identifier: Apache-2.0
"""Measurements of the engine and its peers; nothing here runs when nearward serves."""

from typing import Final

MODEL_NAME: Final = "smollm2-135m-instruct-q4_1"
