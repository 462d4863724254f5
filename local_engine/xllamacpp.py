# SPDX-License-Identifier: Apache-2.0
"""Answers through the prebuilt `xllamacpp` wheel, for machines without a compiler.

The wheel holds llama.cpp's C++ server, which cannot be had without a listener. It listens on a
unix socket in a private folder, behind a random key, never on a port; we use that socket for
token counts and the in-process call for answers. Prompts are handed over as token ids: as text
the server would turn "<|im_start|>" in a user's words into a control token.

Its server batches by itself: there is one thread here for each of its slots, which waits for the
next request, hands it over and reads the replies.

What it lacks compared with the compiled engine: instruction sets beyond AVX2, cancellation inside
a prompt decode (it takes effect at the next token), low memory (106 MB of library), prefixes kept
by tenant (so none are kept), constraints, log-probabilities and the vocabulary.
"""

from __future__ import annotations

import importlib
import json
import secrets
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from collections.abc import Sequence as Tokens
from pathlib import Path
from typing import Any, Protocol, cast

from local_engine.backend import Gauges
from local_engine.engine import GenerationRequest, Token, Vocabulary, always
from local_engine.errors import (
    EngineUnavailableError,
    GenerationCancelledError,
    LibraryMissingError,
    LocalEngineError,
    ModelFileError,
    UnsupportedByEngineError,
)
from local_engine.llama_api import RuntimeConfig, limit_spinning
from local_engine.llama_sampler import seed_of
from local_engine.sequence import Sequence
from local_engine.unix_http import UnixConnection
from local_engine.waiting import Line

_FATAL_LOGS_ONLY = -1
_LOOK_AGAIN_S = 0.01
Reply = Mapping[str, Any]


class CompletionServer(Protocol):
    """The one method of `xllamacpp.Server` in use."""

    def handle_completions(
        self, prompt: dict[str, object], callback: Callable[[Reply], bool]
    ) -> None:
        """Call back with each reply until that returns true."""
        ...


class PrivateListener:
    """The server's own HTTP interface, for what the in-process calls do not offer."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="nearward-")
        self.path = str(Path(self._folder.name) / "llama.sock")
        self.key = secrets.token_urlsafe(32)

    def tokenize(self, text: str, *, parse_special: bool) -> list[int]:
        """Ask the server for token ids."""
        connection = UnixConnection(self.path, timeout_s=30)
        body = {"content": text, "add_special": False, "parse_special": parse_special}
        headers = {"authorization": f"Bearer {self.key}", "content-type": "application/json"}
        try:
            connection.request("POST", "/tokenize", json.dumps(body), headers)
            reply = json.loads(connection.getresponse().read())
            return [int(token) for token in reply["tokens"]]
        except (OSError, ValueError, KeyError):
            raise EngineUnavailableError("The on-device engine cannot count tokens.") from None
        finally:
            connection.close()

    def close(self) -> None:
        """Remove the socket's folder."""
        self._folder.cleanup()


