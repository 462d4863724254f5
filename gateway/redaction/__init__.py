# SPDX-License-Identifier: Apache-2.0
"""Redaction: a copy of a request without the identifiers that were found, and the way back."""
