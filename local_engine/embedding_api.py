# SPDX-License-Identifier: Apache-2.0
"""The llama.cpp calls of the embedder. One thread owns an object of this class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from local_engine.embedder import Tokens, flat
from local_engine.errors import EngineUnavailableError

_MEAN_POOLING = 1  # LLAMA_POOLING_TYPE_MEAN
# Flash attention sums in 16 bits, in chunks that depend on what else is in the batch: the same text
# gave vectors with a cosine of .999. Without it they are equal to the last digits.
_FLASH_ATTENTION_OFF = 0


class LlamaEmbeddingContext:
    """`EmbeddingContext` over a loaded model."""

    def __init__(
        self, api: Any, model: Any, *, n_ctx: int, n_batch: int, n_seq: int, threads: int
    ) -> None:
        """Raises EngineUnavailableError when there is no memory for it."""
        params = api.llama_context_default_params()
        params.n_ctx = self.n_ctx = n_ctx
        params.n_batch = params.n_ubatch = n_batch
        params.n_seq_max = n_seq
        params.n_threads = params.n_threads_batch = threads
        params.embeddings = True
        params.pooling_type = _MEAN_POOLING
        params.kv_unified = True  # one long input may have the whole context
        params.flash_attn_type = _FLASH_ATTENTION_OFF
        params.no_perf = True
        self._api = api
        self._context = api.llama_init_from_model(model, params)
        if not self._context:
            raise EngineUnavailableError("There is no memory for embeddings.")
        self._size = int(api.llama_model_n_embd(model))
        self._memory = api.llama_get_memory(self._context)
        self._batch = api.llama_batch_init(n_batch, 0, 1)

    def means(self, inputs: Sequence[Tokens], position: int) -> tuple[int, list[list[float]]]:
        """Decode and read the means."""
        batch, row = self._batch, -1
        for row, (token, at, sequence) in enumerate(flat(inputs, position)):
            batch.token[row] = token
            batch.pos[row] = at
            batch.n_seq_id[row] = 1
            batch.seq_id[row][0] = sequence
            batch.logits[row] = True
        batch.n_tokens = row + 1
        code = int(self._api.llama_decode(self._context, batch))
        if code != 0:
            return code, []
        get = self._api.llama_get_embeddings_seq
        return 0, [get(self._context, index)[: self._size] for index in range(len(inputs))]

    def forget(self) -> None:
        """Empty the context."""
        self._api.llama_memory_clear(self._memory, False)

    def close(self) -> None:
        """Free everything; the object is dead afterwards."""
        self._api.llama_batch_free(self._batch)
        self._api.llama_free(self._context)
