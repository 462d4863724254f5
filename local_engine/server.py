# SPDX-License-Identifier: Apache-2.0
"""The engine's process: `python -m local_engine.server --socket PATH --model-file F ...`.

Listens on a unix socket that only this user may open (mode 0600 in a folder of mode 0700),
answers /health from the first moment on and loads the model meanwhile. Makes no connection of
its own, keeps no access log, leaves no core file, and dies with the process that started it.

Exit codes: 0 after SIGTERM; 78 when only a person can mend it (no library, unusable model
file), with one line on stderr; anything else is a crash.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import uvicorn

from local_engine.app import EngineApp
from local_engine.device import plan_threads, probe
from local_engine.engine import Engine
from local_engine.errors import EXIT_SETUP, EngineSetupError
from local_engine.process import die_with_parent, forbid_core_dumps, unblock_signals
from local_engine.profile import ModelProfile
from local_engine.selection import ENGINES, EngineOptions, make_engine
from local_engine.store.admission import admit

# Under the supervisor's 5 s, so that a stream in flight gets its time and no kill is needed.
GRACE_S = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """The command line, checked. `n_ctx` 0 means the default of the model; `has_own_file` that
    the file is the operator's, not the store's."""

    socket_path: Path
    model_file: Path
    model_name: str
    n_ctx: int
    threads: int | None
    engine: str
    has_own_file: bool = False


class EngineServer(uvicorn.Server):
    """A uvicorn server that ends with the engine's own error when the model cannot be loaded."""

    def __init__(self, engine: Engine, profile: ModelProfile) -> None:
        self.engine = engine
        self.failure: BaseException | None = None
        super().__init__(
            uvicorn.Config(
                EngineApp(engine, profile),
                loop="asyncio",  # uvloop would cost 8 MB; a token comes every 10 ms
                log_config=None,
                access_log=False,
                server_header=False,
                date_header=False,
                lifespan="off",
                ws="none",
                proxy_headers=False,
                timeout_graceful_shutdown=GRACE_S,
            )
        )

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """uvicorn's own version ends the process by the signal itself, before we have freed
        the model and removed the socket."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)

    async def run_on(self, listener: socket.socket) -> None:
        """Serve until a signal comes or loading fails."""
        loading = asyncio.wrap_future(self.engine.start())
        watcher = asyncio.create_task(self._watch(loading))
        try:
            await self.serve([listener])
        finally:
            watcher.cancel()
            self.engine.close()

    async def _watch(self, loading: asyncio.Future[None]) -> None:
        try:
            await loading
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            self.failure = error
            self.should_exit = True


def listen(path: Path) -> socket.socket:
    """A listening socket that only this user can reach.

    An existing folder must be ours and closed to others: in a shared one somebody else could
    put a socket of his own in our place. Raises EngineSetupError.
    """
    folder = path.parent
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    details = folder.stat()
    if details.st_uid != os.getuid() or details.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise EngineSetupError(f"the socket's folder must be yours and of mode 0700: {folder}")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    previous = os.umask(0o177)
    try:
        if path.is_socket():
            path.unlink()
        listener.bind(str(path))
        listener.listen(128)  # now: whoever sees the socket may connect and is served soon
    except OSError as error:
        listener.close()
        raise EngineSetupError(f"cannot listen on {path}: {error.strerror or error}") from error
    finally:
        os.umask(previous)
    return listener


def parse_options(arguments: list[str]) -> ServerOptions:
    """Read the command line; exits with 2 and a usage line when it is wrong."""
    parser = argparse.ArgumentParser(prog="python -m local_engine.server", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--socket", type=Path, required=True)
    parser.add_argument("--model-file", type=Path, required=True)
    parser.add_argument("--model-name", required=True)
    parser.add_argument("--own-file", action="store_true", help="not a file of the model store")
    parser.add_argument("--ctx", type=int, default=0, help="context in tokens; 0: the model's")
    parser.add_argument("--threads", default="auto", help="a number, or auto")
    parser.add_argument("--engine", choices=ENGINES, default="auto")
    found = parser.parse_args(arguments)
    if found.threads != "auto" and not (found.threads.isdigit() and 1 <= int(found.threads) <= 256):
        parser.error("--threads must be auto or a number from 1 to 256")
    if not 0 <= found.ctx <= 1 << 20:
        parser.error("--ctx must be from 0 to 1048576")
    return ServerOptions(
        socket_path=found.socket,
        model_file=found.model_file,
        model_name=found.model_name,
        n_ctx=found.ctx,
        threads=None if found.threads == "auto" else int(found.threads),
        engine=found.engine,
        has_own_file=found.own_file,
    )


def build_engine(options: ServerOptions) -> tuple[Engine, ModelProfile]:
    """Check the model file and choose the engine. Raises EngineSetupError."""
    profile = admit(options.model_name, options.model_file, is_own=options.has_own_file)
    if options.n_ctx:
        profile = replace(profile, n_ctx=options.n_ctx)
    threads = plan_threads(probe().usable_cpus, options.threads)
    chosen = EngineOptions(kind=options.engine, model_file=options.model_file, threads=threads)
    return make_engine(chosen, profile), profile


def serve(options: ServerOptions) -> int:
    """Run until told to stop; the exit code."""
    try:
        engine, profile = build_engine(options)
        listener = listen(options.socket_path)
        server = EngineServer(engine, profile)
        with listener:
            asyncio.run(server.run_on(listener))
        options.socket_path.unlink(missing_ok=True)
        if server.failure is not None:
            raise server.failure
    except EngineSetupError as error:
        sys.stderr.write(f"local engine: {error}\n")
        return EXIT_SETUP
    return 0


def main(arguments: list[str] | None = None) -> int:
    """Harden this process, then serve."""
    options = parse_options(sys.argv[1:] if arguments is None else arguments)
    die_with_parent(signal.SIGKILL)  # there is nothing to save
    forbid_core_dumps()
    unblock_signals()
    return serve(options)


if __name__ == "__main__":
    sys.exit(main())
