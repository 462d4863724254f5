# SPDX-License-Identifier: Apache-2.0
"""The rules of the house: who imports whom, how large things grow, who may open a connection."""
