# SPDX-License-Identifier: Apache-2.0
"""The engine's process: `python -m local_engine.server --socket PATH --model-file F ...`.

Listens on a unix socket that only this user may open (mode 0600 in a folder of mode 0700),
answers /health from the first moment on and loads the model meanwhile. Makes no connection of
its own, keeps no access log, leaves no core file, and dies with the process that started it.

Exit codes: 0 after SIGTERM; 78 when only a person can mend it (no library, unusable model
file), with one line on stderr; 75 when a fresh start is due (upkeep.py); anything else is a crash.

Before the model is touched the process gives up what it does not need (sandbox.py).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path

import uvicorn

from local_engine.app import EngineApp
from local_engine.engine import DraftChoice, EngineStatus
from local_engine.errors import EXIT_RECYCLE, EXIT_SETUP, EngineSetupError
from local_engine.heartbeat import Heart, inherited_heart
from local_engine.listening import listen
from local_engine.llama_api import KV_TYPES
from local_engine.preparation import Prepared, ServerOptions, prepare
from local_engine.process import die_with_parent, forbid_core_dumps, unblock_signals
from local_engine.resident import ResidentMemory
from local_engine.sandbox import UNCONFINED, Confinement, Needs, confine
from local_engine.selection import ENGINES
from local_engine.upkeep import PERIOD_S, FileMark, Upkeep

# Under the supervisor's 5 s, so that a stream in flight gets its time and no kill is needed.
GRACE_S = 4


Confine = Callable[[Needs], Confinement]


def stay_open(_: Needs) -> Confinement:
    """For a server inside somebody else's process."""
    return UNCONFINED


class EngineServer(uvicorn.Server):
    """A uvicorn server that ends with the engine's own error when the model cannot be loaded."""

    def __init__(
        self,
        prepared: Prepared,
        confinement: Confinement = UNCONFINED,
        *,
        heart: Heart,
        memory: ResidentMemory,
    ) -> None:
        self.engine = prepared.engine
        self.failure: BaseException | None = None
        self.wants_restart = False
        self._prepared = prepared
        self._confinement = confinement
        self._memory = memory
        draft_file = prepared.needs.draft_file
        self._upkeep = Upkeep(
            prepared.engine,
            heart,
            memory,
            bound_bytes=prepared.grown_bytes,
            model=FileMark.of(prepared.needs.model_file),
            draft=FileMark.of(draft_file) if draft_file is not None else None,
        )
        super().__init__(
            uvicorn.Config(
                EngineApp(prepared.engine, prepared.profile, process=self._report),
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
        tasks = [asyncio.create_task(task) for task in (self._watch(loading), self._keep_up())]
        try:
            await self.serve([listener])
        finally:
            for task in tasks:
                task.cancel()
            self.engine.close()
            self._memory.close()

    async def _keep_up(self) -> None:
        while True:
            reason = self._upkeep.tick()
            if reason:
                _say(f"{reason}; starting anew")
                self.wants_restart = self.should_exit = True
                return
            await asyncio.sleep(PERIOD_S)

    def _report(self) -> dict[str, object]:
        """What /health says of the process."""
        status = self.engine.status()
        return {
            **_numbers(status),
            "row_cost_s": {str(rows): round(cost_s, 6) for rows, cost_s in status.row_cost_s},
            "drafts": [_choice(choice) for choice in status.drafts],
            "rss_bytes": self._memory.all_bytes(),
            "private_bytes": self._memory.private_bytes(),
            "idle_s": round(self._upkeep.idle_s(), 3),
            "confinement": self._confinement.report(),
            **self._prepared.report(),
        }

    async def _watch(self, loading: asyncio.Future[None]) -> None:
        try:
            await loading
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            self.failure = error
            self.should_exit = True


def _choice(choice: DraftChoice) -> dict[str, object]:
    return {**asdict(choice), "acceptance": round(choice.acceptance, 3)}


def _numbers(status: EngineStatus) -> dict[str, object]:
    """All that an engine counts: the gateway makes metrics of it."""
    values = {field.name: getattr(status, field.name) for field in fields(status)}
    return {name: value for name, value in values.items() if type(value) in (int, float)}


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
    parser.add_argument("--gpu-layers", default="auto", help="a number, or auto")
    parser.add_argument("--draft-file", type=Path, help="a small model of yours that drafts")
    parser.add_argument(
        "--kv-type", choices=KV_TYPES, default="f16", help="what the context is kept in"
    )
    parser.add_argument(
        "--no-embeddings", action="store_true", help="there is no memory for their context"
    )
    parser.add_argument("--engine", choices=ENGINES, default="auto")
    found = parser.parse_args(arguments)
    if found.threads != "auto" and not (found.threads.isdigit() and 1 <= int(found.threads) <= 256):
        parser.error("--threads must be auto or a number from 1 to 256")
    if found.gpu_layers != "auto" and not found.gpu_layers.isdigit():
        parser.error("--gpu-layers must be auto or a number")
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
        gpu_layers=None if found.gpu_layers == "auto" else int(found.gpu_layers),
        draft_file=found.draft_file,
        kv_type=found.kv_type,
        embeds=not found.no_embeddings,
    )


def serve(options: ServerOptions, confine: Confine = stay_open, heart: Heart | None = None) -> int:
    """Run until told to stop, or until a restart is due; the exit code.

    `confine` is called when files and socket are there, and before the model is touched.
    """
    try:
        heart = heart or Heart()
        prepared = prepare(options, heart)
        listener = listen(options.socket_path)
        memory = ResidentMemory()  # a confined process could not open its file any more
        confinement = confine(prepared.needs)
        for line in (*prepared.notes, _open_doors(confinement)):
            if line:
                _say(line)
        server = EngineServer(prepared, confinement, heart=heart, memory=memory)
        with listener:
            asyncio.run(server.run_on(listener))
        options.socket_path.unlink(missing_ok=True)
        if server.failure is not None:
            raise server.failure
    except EngineSetupError as error:
        _say(str(error))
        return EXIT_SETUP
    return EXIT_RECYCLE if server.wants_restart else 0


def _open_doors(confinement: Confinement) -> str:
    missing = confinement.missing()
    return f"runs with less than full protection ({missing})" if missing else ""


def _say(line: str) -> None:
    sys.stderr.write(f"local engine: {line}\n")


def main(arguments: list[str] | None = None) -> int:
    """Harden this process, then serve."""
    options = parse_options(sys.argv[1:] if arguments is None else arguments)
    die_with_parent(signal.SIGKILL)  # there is nothing to save
    forbid_core_dumps()
    unblock_signals()
    # Where it aborts, ggml would start a debugger to print its stack: slow, and forbidden here.
    os.environ.setdefault("GGML_NO_BACKTRACE", "1")
    return serve(options, confine, inherited_heart())


if __name__ == "__main__":
    sys.exit(main())
