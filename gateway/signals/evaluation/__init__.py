# SPDX-License-Identifier: Apache-2.0
"""Measures the privacy detector on labelled prompts, for `nearward bench` and for training."""
