# SPDX-License-Identifier: Apache-2.0
"""What the measurements of the engine measure; their figures are for idle machines."""

from __future__ import annotations

import csv
import json
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import NamedTuple

import pytest

from local_engine import llama_api
from local_engine.bench import drafts, kernel, prompts, roofline
from local_engine.bench import engine as engine_bench
from local_engine.bench.drafts import difference
from local_engine.bench.watch import Watch, answered, running
from local_engine.engine import Failed, TokenLogprob
from local_engine.errors import EngineUnavailableError, LibraryMissingError
from local_engine.line import LineEngine
from local_engine.llama_api import LlamaRuntime
from local_engine.llamacpp import LlamaCppBackend
from local_engine.profile import ModelProfile
from tests.local_engine.fakes import a_config
from tests.local_engine.forced import force_drafts
from tests.local_engine.tiny_model import tiny_model

needs_engine = pytest.mark.skipif(
    not llama_api.is_installed(), reason="no compiled engine here; `make setup` brings it"
)


PROFILE = ModelProfile(name="tiny")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A tiny file."""
    file = tmp_path / "tiny.gguf"
    file.write_bytes(tiny_model().data)
    return file


@pytest.mark.engine
@needs_engine
def test_the_roofline_is_the_share_of_what_memory_allows(model: Path, tmp_path: Path) -> None:
    """Rate times bytes over bandwidth, with a file made for it; and what the core alone allows."""
    said: list[str] = []
    figures = roofline.measure(model, 1, said.append, ("q8_0",))
    assert said == []

    size = (tmp_path / "tiny.gguf").stat().st_size
    assert figures["read_gb_s"] > 0.1
    assert 0 < figures["q8_0_roofline"] < 1
    assert figures["q8_0_roofline"] * figures["read_gb_s"] * 1e9 < figures["q8_0_tps"] * size
    read, cached = figures["read_gb_s"], figures["q8_0_cached_gb_s"]
    assert figures["q8_0_no_overlap"] == pytest.approx((1 / (1 / read + 1 / cached)) / read)
    with pytest.raises(OSError, match="cannot be written"):
        roofline.requantized(tmp_path / "none.gguf", "q4_0", tmp_path)


@pytest.mark.engine
@needs_engine
def test_a_build_that_cannot_be_explained_is_measured_all_the_same(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without one of ggml's functions, and without its libraries by the names we know."""
    monkeypatch.setitem(kernel._TYPES, "q8_0", (8, "no_such_function"))
    said: list[str] = []
    figures = roofline.measure(model, 1, said.append, ("q8_0",))
    assert figures["q8_0_roofline"] > 0
    assert not {"q8_0_cached_gb_s", "q8_0_no_overlap"} & set(figures)
    assert said == ["no q8_0_cached_gb_s: this build of ggml has no no_such_function"]
    with pytest.raises(LibraryMissingError, match="ggml's libraries"):
        kernel._Ggml(model.parent)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--threads", "x"], "--threads"),
        (["--threads", "0,1"], "--threads"),
        (["--data", "."], "no texts to copy there (FileNotFoundError)"),
        (["--engine", "llama-server"], "needs --llama-server PATH"),
    ],
)
def test_what_cannot_be_measured_is_said_before_anything_is(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    words: list[str],
    said: str,
) -> None:
    """One line; not a traceback when minutes have passed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["bench", *words])
    with pytest.raises(SystemExit) as ended:
        engine_bench.main()
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_an_engine_or_a_file_that_is_not_there_is_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Whichever is asked for."""
    words = ["bench", "--model", str(tmp_path / "none.gguf"), "--engine"]
    monkeypatch.setattr(sys, "argv", [*words, "llamacpp"])
    with pytest.raises(SystemExit, match="local engine: "):
        engine_bench.main()

    def version(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(engine_bench, "version", version)
    monkeypatch.setattr(sys, "argv", [*words, "xllamacpp"])
    with pytest.raises(SystemExit, match="local engine: xllamacpp is not installed"):
        engine_bench.main()


def test_threads_are_those_of_the_machine_unless_they_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On one core, one: two there would measure how they wait for each other."""
    for cores, planned in ((1, (1, 1)), (2, (1, 2))):
        monkeypatch.setattr(engine_bench, "probe", lambda cores=cores: Cores(cores))
        assert engine_bench._parser().parse_args([]).threads == planned
    assert engine_bench._parser().parse_args(["--threads", "3,4"]).threads == (3, 4)


class Cores(NamedTuple):
    """Of a device, what is asked here."""

    usable_cpus: int


def test_a_request_that_fails_is_no_figure() -> None:
    """Its error is raised, whatever is waited for."""
    watch = Watch()
    watch(Failed(EngineUnavailableError("gone")))
    assert watch.wait().last is not None
    for waits in (watch.begin, watch.finish):
        with pytest.raises(EngineUnavailableError):
            waits()


def an_engine(model: Path, *, may_draft: bool) -> LineEngine:
    """One slot; drafts in every step that has one."""

    def load() -> LlamaCppBackend:
        config = a_config(model_file=model, n_ctx=128, may_draft=may_draft)
        backend = LlamaCppBackend(LlamaRuntime(config), PROFILE)
        if may_draft:
            force_drafts(backend)
        return backend

    return LineEngine(load, PROFILE)


@pytest.mark.engine
@needs_engine
def test_answers_with_drafts_are_held_against_answers_without(model: Path) -> None:
    """Same tokens, counted; and the seconds of both."""
    said: list[str] = []
    with (
        running(an_engine(model, may_draft=True)) as drafting,
        running(an_engine(model, may_draft=False)) as plain,
    ):
        found = drafts.compare(drafting, plain, ["abab abab ab", "b"], 12, said.append)
        tokens = sum(len(answered(plain, p, 12, 2)[0].drawn) for p in ("abab abab ab", "b"))
        (gain,) = drafts.gain(drafting, plain, ["abab"], rounds=1)

    assert (found.prompts, found.same + len(found.gaps)) == (2, 2)
    assert found.tokens == tokens
    assert len(said) == len(found.gaps)
    assert found.is_explained
    assert found.drafted >= found.accepted
    assert gain > 0


def token(piece: bytes, gap: float) -> TokenLogprob:
    """Its rival is so much less likely."""
    return TokenLogprob(piece, -1.0, ((piece, -1.0), (b"?", -1.0 - gap)))


def test_the_gap_is_the_one_where_two_answers_part() -> None:
    """In the middle as the plain one saw it; at an end, of the one that goes on."""
    same, wide, tie = token(b"a", 2), token(b"b", 1.5), token(b"c", 0.125)
    assert difference([same, wide], [same, wide]) is None
    assert difference([same, wide], [same, tie]) == (1, 1.5)
    assert difference([same], [same, tie]) == (1, 0.125)
    assert difference([same, wide], [same]) == (1, 1.5)
    assert drafts.Identity(gaps=[0.1]).is_explained
    assert not drafts.Identity(gaps=[0.1, 1.5]).is_explained


def test_each_prompt_is_another() -> None:
    """200 of them."""
    assert len(set(prompts.varied(1000))) == 200
    assert len(prompts.varied(7)) == 7


def test_texts_to_copy_come_from_a_folder(tmp_path: Path) -> None:
    """So many of each kind, none too short or too long; without a folder, one of each."""
    notes = tmp_path / "privacy" / "long_notes" / "mts_dialog_train.csv"
    notes.parent.mkdir(parents=True)
    with notes.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerows([["section_text"], ["short"], ["n" * 400], ["m" * 500], ["o" * 4000]])
    (tmp_path / "specs").mkdir()
    examples = {"paths": [{"response": "{" * 301, "request": {"python": "p" * 302}}], "python": 1}
    (tmp_path / "specs" / "openai-openapi.json").write_text(json.dumps(examples))

    made = prompts.copying(tmp_path, each=1)
    assert [text.partition(":\n")[2][0] for text in made] == ["n", "{", "p"]
    assert len(prompts.copying(tmp_path, each=2)) == 4
    assert len(prompts.copying()) == 3
