# SPDX-License-Identifier: Apache-2.0
"""llama.cpp's own server as a peer in measurements: its program, behind our port. Never served.

It gets the same file, threads, batch, slots and cells as our engine, listens on a unix socket in a
private folder, and is asked with token ids, as `xllamacpp` is. Its own prefix cache is on.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

from local_engine.errors import EngineUnavailableError, ModelFileError
from local_engine.llama_api import RuntimeConfig, limit_spinning
from local_engine.unix_http import UnixConnection
from local_engine.xllamacpp import PrivateListener, Reply, XllamaCppBackend, cells_of

READY_S: Final = 120.0
ANSWER_S: Final = 600.0
_LOOK_AGAIN_S: Final = 0.05
_DATA: Final = b"data: "
_END: Final = b"[DONE]"


class LlamaServer:
    """`CompletionServer` over a running program."""

    def __init__(self, listener: PrivateListener) -> None:
        self._listener = listener

    def handle_completions(
        self, prompt: dict[str, object], callback: Callable[[Reply], bool]
    ) -> None:
        """Call back with each reply until that returns true. Raises OSError."""
        headers = {"authorization": f"Bearer {self._listener.key}"}
        with closing(UnixConnection(self._listener.path, timeout_s=ANSWER_S)) as connection:
            body = json.dumps({**prompt, "cache_prompt": True})
            connection.request("POST", "/v1/completions", body, headers)
            for line in connection.getresponse():
                if not line.startswith(_DATA) or line[len(_DATA) :].startswith(_END):
                    continue
                reply = json.loads(line[len(_DATA) :])
                # The last one holds the counts and no choice.
                if reply.get("choices") != [] and callback(reply):
                    return


class LlamaServerBackend(XllamaCppBackend):
    """A started server; closing it ends the program."""

    name = "llama-server"

    def __init__(self, program: Path, config: RuntimeConfig) -> None:
        """Raises ModelFileError when it does not come up."""
        listener = PrivateListener()
        super().__init__(LlamaServer(listener), listener, config)
        limit_spinning()
        self._process = subprocess.Popen(
            command(program, config, listener),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            self._until_ready(listener)
        except ModelFileError:
            self.close()
            raise

    def close(self) -> None:
        """End the program and remove its socket."""
        self._process.terminate()
        self._process.wait()
        super().close()

    def _until_ready(self, listener: PrivateListener) -> None:
        until = time.monotonic() + READY_S
        while time.monotonic() < until and self._process.poll() is None:
            try:
                listener.tokenize("ready", parse_special=False)
            except EngineUnavailableError:
                time.sleep(_LOOK_AGAIN_S)
            else:
                return
        raise ModelFileError("llama-server did not become ready")


def command(program: Path, config: RuntimeConfig, listener: PrivateListener) -> list[str]:
    """How it is started."""
    return [
        str(program), "--model", str(config.model_file), "--offline", "--no-webui", "--log-disable",
        "--host", listener.path, "--api-key", listener.key,
        "--ctx-size", str(cells_of(config)), "--kv-unified", "--parallel", str(config.slots),
        "--batch-size", str(config.n_batch), "--ubatch-size", str(config.n_batch),
        "--threads", str(config.decode_threads), "--threads-batch", str(config.prefill_threads),
        "--flash-attn", "on", "--gpu-layers", "0",
    ]  # fmt: skip
