# SPDX-License-Identifier: Apache-2.0
"""What the engine must know of a model beside its file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from local_engine.engine import SamplingParams


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelProfile:
    """`sampling` holds what applies where a request is silent; `n_ctx` is the default length."""

    name: str
    template: str = "chatml"
    tools: Literal["hermes", "none"] = "none"
    """How the model was trained to call tools: between `<tool_call>` tags, or not at all."""
    stop_tokens: tuple[str, ...] = ("<|im_end|>", "<|endoftext|>", "<|im_start|>")
    default_system: str = ""
    n_ctx: int = 4096
    # Where a request names no bound: small models can repeat themselves until the context is full.
    default_max_tokens: int = 1024
    sampling: SamplingParams = field(default_factory=SamplingParams)
    draft: str = ""
    """Name of a small model that drafts for this one; "" for none."""
