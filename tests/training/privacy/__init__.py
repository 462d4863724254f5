# SPDX-License-Identifier: Apache-2.0
"""Training of the privacy detector: `make train-privacy`."""
