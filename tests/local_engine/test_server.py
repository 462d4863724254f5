# SPDX-License-Identifier: Apache-2.0
"""The engine's process: options, socket, loading, stopping; the engine itself is a fake."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
import struct
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from local_engine import llama_api, sandbox, server, upkeep
from local_engine.device import ThreadPlan
from local_engine.errors import (
    EXIT_RECYCLE,
    EXIT_SETUP,
    EngineSetupError,
    LibraryMissingError,
    ModelFileError,
)
from local_engine.fit import Estimate, Fit, Load
from local_engine.heartbeat import Heart
from local_engine.line import LineEngine
from local_engine.listening import listen
from local_engine.llama_api import KvType
from local_engine.preparation import Prepared, ServerOptions, prepare, small_model
from local_engine.profile import ModelProfile
from local_engine.resident import ResidentMemory
from local_engine.sandbox import Confinement, Needs
from local_engine.selection import EngineOptions, installed_kind, make_engine
from local_engine.server import EngineServer, parse_options
from local_engine.unix_http import UnixConnection
from tests.local_engine.fakes import FakeEngine, a_gguf
from tests.local_engine.tiny_model import tiny_model

PROFILE = ModelProfile(name="m")


def options(tmp_path: Path, name: str = "mine") -> ServerOptions:
    """Options for a small file that is a valid header without a model behind it."""
    model = tmp_path / "m.gguf"
    model.write_bytes(a_gguf())
    return ServerOptions(
        socket_path=tmp_path / "run" / "e.sock",
        model_file=model,
        model_name=name,
        n_ctx=64,
        threads=None,
        engine="llamacpp",
    )


def prepared_for(folder: Path, engine: FakeEngine) -> Prepared:
    """What the server starts with, around a fake engine."""
    model = folder / "fake.gguf"
    model.write_bytes(b"")
    return Prepared(
        engine=engine,
        profile=PROFILE,
        needs=Needs(model_file=model, socket_folder=folder),
        fit=Fit(n_ctx=64, estimate=Estimate(weights=1, cells=1, compute=1, program=1)),
        grown_bytes=1 << 40,
        notes=("a note",),
    )


def test_the_command_line_is_read() -> None:
    """Every flag, and the defaults."""
    short = ["--socket", "/s", "--model-file", "/f", "--model-name", "n"]
    found = parse_options([*short, "--ctx", "512", "--threads", "3", "--engine", "xllamacpp"])

    assert (found.n_ctx, found.threads, found.engine) == (512, 3, "xllamacpp")
    assert parse_options(short).threads is None
    assert parse_options([*short, "--draft-file", "/d"]).draft_file == Path("/d")
    assert parse_options(short).engine == "auto"
    assert parse_options(short).kv_type == "f16"
    assert parse_options([*short, "--kv-type", "q4_0"]).kv_type == "q4_0"
    assert [parse_options([*short, *no]).embeds for no in ([], ["--no-embeddings"])] == [
        True,
        False,
    ]
    assert [parse_options([*short, *own]).has_own_file for own in ([], ["--own-file"])] == [0, 1]
    assert [parse_options([*short, *more]).gpu_layers for more in ([], ["--gpu-layers", "7"])] == [
        None,
        7,
    ]


@pytest.mark.parametrize(
    "bad",
    [
        *(["--threads", "0"], ["--threads", "x"], ["--ctx", "-1"], ["--gpu-layers", "x"]),
        *(["--kv-type", "q5_1"], []),
    ],
)
def test_a_wrong_command_line_is_a_usage_error(
    bad: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2."""
    good = ["--socket", "/s", "--model-file", "/f", "--model-name", "n"] if bad else []
    with pytest.raises(SystemExit) as caught:
        parse_options([*good, *bad])

    assert caught.value.code == 2
    err = capsys.readouterr().err
    assert "usage" in err
    assert not bad or bad[0] in err.splitlines()[-1]


def test_the_socket_is_for_this_user_only(tmp_path: Path) -> None:
    """0600 in 0700, and a socket left by a crash is replaced."""
    path = tmp_path / "run" / "e.sock"
    listen(path).close()
    with listen(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_an_open_folder_or_a_foreign_file_is_refused(tmp_path: Path) -> None:
    """Somebody else could have put a socket there; a file is not ours to remove."""
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o755)
    with pytest.raises(EngineSetupError, match="0700"):
        listen(shared / "e.sock")
    shared.chmod(0o700)
    (shared / "e.sock").write_text("mine")
    with pytest.raises(EngineSetupError, match="cannot listen"):
        listen(shared / "e.sock")


