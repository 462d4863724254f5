# SPDX-License-Identifier: Apache-2.0
"""The few llama.cpp calls this package makes, typed, each return code checked.

Everything here that touches the context must be called from one thread: two threads on one
context freeze it (llama-cpp-python issues 1367 and 1995). Vocabulary calls (`tokenize`) only read
the model and may come from anywhere.

The bindings are imported without running the package's `__init__`: that would load NumPy, Jinja
and a disk cache that a raw decode loop has no use for (0.3 s and 30 MB).
"""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from local_engine.embedder import EmbeddingContext
from local_engine.embedding_api import LlamaEmbeddingContext
from local_engine.engine import SamplingParams, Vocabulary
from local_engine.errors import LibraryMissingError, ModelFileError
from local_engine.llama_log import LOAD_LOG
from local_engine.llama_sampler import new_chain
from local_engine.speculative import MOST_DRAFTED

if TYPE_CHECKING:
    from local_engine.logits import Logits

LIBRARY_ENV = "LLAMA_CPP_LIB_PATH"
LIBRARY_FOLDER = "nearward-llama"
_FLASH_ATTENTION_ON = 1
KvType = Literal["f16", "q8_0", "q4_0"]
_GGML_TYPES: Final[dict[KvType, int]] = {"f16": 1, "q8_0": 8, "q4_0": 2}
KV_TYPES: Final = tuple(_GGML_TYPES)
# Sequence ids for kept prefixes, beside one for each slot.
KEPT_PLACES: Final = 16


class DecodeStatus(IntEnum):
    """What llama_decode returns; anything below INVALID_BATCH is fatal for the step too."""

    OK = 0
    NO_KV_SLOT = 1
    ABORTED = 2
    INVALID_BATCH = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeConfig:
    """How a model is loaded. `n_ctx` 0 means the length that the model was trained with.

    `n_ctx` bounds one request; `cells` is what all of them and the kept prefixes share (0: twice
    `n_ctx`), at 2 x layers x KV width x bytes of `kv_type` each. `kept_cells` bounds the prefixes
    (None: `n_ctx`): each kept cell costs every decode a little, as the attention steps over it.
    """

    model_file: Path
    n_ctx: int
    n_batch: int
    slots: int
    decode_threads: int
    prefill_threads: int
    cells: int = 0
    kept_cells: int | None = None
    kv_type: KvType = "f16"
    may_draft: bool = True
    gpu_layers: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """Tokens of one place at consecutive positions; the last `outputs` of them get logits."""

    place: int
    position: int
    tokens: Sequence[int]
    outputs: int


class Runtime(Protocol):
    """One loaded model with its context, as the engine thread uses it."""

    config: RuntimeConfig

    @property
    def n_ctx(self) -> int: ...

    @property
    def cells(self) -> int: ...

    @property
    def places(self) -> int: ...

    @property
    def most_outputs(self) -> int: ...

    @property
    def is_rewindable(self) -> bool: ...

    def tokenize(self, text: str, *, parse_special: bool) -> list[int]: ...

    def piece(self, token: int) -> bytes: ...

    def is_end(self, token: int) -> bool: ...

    def vocabulary(self) -> Vocabulary: ...

    def use_all_threads(self, all_of_them: bool) -> None: ...

    def decode(self, runs: Sequence[Run], *, abort: Callable[[], bool] | None) -> int: ...

    def new_sampler(self, params: SamplingParams) -> int: ...

    def free_sampler(self, sampler: int) -> None: ...

    def draw(self, sampler: int, row: int) -> int: ...

    def logits(self, row: int) -> Logits: ...

    def copy(self, source: int, target: int, length: int) -> bool: ...

    def cut(self, place: int, length: int) -> bool: ...

    def embedding_context(self, *, n_ctx: int, n_batch: int, n_seq: int) -> EmbeddingContext: ...

    def forget(self) -> None: ...

    def close(self) -> None: ...


def library_folder() -> Path | None:
    """Where the compiled libraries are: the environment's word, else this venv's folder."""
    named = os.environ.get(LIBRARY_ENV)
    folder = Path(named) if named else Path(sys.prefix) / "lib" / LIBRARY_FOLDER
    names = ("libllama.so", "libllama.dylib")
    return folder if any((folder / name).exists() for name in names) else None


def is_installed() -> bool:
    """Whether both halves, bindings and libraries, are there."""
    return library_folder() is not None and importlib.util.find_spec("llama_cpp") is not None


def limit_spinning() -> None:
    """Bound how long a waiting OpenMP thread spins before it sleeps; call it before loading.

    The default of 300,000 rounds starves other work on a machine with few cores; 10,000 costs no
    measurable prompt speed. The user's own setting wins.
    """
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")


