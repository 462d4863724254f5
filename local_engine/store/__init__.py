# SPDX-License-Identifier: Apache-2.0
"""Models on disk: what they must be, where they come from, whether they still are."""
