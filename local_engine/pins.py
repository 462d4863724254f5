# SPDX-License-Identifier: Apache-2.0
"""The engine packages, pinned by digest; a test compares them with lock/engine.txt."""

from __future__ import annotations

from typing import Final

LLAMA_VERSION: Final = "0.3.36"
LLAMA_REQUIREMENT: Final = (
    f"llama-cpp-python=={LLAMA_VERSION} "
    "--hash=sha256:832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e"
)

PREBUILT_VERSION: Final = "2026.10.11549"
_PREBUILT_DIGESTS: Final = (
    "1b76730ab9af47ec8d05a3d55154305fa92642f694dd9ad87d9e5a5e9956a59d",
    "1f2a08052bb653659bcf1bedbbaf86b97f41dd46aa2763d596d7f27c5d89a689",
    "4ecda27a308b2403aa13c9d04b270befab95edc556c24ed00b2f8a98bd7f6781",
    "7a04d90562878fde09a106f9618810e67cfa07ed46b946705e0b95c9e5f33edb",
    "9993211c112a8f0ecc338b4a9a2ea40a5f12a1a10b980089eb0f684fa32f921b",
    "aef25324f172925988378cf5c14dc6ec4291b889a06aa0388332e75d69c8bd93",
    "b9d341c07245b246d235a7186b0df8b892a3665fd92e37e1de606eaeff1d5265",
    "c17ee1163006f70726abb9f72137830818f3d8cb60bfc34cb232d08428eaa22b",
    "c54e7d13520ecc989c63dc99d55de3065e2f343a91f43f053d16b5e62077c261",
    "cd580dd0a984e0d3ad2d1f7115a064fc2383b9d7a616521819e7a37e7de2c6d2",
    "e2a3e79e775515de4ad197e667f874070446ef9ac9cf2044bc9866bc4c72289e",
)
PREBUILT_REQUIREMENT: Final = " ".join(
    [
        f"xllamacpp=={PREBUILT_VERSION}",
        *(f"--hash=sha256:{digest}" for digest in _PREBUILT_DIGESTS),
    ]
)