def load_bindings() -> Any:
    """The ctypes module `llama_cpp.llama_cpp`. Raises LibraryMissingError."""
    folder, spec = library_folder(), importlib.util.find_spec("llama_cpp")
    if folder is None or spec is None or not spec.submodule_search_locations:
        raise LibraryMissingError("the on-device engine is not installed; run: make setup")
    os.environ[LIBRARY_ENV] = str(folder)
    limit_spinning()
    if "llama_cpp" not in sys.modules:
        package = ModuleType("llama_cpp")
        package.__path__ = list(spec.submodule_search_locations)
        package.__spec__ = spec
        sys.modules["llama_cpp"] = package
    try:
        return importlib.import_module("llama_cpp.llama_cpp")
    except (OSError, RuntimeError, ImportError) as error:
        raise LibraryMissingError(
            f"the on-device engine cannot be loaded ({type(error).__name__}); run: make setup"
        ) from error


class LlamaRuntime:
    """`Runtime` over llama-cpp-python's low-level API. Construct and use it in one thread."""

    def __init__(self, config: RuntimeConfig) -> None:
        self.config = config
        self._api = load_bindings()
        LOAD_LOG.listen(self._api)
        self._api.llama_backend_init()
        self._model = self._load_model(config)
        self._vocab = self._api.llama_model_get_vocab(self._model)
        self.is_rewindable = not (
            self._api.llama_model_is_recurrent(self._model)
            or self._api.llama_model_is_hybrid(self._model)
        )
        self._n_vocab = int(self._api.llama_vocab_n_tokens(self._vocab))
        self._context = self._new_context(config)
        self._memory = self._api.llama_get_memory(self._context)
        self._batch = self._api.llama_batch_init(config.n_batch, 0, 1)
        self._abort: Callable[[], bool] | None = None
        self._uses_all_threads = True
        self._abort_callback = self._api.ggml_abort_callback(self._on_abort)
        self._no_callback = self._api.ggml_abort_callback()
        self._piece_buffer = ctypes.create_string_buffer(512)

    def _on_abort(self, _data: object) -> bool:
        return self._abort is not None and self._abort()

    def _load_model(self, config: RuntimeConfig) -> Any:
        params = self._api.llama_model_default_params()
        params.n_gpu_layers = config.gpu_layers
        model = self._api.llama_model_load_from_file(os.fsencode(config.model_file), params)
        if not model:
            raise ModelFileError(
                f"model file cannot be loaded: {config.model_file.name}: {LOAD_LOG.first_error()}"
            )
        return model

    def _new_context(self, config: RuntimeConfig) -> Any:
        trained = int(self._api.llama_model_n_ctx_train(self._model))
        self._n_ctx = min(config.n_ctx or trained, trained)
        params = self._api.llama_context_default_params()
        params.n_ctx = max(self._n_ctx, config.cells or 2 * self._n_ctx)
        params.kv_unified = True
        params.type_k = params.type_v = _GGML_TYPES[config.kv_type]
        params.n_batch = params.n_ubatch = config.n_batch
        params.n_seq_max = self.places
        # llama.cpp wants a row of logits for each place, and aborts when it has more than these.
        params.n_outputs_max = max(self.places, self.most_outputs)
        params.n_threads = config.decode_threads
        params.n_threads_batch = config.prefill_threads
        params.flash_attn_type = _FLASH_ATTENTION_ON
        params.no_perf = True
        context = self._api.llama_init_from_model(self._model, params)
        if not context:
            raise ModelFileError(
                f"no context of {params.n_ctx} tokens: {LOAD_LOG.first_error()}; lower --ctx"
            )
        return context

    @property
    def n_ctx(self) -> int:
        """Tokens that one request may have."""
        return self._n_ctx

    @property
    def cells(self) -> int:
        """Tokens that the context holds, of all requests together."""
        return int(self._api.llama_n_ctx(self._context))

    @property
    def places(self) -> int:
        """How many sequences it tells apart: one a slot, the others for kept prefixes."""
        return self.config.slots + KEPT_PLACES

    @property
    def most_outputs(self) -> int:
        """Rows of a batch that may have logits."""
        return min(self.config.n_batch, self.config.slots + MOST_DRAFTED)

    def tokenize(self, text: str, *, parse_special: bool) -> list[int]:
        """Token ids of `text`; control tokens only where `parse_special` is true."""
        data = text.encode("utf-8")
        room = 3 * len(data) + 8  # SentencePiece turns a blank into a character of three bytes
        tokens = (ctypes.c_int32 * room)()
        count = int(
            self._api.llama_tokenize(
                self._vocab, data, len(data), tokens, room, False, parse_special
            )
        )
        if count < 0:
            raise ModelFileError("the model's vocabulary cannot encode this text")
        return list(tokens[:count])

    def piece(self, token: int) -> bytes:
        """The bytes that a token stands for; none for control tokens."""
        return self._piece(token, self._piece_buffer)

    def _piece(self, token: int, buffer: Any) -> bytes:
        size = self._api.llama_token_to_piece(self._vocab, token, buffer, len(buffer), 0, False)
        if size < 0:
            return self._piece(token, ctypes.create_string_buffer(-size))
        return bytes(buffer.raw[:size])

    def vocabulary(self) -> Vocabulary:
        """All tokens; any thread."""
        buffer, tokens = ctypes.create_string_buffer(512), range(self._n_vocab)
        return Vocabulary(
            pieces=tuple(self._piece(token, buffer) for token in tokens),
            controls=frozenset(filter(self.is_control, tokens)),
            ends=frozenset(filter(self.is_end, tokens)),
        )

    def is_end(self, token: int) -> bool:
        """Whether the model ends its turn with this token."""
        return bool(self._api.llama_vocab_is_eog(self._vocab, token))

    def is_control(self, token: int) -> bool:
        """Whether the token is one that steers the model."""
        return bool(self._api.llama_vocab_is_control(self._vocab, token))

    def decode(self, runs: Sequence[Run], *, abort: Callable[[], bool] | None) -> int:
        """Decode all runs in one batch, at most n_batch tokens; rows count through them.

        `abort` is asked before each graph node. That costs a lock per call, so leave it out of
        short steps. Returns a `DecodeStatus` or a lower, fatal code; unless it is OK, nothing of
        the batch may be counted on, and each place should be cut back.
        """
        batch, row = self._batch, 0
        for run in runs:
            first_output = len(run.tokens) - run.outputs
            for offset, token in enumerate(run.tokens):
                batch.token[row] = token
                batch.pos[row] = run.position + offset
                batch.n_seq_id[row] = 1
                batch.seq_id[row][0] = run.place
                batch.logits[row] = offset >= first_output
                row += 1
        batch.n_tokens = row
        self._set_abort(abort)
        return int(self._api.llama_decode(self._context, batch))

    def use_all_threads(self, all_of_them: bool) -> None:
        """For batches of several rows: the threads for prompts, or those for single tokens."""
        if all_of_them != self._uses_all_threads:
            few, many = self.config.decode_threads, self.config.prefill_threads
            self._api.llama_set_n_threads(self._context, few, many if all_of_them else few)
            self._uses_all_threads = all_of_them

    def _set_abort(self, abort: Callable[[], bool] | None) -> None:
        if (self._abort is None) != (abort is None):
            callback = self._no_callback if abort is None else self._abort_callback
            self._api.llama_set_abort_callback(self._context, callback, None)
        self._abort = abort

    def new_sampler(self, params: SamplingParams) -> int:
        """A sampler chain."""
        return new_chain(self._api, params, self._n_vocab)

    def free_sampler(self, sampler: int) -> None:
        """Free a chain and its steps."""
        self._api.llama_sampler_free(sampler)

    def draw(self, sampler: int, row: int) -> int:
        """Draw from the logits of a row of the last batch and tell the sampler what was drawn."""
        return int(self._api.llama_sampler_sample(sampler, self._context, row))

    def logits(self, row: int) -> Logits:
        """The logits of a row of the last batch, to be read and changed."""
        from local_engine.logits import Logits

        pointer = self._api.llama_get_logits_ith(self._context, row)
        assert pointer, "only rows that were asked for have logits"
        return Logits.at(pointer, self._n_vocab)

    def copy(self, source: int, target: int, length: int) -> bool:
        """Let `target`, which is empty, see the first `length` tokens of `source`.

        False when the model's memory cannot be shared in part: recurrent, or a sliding window
        that has let go of the beginning.
        """
        if not self.is_rewindable:
            return False
        api, memory = self._api, self._memory
        api.llama_memory_seq_cp(memory, source, target, 0, length)
        first, last = (
            api.llama_memory_seq_pos_min(memory, target),
            api.llama_memory_seq_pos_max(memory, target),
        )
        return bool(first == 0 and last == length - 1)

    def cut(self, place: int, length: int) -> bool:
        """Keep the first `length` tokens of a place; false when the memory cannot do that."""
        return bool(self._api.llama_memory_seq_rm(self._memory, place, length, -1))

    def embedding_context(self, *, n_ctx: int, n_batch: int, n_seq: int) -> LlamaEmbeddingContext:
        """A second context over the same weights, for another thread."""
        return LlamaEmbeddingContext(
            self._api,
            self._model,
            n_ctx=n_ctx,
            n_batch=n_batch,
            n_seq=n_seq,
            threads=self.config.prefill_threads,
        )

    def forget(self) -> None:
        """Empty the context."""
        self._api.llama_memory_clear(self._memory, False)

    def set_threads(self, decode: int, prefill: int) -> None:
        """Use so many threads from the next decode on."""
        self.config = replace(self.config, decode_threads=decode, prefill_threads=prefill)
        self._api.llama_set_n_threads(self._context, decode, prefill)
        self._uses_all_threads = True

    def close(self) -> None:
        """Free everything; the object is dead afterwards."""
        self._api.llama_batch_free(self._batch)
        self._api.llama_free(self._context)
        self._api.llama_model_free(self._model)
