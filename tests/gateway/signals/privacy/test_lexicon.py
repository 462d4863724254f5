# SPDX-License-Identifier: Apache-2.0
"""Words are known whatever their case and accents; the artefact is whole, small and named."""

from __future__ import annotations

import shutil
import zlib
from pathlib import Path

import pytest

from gateway.signals.privacy import Detector
from gateway.signals.privacy.lexicon import Flag, folded, key_of
from gateway.signals.privacy.model import DIRECTORY, FILES, artefact_sha256, packaged, read_model

MODEL = packaged()
LARGEST_ARTEFACT_BYTES = 5_000_000


def flags(word: str) -> Flag:
    return Flag(MODEL.lexicon.flags_of(key_of(folded(word))))


@pytest.mark.parametrize(
    ("spelling", "plain"),
    [("PEÑA", "pena"), ("Nguyễn", "nguyen"), ("Łódź", "lodz"), ("Groß", "gross"), ("Roe", "roe")],
)
def test_one_key_for_all_spellings(spelling: str, plain: str) -> None:
    """Capitals and accents do not matter."""
    assert folded(spelling) == plain


def test_what_is_known_of_words() -> None:
    """Names of several cultures, towns, states and ordinary words are told apart."""
    assert Flag.GIVEN | Flag.FREQUENT_NAME in flags("María")
    assert Flag.SURNAME | Flag.FREQUENT_NAME in flags("Nguyen")
    assert Flag.TOWN in flags("Kraków")
    assert Flag.WIDE in flags("Texas")
    assert Flag.WORD in flags("nephropathy")
    assert flags("qzxvkw") == Flag(0)


def test_common_words_are_known_small_and_capitalised() -> None:
    """A word that is also a name is common in small letters only."""
    common = MODEL.lexicon.common

    assert {b"patient", b"Patient", b"will", b"grace"} <= common
    assert not common & {b"Will", b"Grace", b"Jane", b"jane"}


def test_the_artefact_is_small_and_its_hash_covers_every_file(tmp_path: Path) -> None:
    """Five megabytes at most; one byte changed in any file is another hash."""
    assert sum((DIRECTORY / name).stat().st_size for name in FILES) <= LARGEST_ARTEFACT_BYTES
    assert Detector().artefact_sha256 == artefact_sha256()
    for number, name in enumerate(FILES):
        copy = tmp_path / str(number)
        shutil.copytree(DIRECTORY, copy)
        (copy / name).write_bytes((copy / name).read_bytes() + b" ")

        assert artefact_sha256(copy) != artefact_sha256()


@pytest.mark.parametrize("name", FILES)
def test_a_broken_artefact_is_an_error(name: str, tmp_path: Path) -> None:
    """No file may be cut or missing: half a lexicon would call names common."""
    copy = tmp_path / "artefact"
    shutil.copytree(DIRECTORY, copy)
    content = (copy / name).read_bytes()
    (copy / name).write_bytes(content[: len(content) // 2])
    with pytest.raises((ValueError, zlib.error)):
        read_model(copy)
    (copy / name).unlink()
    with pytest.raises(OSError, match=name):
        read_model(copy)


@pytest.mark.parametrize(("name", "data"), [("weights.bin", b"\0"), ("common.bin", b"a b")])
def test_files_of_another_shape_are_refused(name: str, data: bytes, tmp_path: Path) -> None:
    """Well packed, but not what is expected."""
    copy = tmp_path / "artefact"
    shutil.copytree(DIRECTORY, copy)
    (copy / name).write_bytes(zlib.compress(data))

    with pytest.raises(ValueError, match=name):
        read_model(copy)
