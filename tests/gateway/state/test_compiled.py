# SPDX-License-Identifier: Apache-2.0
"""Compiled patterns are kept between starts, and only what was kept is handed out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.signals.privacy.prefilter import HyperscanPrefilter
from gateway.state.compiled import CompiledFiles
from gateway.state.secret import Secret

TRIGGERS = ("abc[0-9]", "(?i)xyz")
TEXT = b"abc1 and XYZ"


def files(directory: Path, key: bytes = b"k" * 32) -> CompiledFiles:
    return CompiledFiles(directory / "compiled", Secret(key))


def test_what_is_kept_comes_back_under_its_name_only(tmp_path: Path) -> None:
    """By name and by key; the file is nobody else's to read."""
    files(tmp_path).keep("one", b"data")

    assert files(tmp_path).load("one") == b"data"
    assert files(tmp_path).load("two") is None
    assert files(tmp_path, b"x" * 32).load("one") is None
    assert (tmp_path / "compiled" / "one").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "compiled").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("at", [0, 63, 64, -1])
def test_a_changed_byte_is_no_file(tmp_path: Path, at: int) -> None:
    """In the seal or in the data, or a file that was cut."""
    files(tmp_path).keep("one", b"data")
    path = tmp_path / "compiled" / "one"
    changed = bytearray(path.read_bytes())
    changed[at] ^= 1
    path.write_bytes(changed)

    assert files(tmp_path).load("one") is None
    path.write_bytes(changed[:70])
    assert files(tmp_path).load("one") is None


def test_a_file_under_another_name_is_none(tmp_path: Path) -> None:
    """What was made of other patterns must not stand in for these."""
    files(tmp_path).keep("one", b"data")
    (tmp_path / "compiled" / "one").rename(tmp_path / "compiled" / "two")

    assert files(tmp_path).load("two") is None


def test_old_files_go(tmp_path: Path) -> None:
    """Each version keeps others; the oldest make room."""
    kept = files(tmp_path)
    for number in range(20):
        kept.keep(f"{number}", b"data")
        os.utime(tmp_path / "compiled" / f"{number}", (number, number))

    names = {path.name for path in (tmp_path / "compiled").iterdir()}
    assert names == {f"{number}" for number in range(8, 20)}


def test_a_disk_that_refuses_is_passed_over(tmp_path: Path) -> None:
    """Nothing is kept, nothing is raised."""
    (tmp_path / "compiled").write_bytes(b"in the way")
    files(tmp_path).keep("one", b"data")

    assert files(tmp_path).load("one") is None


def test_nothing_is_left_of_what_could_not_be_kept(tmp_path: Path) -> None:
    """Half a file under another name would be there for ever."""
    (tmp_path / "compiled" / "one").mkdir(parents=True)
    files(tmp_path).keep("one", b"data")

    assert [path.name for path in (tmp_path / "compiled").iterdir()] == ["one"]
    assert files(tmp_path).load("one") is None


def test_a_second_start_compiles_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same answers from kept databases; other patterns are compiled anew."""
    hyperscan = pytest.importorskip("hyperscan")
    first = HyperscanPrefilter(TRIGGERS, store=files(tmp_path))
    made: list[object] = []
    plain = hyperscan.Database

    def counted(**given: object) -> object:
        made.append(given)
        return plain(**given)

    monkeypatch.setattr(hyperscan, "Database", counted)
    second = HyperscanPrefilter(TRIGGERS, store=files(tmp_path))
    assert not made
    assert second.look(TEXT) == first.look(TEXT) == (3, [(0, 4), (1, 12)])

    HyperscanPrefilter(("abc[0-8]", "(?i)xyz"), store=files(tmp_path))
    assert len(made) == 1


def test_what_the_engine_cannot_read_is_compiled_anew(tmp_path: Path) -> None:
    """As after a change of the machine: sealed by us, and refused by Hyperscan."""
    pytest.importorskip("hyperscan")
    HyperscanPrefilter(TRIGGERS, store=files(tmp_path))
    (path,) = (tmp_path / "compiled").iterdir()
    files(tmp_path).keep(path.name, b"no database")

    assert HyperscanPrefilter(TRIGGERS, store=files(tmp_path)).look(TEXT)[0] == 3
    kept = files(tmp_path).load(path.name)
    assert kept is not None and kept != b"no database"
