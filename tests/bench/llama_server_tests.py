# SPDX-License-Identifier: Apache-2.0
"""llama.cpp's own server tests against our engine.

    python -m tests.bench.llama_server_tests FOLDER [pytest arguments]

FOLDER is `vendor/llama.cpp/tools/server/tests` of the llama-cpp-python source archive, which
`pip download --no-deps --no-binary :all: llama-cpp-python==0.3.36` brings; nothing of it is kept
here. Their tests speak to a port and to paths of llama.cpp's own, and name models that are not
asked about, so a small translator stands in between: it maps `/tokenize`, `/detokenize` and paths
without `/v1`, renames `content` to `text`, and leaves `model` out. What a test then finds is the
engine's own answer. local_engine/design.md says which tests apply and why some deviate.

Prints one line for each test, and one JSON line of figures last.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from local_engine.unix_http import UnixConnection
from tests.local_engine.test_real_model import MODEL_FILE, NAME, Client

FILES = ("test_chat_completion.py", "test_tokenize.py", "test_embedding.py", "test_security.py")
_OURS = {"/tokenize": "content", "/detokenize": "tokens"}
_PASSED_ON = ("content-type", "retry-after")


class Translator(BaseHTTPRequestHandler):
    """One request of theirs; `socket_path` is set by `translator`."""

    socket_path = ""
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Pass on."""
        self._answer("GET", b"")

    def do_POST(self) -> None:
        """Pass on, translated."""
        raw = self.rfile.read(int(self.headers.get("content-length", 0)))
        self._answer("POST", self._translated(json.loads(raw)))

    def _translated(self, body: Any) -> bytes:
        if isinstance(body, dict):
            body.pop("model", None)
            if self.path == "/tokenize":
                body = {"text": body.get("content")}
        return json.dumps(body).encode()

    def _answer(self, method: str, body: bytes) -> None:
        path = self.path if self.path.startswith(("/v1", "/health")) else f"/v1{self.path}"
        connection = UnixConnection(self.socket_path, timeout_s=120)
        connection.request(method, path, body or None)
        reply = connection.getresponse()
        answer = reply.read()
        if self.path == "/detokenize" and reply.status == 200:
            answer = json.dumps({"content": json.loads(answer)["text"]}).encode()
        self.send_response(reply.status)
        for name in _PASSED_ON:
            if value := reply.getheader(name):
                self.send_header(name, value)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
        connection.close()

    def log_message(self, *_: object) -> None:
        """Silent."""


@contextmanager
def engine(folder: Path) -> Iterator[str]:
    """The engine's process; its socket."""
    path = folder / "run" / "e.sock"
    command = [
        sys.executable, "-m", "local_engine.server", "--socket", str(path),
        "--model-file", str(MODEL_FILE), "--model-name", NAME, "--ctx", "512",
    ]  # fmt: skip
    with subprocess.Popen(command) as process:
        try:
            Client(path).wait_ready()
            yield str(path)
        finally:
            process.terminate()


@contextmanager
def translator(socket_path: str) -> Iterator[int]:
    """Its port."""
    handler = type("Bound", (Translator,), {"socket_path": socket_path})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def run(tests: Path, port: int, folder: Path, arguments: list[str]) -> Path:
    """pytest over their files; the report."""
    (folder / "wget.py").write_text("")  # they import it to download models
    report = folder / "report.xml"
    command = [
        sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "-p", "no:cacheprovider",
        "--timeout", "120", f"--junitxml={report}",
        *(arguments or [f"unit/{name}" for name in FILES]),
    ]  # fmt: skip
    variables = {"DEBUG_EXTERNAL": "1", "PORT": str(port), "PYTHONPATH": f"{folder}:{tests}"}
    subprocess.run(
        command,
        cwd=tests,
        env={**os.environ, **variables},
        stdout=subprocess.DEVNULL,
        check=False,
    )
    return report


def results(report: Path) -> Iterator[tuple[str, str, str]]:
    """Name, result and the first line of what went wrong of each test."""
    for case in ET.parse(report).getroot().iter("testcase"):  # noqa: S314  see the import
        found = [child for child in case if child.tag in ("failure", "error", "skipped")]
        result = found[0].tag if found else "passed"
        reason = (found[0].get("message") or "").splitlines()[:1] if found else []
        yield f"{case.get('classname')}.{case.get('name')}", result, "".join(reason)


def main(arguments: list[str]) -> int:
    """Run and print."""
    tests = Path(arguments[0]).resolve()
    with (
        tempfile.TemporaryDirectory(prefix="nw") as name,
        engine(Path(name)) as socket_path,
        translator(socket_path) as port,
    ):
        found = list(results(run(tests, port, Path(name), arguments[1:])))
    for test, result, reason in found:
        print(f"{result:8} {test}  {reason[:120]}")
    print(json.dumps(dict(Counter(result for _, result, _ in found))))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
