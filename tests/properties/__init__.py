# SPDX-License-Identifier: Apache-2.0
"""Tests of what must always hold, over generated input."""