def test_the_engine_is_chosen_by_what_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiled before prebuilt; nothing is an error that says what to do."""
    found = {"xllamacpp": True}
    monkeypatch.setattr("importlib.util.find_spec", found.get)
    monkeypatch.setattr(llama_api, "is_installed", lambda: True)
    assert installed_kind() == "llamacpp"
    monkeypatch.setattr(llama_api, "is_installed", lambda: False)
    assert installed_kind() == "xllamacpp"
    found.clear()
    with pytest.raises(LibraryMissingError, match="make setup"):
        installed_kind()


@pytest.mark.parametrize("kind", ["llamacpp", "xllamacpp"])
def test_a_missing_library_is_reported_when_loading(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The future of `start` holds it."""
    monkeypatch.setenv("LLAMA_CPP_LIB_PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    chosen = EngineOptions(kind=kind, model_file=tmp_path / "m", threads=ThreadPlan(1, 1))
    engine = make_engine(chosen, PROFILE)
    with pytest.raises(LibraryMissingError):
        engine.start().result(timeout=5)
    engine.close()


def test_the_model_file_is_checked_before_anything_is_loaded(tmp_path: Path) -> None:
    """A known model by its digest, any by its header."""
    prepared = prepare(options(tmp_path), Heart())
    assert isinstance(prepared.engine, LineEngine)
    assert prepared.profile.n_ctx == 64
    assert prepared.needs.socket_folder == tmp_path / "run"
    assert prepared.fit.estimate.total < prepared.grown_bytes < (prepared.needs.data_bytes or 0)
    with pytest.raises(ModelFileError, match="damaged"):
        prepare(options(tmp_path, "smollm2-135m-instruct-q4_1"), Heart())
    own = replace(options(tmp_path, "smollm2-135m-instruct-q4_1"), has_own_file=True)
    assert prepare(own, Heart()).profile.template == "chatml"


def test_smaller_cells_are_counted_and_passed_on(tmp_path: Path) -> None:
    """Of a model that cannot have them they are f16, which a note says before it is loaded."""
    chosen = replace(options(tmp_path), engine="llamacpp", n_ctx=128)
    found = {}
    cases: tuple[tuple[int, KvType], ...] = ((32, "f16"), (32, "q8_0"), (48, "q8_0"))
    for size, kv_type in cases:
        length = struct.pack("<II", 4, size)
        keys = {f"llama.attention.{kind}_length": length for kind in ("key", "value")}
        chosen.model_file.write_bytes(tiny_model(keys).data)
        found[size, kv_type] = prepare(replace(chosen, kv_type=kv_type), Heart())

    plain, small, odd = found.values()
    assert small.fit.estimate.cells == plain.fit.estimate.cells * 34 // 64
    assert (plain.notes, small.notes) == ((), ())
    assert [each.report()["kv_type"] for each in found.values()] == ["f16", "q8_0", "f16"]
    assert odd.fit.estimate.cells == plain.fit.estimate.cells * 48 // 32
    assert odd.notes[0].startswith("cells are f16, not q8_0: ")


def test_a_draft_model_that_cannot_have_the_models_cells_is_left_out(tmp_path: Path) -> None:
    """With a note: both are loaded alike."""
    wanted = options(tmp_path)
    draft = tmp_path / "d.gguf"
    draft.write_bytes(tiny_model().data)
    load = Load(n_ctx=64, n_batch=8, slots=1, kv_type="q8_0")
    found = Fit(n_ctx=64, estimate=Estimate(weights=1, cells=1, compute=1, program=1))
    small = small_model(replace(wanted, draft_file=draft), PROFILE, load, found, None)

    assert small.file is None
    assert small.note == "no drafts: d.gguf cannot have cells of q8_0, as the model has"


def test_a_draft_model_is_checked_and_counted(tmp_path: Path) -> None:
    """Its file may be read, its memory is in the estimate; a bad file is refused."""
    plain = options(tmp_path)
    draft = tmp_path / "d.gguf"
    draft.write_bytes(a_gguf())
    alone, both = (prepare(o, Heart()) for o in (plain, replace(plain, draft_file=draft)))

    assert both.needs.draft_file == draft
    assert both.fit.estimate.total > alone.fit.estimate.total
    assert both.grown_bytes > alone.grown_bytes
    draft.write_bytes(b"GGUF and no more")
    with pytest.raises(ModelFileError):
        prepare(replace(plain, draft_file=draft), Heart())


def test_a_draft_model_that_is_absent_or_too_large_is_left_out(tmp_path: Path) -> None:
    """With a note: answers need it not."""
    wanted, load = options(tmp_path), Load(n_ctx=64, n_batch=8, slots=1)
    found = Fit(n_ctx=64, estimate=Estimate(weights=1, cells=1, compute=1, program=1))
    known = replace(PROFILE, draft="smollm2-135m-instruct-q4_1")
    absent = small_model(wanted, known, load, found, None)
    large = replace(wanted, draft_file=wanted.model_file)

    assert absent.file is None
    assert "nearward model pull smollm2" in absent.note
    assert "no memory for m.gguf" in small_model(large, PROFILE, load, found, 1 << 10).note
    assert small_model(large, PROFILE, load, found, None).file == wanted.model_file
    assert small_model(wanted, PROFILE, load, found, None).file is None


def test_a_request_for_a_gpu_is_answered(tmp_path: Path) -> None:
    """This build has no backend for one: the CPU does the work, and a note says so."""
    prepared = prepare(replace(options(tmp_path), gpu_layers=3), Heart())

    assert prepared.notes == ("no GPU that this build of llama.cpp can use",)
    assert not prepared.needs.uses_gpu


def test_a_fault_of_the_machine_is_one_line_and_78(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No traceback."""
    broken = options(tmp_path)
    broken.model_file.write_bytes(b"nothing")

    assert server.serve(broken) == EXIT_SETUP
    err = capsys.readouterr().err
    assert err.startswith("local engine: model file not usable: ")
    assert len(err.splitlines()) == 1


def test_a_model_that_cannot_be_loaded_ends_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """78, the socket is gone, the engine closed."""
    engine = FakeEngine()
    engine.loaded.set_exception(ModelFileError("no good"))
    monkeypatch.setattr(server, "prepare", lambda *_: prepared_for(tmp_path, engine))
    chosen = options(tmp_path)

    assert server.serve(chosen) == EXIT_SETUP
    assert engine.is_closed
    assert not chosen.socket_path.exists()
    assert "no good" in capsys.readouterr().err


def test_a_process_that_has_grown_asks_for_a_fresh_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """When idle: 75, and a line. What protection lacks is another."""
    engine = FakeEngine()
    engine.loaded.set_result(None)
    grown = replace(prepared_for(tmp_path, engine), grown_bytes=1)
    monkeypatch.setattr(server, "prepare", lambda *_: grown)
    monkeypatch.setattr(server, "PERIOD_S", 0.01)
    monkeypatch.setattr(upkeep, "IDLE_S", 0.05)

    code = server.serve(options(tmp_path), lambda _: Confinement(no_new_privs=True, seccomp=""))

    assert (code, engine.is_closed) == (EXIT_RECYCLE, True)
    assert capsys.readouterr().err.splitlines() == [
        "local engine: a note",
        "local engine: runs with less than full protection (landlock: not asked for)",
        "local engine: memory has grown beyond its bound; starting anew",
    ]


async def test_it_serves_until_sigterm(tmp_path: Path) -> None:
    """A real socket, a real request, a graceful end."""
    engine = FakeEngine()
    engine.loaded.set_result(None)
    path = tmp_path / "run" / "e.sock"
    listener = listen(path)
    made = EngineServer(prepared_for(tmp_path, engine), heart=Heart(), memory=ResidentMemory())
    running = asyncio.create_task(made.run_on(listener))

    def ask() -> dict[str, Any]:
        with closing(UnixConnection(str(path), timeout_s=5)) as connection:
            connection.request("GET", "/health")
            return dict(json.loads(connection.getresponse().read()))

    health = await asyncio.to_thread(ask)
    assert health["status"] == "ready"
    assert health["confinement"]["seccomp"] == "not asked for"
    assert health["rss_bytes"] > health["private_bytes"] > 0
    assert health["notes"] == ["a note"]
    assert (health["decode_tps"], health["engine"]) == (12.5, "fake")
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(running, timeout=5)
    listener.close()
    assert engine.is_closed


def test_main_hardens_the_process_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before a model or a socket is touched."""
    steps: list[object] = []
    monkeypatch.setattr(server, "die_with_parent", steps.append)
    monkeypatch.setattr(server, "forbid_core_dumps", lambda: steps.append("cores"))
    monkeypatch.setattr(server, "unblock_signals", lambda: steps.append("signals"))

    def serve(found: ServerOptions, confine: object, heart: Heart) -> int:
        steps.append(found.model_name)
        assert confine is sandbox.confine
        heart.close()
        return 0

    monkeypatch.setattr(server, "serve", serve)

    assert server.main(["--socket", "/s", "--model-file", "/f", "--model-name", "n"]) == 0
    assert steps == [signal.SIGKILL, "cores", "signals", "n"]