class XllamaCppBackend:
    """`Backend` over `xllamacpp.Server`."""

    name = "xllamacpp"
    features = frozenset({"logit_bias"})

    def __init__(
        self, server: CompletionServer, listener: PrivateListener, config: RuntimeConfig
    ) -> None:
        self._server: CompletionServer | None = server
        self._listener = listener
        self.n_ctx = config.n_ctx
        self.slots = config.slots
        self.gauges = Gauges(kv_cells=cells_of(config))
        self._promised = 0
        self._books = threading.Lock()

    @classmethod
    def load(cls, config: RuntimeConfig) -> XllamaCppBackend:
        """Start the library's server. Raises LibraryMissingError or ModelFileError."""
        limit_spinning()
        try:
            library = importlib.import_module("xllamacpp")
        except ImportError as error:
            raise LibraryMissingError("xllamacpp is not installed; run: make setup") from error
        listener = PrivateListener()
        params = _server_params(library, config, listener)
        try:
            server = cast("CompletionServer", library.Server(params))
        except (RuntimeError, ValueError) as error:
            listener.close()
            name = config.model_file.name
            raise ModelFileError(f"model file cannot be loaded: {name}") from error
        return cls(server, listener, config)

    def tokenize(self, text: str, *, parse_special: bool) -> list[int]:
        """Token ids of `text`."""
        return self._listener.tokenize(text, parse_special=parse_special)

    def vocabulary(self) -> Vocabulary:
        """Not told by the library."""
        raise UnsupportedByEngineError("tokens")

    def embed(
        self, inputs: Tokens[Tokens[int]], is_wanted: Callable[[], bool] = always
    ) -> list[list[float]]:
        """Its server would need another mode for that."""
        raise UnsupportedByEngineError("input")

    def check(self, request: GenerationRequest) -> None:
        """Refuse what the in-process call cannot pass on."""
        if request.constraint is not None:
            raise UnsupportedByEngineError("response_format")
        if request.logprobs is not None:
            raise UnsupportedByEngineError("logprobs")

    def serve(self, line: Line) -> None:
        """One thread for each slot of the library's server."""
        workers = [
            threading.Thread(target=self._work, args=(line,), name=f"slot-{slot}", daemon=True)
            for slot in range(self.slots)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

    def _work(self, line: Line) -> None:
        while line.wait():
            if (taken := line.take(self._promise)) is None:
                time.sleep(_LOOK_AGAIN_S)  # the head waits for room, or another was faster
                continue
            sequence, promised = taken
            error = self._answer(sequence)
            with self._books:
                self._promised -= promised
            line.end(sequence, error)

    def _promise(self, sequence: Sequence) -> int | None:
        """The cells that it may need; None while others have them."""
        with self._books:
            if self._promised + sequence.cost > self.gauges.kv_cells:
                return None
            self._promised += sequence.cost
        return sequence.cost

    def _answer(self, sequence: Sequence) -> LocalEngineError | None:
        """Stream one completion; the error that ended it, if one did."""
        assert self._server is not None, "answer after close"
        reader = _ReplyReader(sequence)
        try:
            self._server.handle_completions(_completion_request(sequence), reader)
        except Exception as error:
            return LocalEngineError(f"The engine failed ({type(error).__name__}).")
        if reader.error is not None:
            return reader.error
        if sequence.finish_reason is None:
            return sequence.unwanted(time.monotonic()) or GenerationCancelledError()
        return None

    def close(self) -> None:
        """Stop the library's server."""
        self._server = None
        self._listener.close()


class _ReplyReader:
    """Called with each reply; returns true to stop. Must not raise into the library."""

    def __init__(self, sequence: Sequence) -> None:
        self._sequence = sequence
        self.error: LocalEngineError | None = None

    def __call__(self, reply: Reply) -> bool:
        try:
            return self._read(reply)
        except (KeyError, IndexError, TypeError) as error:
            self.error = LocalEngineError(f"unexpected reply ({type(error).__name__})")
            return True

    def _read(self, reply: Reply) -> bool:
        if "error" in reply:
            self.error = LocalEngineError("The engine refused the request.")
            return True
        if self._sequence.unwanted(time.monotonic()) is not None:
            return True
        choice = reply["choices"][0]
        if choice["text"]:
            self._sequence.mark_first_token(time.monotonic)
            self._sequence.sink(Token(choice["text"]))
        if choice["finish_reason"] is not None:
            tokens = int(reply.get("usage", {}).get("completion_tokens", 0))
            self._sequence.end("length" if choice["finish_reason"] == "length" else "stop", tokens)
        return False


def _completion_request(sequence: Sequence) -> dict[str, object]:
    sampling = sequence.request.sampling
    return {
        "prompt": list(sequence.prompt),
        "stream": True,
        "stream_options": {"include_usage": True},
        "cache_prompt": False,
        "n_predict": sequence.max_tokens,
        "stop": list(sequence.request.stop),
        "temperature": sampling.temperature,
        "top_k": sampling.top_k,
        "top_p": sampling.top_p,
        "min_p": sampling.min_p,
        "seed": -1 if sampling.seed is None else seed_of(sampling.seed),
        "repeat_penalty": sampling.repeat_penalty,
        "presence_penalty": sampling.presence_penalty,
        "frequency_penalty": sampling.frequency_penalty,
        "logit_bias": [list(pair) for pair in sampling.logit_bias],
    }


def cells_of(config: RuntimeConfig) -> int:
    """Tokens that its context holds."""
    return max(config.n_ctx, config.cells or 2 * config.n_ctx)


def _server_params(library: Any, config: RuntimeConfig, listener: PrivateListener) -> Any:
    params = library.CommonParams()
    params.model.path = str(config.model_file)
    params.n_ctx = cells_of(config)
    params.kv_unified = True  # a slot may use all of it, as long as the others leave room
    params.n_batch = params.n_ubatch = config.n_batch
    params.n_parallel = config.slots
    params.n_gpu_layers = 0
    params.cpuparams.n_threads = config.decode_threads
    params.cpuparams_batch.n_threads = config.prefill_threads
    params.verbosity = _FATAL_LOGS_ONLY
    params.hostnames = [listener.path]
    params.api_keys = [listener.key]
    params.endpoint_slots = False
    params.endpoint_metrics = False
    return params
