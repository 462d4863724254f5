# SPDX-License-Identifier: Apache-2.0
"""llama.cpp's sampler chains, built from `SamplingParams`.

Order, as in llama.cpp's own tools: penalties, top-k, top-p, min-p, heat, the draw. Bias, bounds
and log-probabilities come before the chain, on the logits themselves (`logits.py`).
"""

from __future__ import annotations

from typing import Any, cast

from local_engine.engine import SamplingParams

PENALTY_WINDOW_TOKENS = 1024
_ANY_SEED = 0xFFFFFFFF  # LLAMA_DEFAULT_SEED: llama.cpp draws one


def seed_of(seed: int) -> int:
    """A caller's seed in llama.cpp's 32 bits; never the one that stands for any."""
    return seed % _ANY_SEED


def new_chain(api: Any, params: SamplingParams, n_vocab: int) -> int:
    """A handle that `llama_sampler_free` frees, steps and all."""
    chain = api.llama_sampler_chain_init(api.llama_sampler_chain_default_params())
    for step in _steps(api, params, n_vocab):
        api.llama_sampler_chain_add(chain, step)
    return cast("int", chain)


def _steps(api: Any, params: SamplingParams, n_vocab: int) -> list[Any]:
    steps = []
    if params.has_penalties:
        steps.append(
            api.llama_sampler_init_penalties(
                n_vocab,
                PENALTY_WINDOW_TOKENS,
                params.repeat_penalty,
                params.frequency_penalty,
                params.presence_penalty,
            )
        )
    if params.temperature == 0:
        return [*steps, api.llama_sampler_init_greedy()]
    if params.top_k > 0:
        steps.append(api.llama_sampler_init_top_k(params.top_k))
    if params.top_p < 1:
        steps.append(api.llama_sampler_init_top_p(params.top_p, 1))
    if params.min_p > 0:
        steps.append(api.llama_sampler_init_min_p(params.min_p, 1))
    seed = _ANY_SEED if params.seed is None else seed_of(params.seed)
    steps.append(api.llama_sampler_init_temp(params.temperature))
    return [*steps, api.llama_sampler_init_dist(seed)]
