# SPDX-License-Identifier: Apache-2.0
"""Programs that make what the product carries: weights and lexicons. Never run by the product."""
