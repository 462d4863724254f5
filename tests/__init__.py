# SPDX-License-Identifier: Apache-2.0
"""Tests of nearward; the folders mirror the packages."""
