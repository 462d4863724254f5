# SPDX-License-Identifier: Apache-2.0
"""The prebuilt backend over a fake module and a fake listener."""

from __future__ import annotations

import http.server
import json
import socketserver
import sys
import threading
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from local_engine.engine import Done, Failed, GenerationRequest
from local_engine.errors import (
    EngineUnavailableError,
    LibraryMissingError,
    ModelFileError,
    UnsupportedByEngineError,
)
from local_engine.line import LineEngine
from local_engine.profile import ModelProfile
from local_engine.xllamacpp import PrivateListener, XllamaCppBackend
from tests.local_engine.fakes import Collector, a_config, a_request

Reply = Mapping[str, Any]


def reply(text: str, reason: str | None = None, tokens: int = 0) -> Reply:
    """One chunk as the library sends it."""
    choice = {"text": text, "index": 0, "finish_reason": reason}
    return {"choices": [choice], "usage": {"completion_tokens": tokens}}


class FakeServer:
    """Plays replies back, as long as the callback wants more."""

    def __init__(self, replies: list[Reply]) -> None:
        self.replies = replies
        self.prompts: list[dict[str, object]] = []
        self.sent = 0

    def handle_completions(
        self, prompt: dict[str, object], callback: Callable[[Reply], bool]
    ) -> None:
        self.prompts.append(prompt)
        for item in self.replies:
            self.sent += 1
            if callback(item):
                return


CONFIG = a_config(n_ctx=200)


class FakeListener(PrivateListener):
    """Counts bytes instead of asking a server."""

    def tokenize(self, text: str, *, parse_special: bool) -> list[int]:
        return [7] if parse_special else list(text.encode())


def ask(
    replies: list[Reply], max_tokens: int | None = None
) -> tuple[str, Done | Failed, FakeServer]:
    """One request through the line."""
    server, sink, profile = FakeServer(replies), Collector(), ModelProfile(name="m")
    engine = LineEngine(lambda: XllamaCppBackend(server, FakeListener(), CONFIG), profile)
    engine.start().result(timeout=5)
    try:
        engine.submit(a_request(max_tokens=max_tokens), sink)
        text, last = sink.finish()
    finally:
        engine.close()
    return text, last, server


def test_replies_become_text_and_one_end() -> None:
    """Text, finish reason and token counts are taken over."""
    text, last, server = ask([reply("Pa"), reply("ris"), reply("", "length", 2)], max_tokens=2)

    assert text == "Paris"
    assert isinstance(last, Done)
    assert (last.finish_reason, last.usage.completion_tokens) == ("length", 2)
    assert server.prompts[0]["n_predict"] == 2


def test_the_prompt_goes_over_as_token_ids() -> None:
    """A string would be searched for control tokens."""
    _, _, server = ask([reply("", "stop")])

    prompt = server.prompts[0]["prompt"]
    assert isinstance(prompt, list)
    assert all(isinstance(token, int) for token in prompt)


@pytest.mark.parametrize("bad", [{"error": {"message": "prompt text"}}, {"choices": []}])
def test_a_bad_reply_fails_the_request(bad: Reply) -> None:
    """The library's words are not passed on: they may quote the prompt."""
    _, last, server = ask([bad, reply("never")])

    assert isinstance(last, Failed)
    assert "prompt text" not in last.error.message
    assert server.sent == 1


def test_a_cancelled_request_stops_at_the_next_token() -> None:
    """The callback's answer ends the library's work."""
    server, sink = FakeServer([]), Collector()
    engine = LineEngine(
        lambda: XllamaCppBackend(server, FakeListener(), CONFIG),
        ModelProfile(name="m"),
    )
    engine.start().result(timeout=5)
    go = threading.Event()

    class Replies(list[Reply]):
        def __iter__(self) -> Any:
            assert go.wait(timeout=5)
            return iter([reply("a"), reply("b")])

    server.replies = Replies()
    engine.submit(a_request(), sink).cancel()
    go.set()
    text, last = sink.finish()
    engine.close()

    assert text == ""
    assert isinstance(last, Failed)
    assert server.sent <= 1


