# SPDX-License-Identifier: Apache-2.0
"""On-device inference: its own supervised process, reached over a unix socket."""
