# SPDX-License-Identifier: Apache-2.0
"""What is served beyond text in and text out, in the words of the gateway's needs.

It depends on the engine in use, on whether the grammar library is installed, and on the model:
one that was never trained to call tools is made to (tools.py), but a request that may go elsewhere
is better answered there, so `tools` is not claimed for it.
"""

from __future__ import annotations

from local_engine import structured
from local_engine.engine import EngineStatus
from local_engine.profile import ModelProfile

_ALWAYS = frozenset({"n", "tool_turns"})
_OWN_WORDS = frozenset({"logprobs", "logit_bias", "embeddings"})


def has_grammars(status: EngineStatus) -> bool:
    """Whether answers can be made to follow a schema."""
    return {"constraint", "vocabulary"} <= status.features and structured.is_installed()


def served(status: EngineStatus, profile: ModelProfile) -> frozenset[str]:
    """The needs that are met."""
    met = _ALWAYS | (_OWN_WORDS & status.features)
    if has_grammars(status):
        met |= {"response_format"}
        if profile.tools == "hermes":
            met |= {"tools"}
    return met
