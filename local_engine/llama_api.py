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
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol, cast

from local_engine.engine import SamplingParams
from local_engine.errors import LibraryMissingError, ModelFileError

LIBRARY_ENV = "LLAMA_CPP_LIB_PATH"
LIBRARY_FOLDER = "nearward-llama"
PENALTY_WINDOW_TOKENS = 1024
_LOG_ERROR = 4  # GGML_LOG_LEVEL_ERROR
_FLASH_ATTENTION_ON = 1
_ANY_SEED = 0xFFFFFFFF  # LLAMA_DEFAULT_SEED: llama.cpp draws one


class DecodeStatus(IntEnum):
    """What llama_decode returns; anything below INVALID_BATCH is fatal for the step too."""

    OK = 0
    NO_KV_SLOT = 1
    ABORTED = 2
    INVALID_BATCH = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeConfig:
    """How a model is loaded. `n_ctx` 0 means the length that the model was trained with."""

    model_file: Path
    n_ctx: int
    n_batch: int
    slots: int
    decode_threads: int
    prefill_threads: int
    gpu_layers: int = 0


class Runtime(Protocol):
    """One loaded model with its context, as the engine thread uses it."""

    @property
    def n_ctx(self) -> int: ...

    def tokenize(self, text: str, *, parse_special: bool) -> list[int]: ...

    def piece(self, token: int) -> bytes: ...

    def is_end(self, token: int) -> bool: ...

    def decode(
        self, tokens: Sequence[int], position: int, *, abort: Callable[[], bool] | None
    ) -> int: ...

    def new_sampler(self, params: SamplingParams) -> int: ...

    def free_sampler(self, sampler: int) -> None: ...

    def sample(self, sampler: int) -> int: ...

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


class _LoadLog:
    """llama.cpp's log: silent, but for the errors of the last load.

    The callback is one for the whole process and must never be freed, so it lives in the module.
    """

    def __init__(self) -> None:
        self._errors: list[str] = []
        self._callback: object = None

    def listen(self, api: Any) -> None:
        """Start anew."""
        self._errors = []
        if self._callback is None:
            self._callback = api.llama_log_callback(self._on_line)
            api.llama_log_set(self._callback, None)

    def _on_line(self, level: int, text: bytes, _data: object) -> None:
        if level == _LOG_ERROR and len(self._errors) < 5:
            self._errors.append(text.decode("utf-8", "replace").strip())

    def first_error(self) -> str:
        """Why the load failed."""
        return self._errors[0] if self._errors else "llama.cpp gave no reason"


_LOG = _LoadLog()


class LlamaRuntime:
    """`Runtime` over llama-cpp-python's low-level API. Construct and use it in one thread."""

    def __init__(self, config: RuntimeConfig) -> None:
        self._api = load_bindings()
        _LOG.listen(self._api)
        self._api.llama_backend_init()
        self._model = self._load_model(config)
        self._vocab = self._api.llama_model_get_vocab(self._model)
        self._n_vocab = int(self._api.llama_vocab_n_tokens(self._vocab))
        self._context = self._new_context(config)
        self._memory = self._api.llama_get_memory(self._context)
        self._batch = self._api.llama_batch_init(config.n_batch, 0, 1)
        self._abort: Callable[[], bool] | None = None
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
                f"model file cannot be loaded: {config.model_file.name}: {_LOG.first_error()}"
            )
        return model

    def _new_context(self, config: RuntimeConfig) -> Any:
        trained = int(self._api.llama_model_n_ctx_train(self._model))
        params = self._api.llama_context_default_params()
        params.n_ctx = min(config.n_ctx or trained, trained)
        params.n_batch = params.n_ubatch = config.n_batch
        params.n_seq_max = config.slots
        params.n_outputs_max = config.slots
        params.n_threads = config.decode_threads
        params.n_threads_batch = config.prefill_threads
        params.flash_attn_type = _FLASH_ATTENTION_ON
        params.no_perf = True
        context = self._api.llama_init_from_model(self._model, params)
        if not context:
            raise ModelFileError(
                f"no memory for a context of {params.n_ctx} tokens; use a smaller --ctx"
            )
        return context

    @property
    def n_ctx(self) -> int:
        """Tokens that the context holds."""
        return int(self._api.llama_n_ctx(self._context))

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
        buffer = self._piece_buffer
        size = self._api.llama_token_to_piece(self._vocab, token, buffer, len(buffer), 0, False)
        if size < 0:
            self._piece_buffer = ctypes.create_string_buffer(-size)
            return self.piece(token)
        return buffer.raw[:size]

    def is_end(self, token: int) -> bool:
        """Whether the model ends its turn with this token."""
        return bool(self._api.llama_vocab_is_eog(self._vocab, token))

    def is_control(self, token: int) -> bool:
        """Whether the token is one that steers the model."""
        return bool(self._api.llama_vocab_is_control(self._vocab, token))

    def decode(
        self, tokens: Sequence[int], position: int, *, abort: Callable[[], bool] | None
    ) -> int:
        """Run `tokens` (at most n_batch) from `position` on; logits for the last one.

        `abort` is asked before each graph node. That costs a lock per call, so leave it out
        for single tokens. Returns a `DecodeStatus` or a lower, fatal code.
        """
        batch = self._batch
        last = len(tokens) - 1
        for row, token in enumerate(tokens):
            batch.token[row] = token
            batch.pos[row] = position + row
            batch.n_seq_id[row] = 1
            batch.seq_id[row][0] = 0
            batch.logits[row] = row == last
        batch.n_tokens = len(tokens)
        self._set_abort(abort)
        return int(self._api.llama_decode(self._context, batch))

    def _set_abort(self, abort: Callable[[], bool] | None) -> None:
        if (self._abort is None) != (abort is None):
            callback = self._no_callback if abort is None else self._abort_callback
            self._api.llama_set_abort_callback(self._context, callback, None)
        self._abort = abort

    def new_sampler(self, params: SamplingParams) -> int:
        """A sampler chain in llama.cpp's usual order: penalties, top-k, top-p, min-p, heat."""
        api = self._api
        chain = api.llama_sampler_chain_init(api.llama_sampler_chain_default_params())
        for step in self._sampler_steps(params):
            api.llama_sampler_chain_add(chain, step)
        return cast("int", chain)

    def _sampler_steps(self, params: SamplingParams) -> list[Any]:
        api = self._api
        steps = []
        if params.has_penalties:
            steps.append(
                api.llama_sampler_init_penalties(
                    self._n_vocab,
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
        seed = _ANY_SEED if params.seed is None else params.seed & 0xFFFFFFFF
        steps.append(api.llama_sampler_init_temp(params.temperature))
        return [*steps, api.llama_sampler_init_dist(seed)]

    def free_sampler(self, sampler: int) -> None:
        """Free a chain and its steps."""
        self._api.llama_sampler_free(sampler)

    def sample(self, sampler: int) -> int:
        """Draw from the logits of the last decode and tell the sampler what was drawn."""
        return int(self._api.llama_sampler_sample(sampler, self._context, -1))

    def forget(self) -> None:
        """Empty the context."""
        self._api.llama_memory_clear(self._memory, False)

    def set_threads(self, decode: int, prefill: int) -> None:
        """Use so many threads from the next decode on."""
        self._api.llama_set_n_threads(self._context, decode, prefill)

    def close(self) -> None:
        """Free everything; the object is dead afterwards."""
        self._api.llama_batch_free(self._batch)
        self._api.llama_free(self._context)
        self._api.llama_model_free(self._model)
