# SPDX-License-Identifier: Apache-2.0
"""Measurements of the engine and its peers; nothing here runs when nearward serves."""