def test_loading_listens_on_a_private_socket_behind_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Never on a port."""
    seen: list[Any] = []

    class Params(SimpleNamespace):
        def __init__(self) -> None:
            empty = {name: SimpleNamespace() for name in ("model", "cpuparams", "cpuparams_batch")}
            super().__init__(**empty)

    module = SimpleNamespace(CommonParams=Params, Server=seen.append)
    monkeypatch.setitem(sys.modules, "xllamacpp", module)

    XllamaCppBackend.load(a_config()).close()

    assert seen[0].hostnames[0].endswith(".sock")
    assert len(seen[0].api_keys[0]) >= 32
    assert seen[0].cpuparams_batch.n_threads == 2


def test_a_missing_library_and_a_bad_file_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both say what to do."""

    def refuse(_params: object) -> None:
        raise RuntimeError

    space = SimpleNamespace
    params = lambda: space(model=space(), cpuparams=space(), cpuparams_batch=space())  # noqa: E731
    monkeypatch.setitem(sys.modules, "xllamacpp", space(CommonParams=params, Server=refuse))
    with pytest.raises(ModelFileError, match=r"model\.gguf"):
        XllamaCppBackend.load(a_config())
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(LibraryMissingError, match="make setup"):
        XllamaCppBackend.load(a_config())


def test_tokens_are_asked_for_over_the_private_socket() -> None:
    """With the key, and with special tokens off for plain text."""
    listener = PrivateListener()
    asked: list[tuple[str | None, dict[str, object]]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            size = int(self.headers["content-length"])
            asked.append((self.headers["authorization"], json.loads(self.rfile.read(size))))
            body = b'{"tokens": [1, 2]}'
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

        def address_string(self) -> str:
            return "socket"

    with socketserver.UnixStreamServer(listener.path, Handler) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        tokens = listener.tokenize("hi", parse_special=False)
        thread.join()
    with pytest.raises(EngineUnavailableError):
        listener.tokenize("hi", parse_special=False)
    listener.close()

    assert tokens == [1, 2]
    assert asked[0][0] == f"Bearer {listener.key}"
    assert asked[0][1]["parse_special"] is False


def test_requests_are_handed_over_at_once_as_far_as_cells_reach() -> None:
    """Three slots, cells for two of these: the third waits for the first to end."""
    both_in, go = threading.Barrier(3), threading.Event()
    served: list[int] = []

    class SlowServer(FakeServer):
        def handle_completions(
            self, prompt: dict[str, object], callback: Callable[[Reply], bool]
        ) -> None:
            served.append(1)
            if len(served) <= 2:
                both_in.wait(timeout=5)
                assert go.wait(timeout=5)
            super().handle_completions(prompt, callback)

    server, sinks = SlowServer([reply("a"), reply("", "stop", 1)]), [Collector() for _ in range(3)]
    config = a_config(n_ctx=200, slots=3, cells=250)
    engine = LineEngine(
        lambda: XllamaCppBackend(server, FakeListener(), config), ModelProfile(name="m")
    )
    engine.start().result(timeout=5)
    for sink in sinks:
        engine.submit(a_request(max_tokens=80), sink)
    both_in.wait(timeout=5)
    status = engine.status()
    go.set()
    ends = [sink.finish() for sink in sinks]
    engine.close()

    assert (status.slots, status.busy, status.queued) == (3, 2, 1)
    assert [text for text, _ in ends] == ["a"] * 3


def test_an_exception_in_the_library_ends_its_request_only() -> None:
    """Its words are not passed on."""

    class BrokenServer(FakeServer):
        def handle_completions(
            self, prompt: dict[str, object], callback: Callable[[Reply], bool]
        ) -> None:
            if not self.prompts:
                self.prompts.append(prompt)
                raise RuntimeError("prompt text")
            super().handle_completions(prompt, callback)

    server, first, second = BrokenServer([reply("a", "stop", 1)]), Collector(), Collector()
    engine = LineEngine(
        lambda: XllamaCppBackend(server, FakeListener(), CONFIG), ModelProfile(name="m")
    )
    engine.start().result(timeout=5)
    engine.submit(a_request(), first)
    _, last = first.finish()
    engine.submit(a_request(), second)
    text, _ = second.finish()
    engine.close()

    assert isinstance(last, Failed)
    assert last.error.message == "The engine failed (RuntimeError)."
    assert text == "a"


@pytest.mark.parametrize("wanted", [a_request(logprobs=0), a_request(constraint=object())])
def test_what_it_cannot_do_is_refused_before_the_line(wanted: GenerationRequest) -> None:
    """400, and nothing is handed over."""
    server = FakeServer([])
    engine = LineEngine(
        lambda: XllamaCppBackend(server, FakeListener(), CONFIG), ModelProfile(name="m")
    )
    engine.start().result(timeout=5)
    try:
        with pytest.raises(UnsupportedByEngineError):
            engine.submit(wanted, Collector())
        with pytest.raises(UnsupportedByEngineError):
            engine.vocabulary()
        with pytest.raises(UnsupportedByEngineError):
            engine.embed([[1]])
    finally:
        engine.close()

    assert server.prompts == []
