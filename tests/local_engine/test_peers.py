# SPDX-License-Identifier: Apache-2.0
"""llama.cpp's own server behind our port, which is only measured."""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path

import pytest

from local_engine.bench.llama_server import LlamaServerBackend, command
from local_engine.engine import Done, Token
from local_engine.errors import ModelFileError
from local_engine.line import LineEngine
from local_engine.profile import ModelProfile
from local_engine.xllamacpp import PrivateListener
from tests.local_engine.fakes import Collector, a_config, a_request

# Answers as llama-server does: ids for a text, and a stream with counts after the last choice.
PROGRAM = """#!{python}
import json, socketserver, sys
from http.server import BaseHTTPRequestHandler
options = dict(zip(sys.argv, sys.argv[1:]))

class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        assert self.headers["authorization"] == "Bearer " + options["--api-key"]
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path == "/tokenize":
            reply = json.dumps({{"tokens": list(body["content"].encode())}})
        else:
            assert body["cache_prompt"] and body["prompt"]
            ends = [("He", None), ("llo", None), ("", "stop")]
            replies = [{{"choices": [{{"text": t, "finish_reason": f}}]}} for t, f in ends]
            replies += [{{"choices": [], "usage": {{"completion_tokens": 2}}}}]
            reply = "".join("data: " + json.dumps(each) + "\\n\\n" for each in replies)
            reply += "data: [DONE]\\n\\n"
        self.send_response(200)
        self.send_header("content-length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply.encode())

    def address_string(self):
        return ""

    def log_message(self, *args):
        pass

socketserver.ThreadingUnixStreamServer(options["--host"], Handler).serve_forever()
"""


def a_program(folder: Path, text: str) -> Path:
    """An executable."""
    path = folder / "llama-server"
    path.write_text(text)
    path.chmod(0o700)
    return path


def test_the_peer_answers_through_our_port(tmp_path: Path) -> None:
    """Token ids in, text and an end out; the program is gone afterwards."""
    program = a_program(tmp_path, PROGRAM.format(python=sys.executable))
    made: list[LlamaServerBackend] = []

    def load() -> LlamaServerBackend:
        made.append(LlamaServerBackend(program, a_config(n_ctx=200)))
        return made[0]

    engine = LineEngine(load, ModelProfile(name="m"))
    engine.start().result(timeout=20)
    sink = Collector()
    engine.submit(a_request(max_tokens=8), sink)
    text = ""
    while isinstance(event := sink.next(timeout_s=10), Token):
        text += event.text
    assert isinstance(event, Done)
    engine.close()

    assert (text, event.finish_reason) == ("Hello", "stop")
    assert made[0]._process.poll() is not None


def test_a_program_that_does_not_come_up_is_an_error(tmp_path: Path) -> None:
    """It ended by itself."""
    program = a_program(tmp_path, "#!/bin/sh\nexit 3\n")
    with pytest.raises(ModelFileError, match="llama-server"):
        LlamaServerBackend(program, a_config(n_ctx=200))


def test_the_peer_gets_what_we_have() -> None:
    """File, threads, batch, slots, cells."""
    config = a_config(n_ctx=200, cells=600, slots=3, decode_threads=1, prefill_threads=2)
    listener = PrivateListener()
    words = command(Path("/p"), config, listener)
    listener.close()
    given = dict(pairwise(words))

    assert given["--model"] == str(config.model_file)
    assert (given["--ctx-size"], given["--parallel"]) == ("600", "3")
    assert (given["--threads"], given["--threads-batch"]) == ("1", "2")
    assert given["--batch-size"] == given["--ubatch-size"] == str(config.n_batch)
