# SPDX-License-Identifier: Apache-2.0
"""The config file: lines are known, references are resolved, and bad files are one clear line."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config_file import ConfigError, ConfigFile, read_config


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "nearward.yaml"


def read(path: Path, text: str | bytes, **environment: str) -> ConfigFile:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_config(path, environment)


def fault(path: Path, text: str | bytes, **environment: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read(path, text, **environment)
    message = str(caught.value)
    assert "\n" not in message
    assert caught.value.__cause__ is None
    return message


TEXT = """# a comment
server:
  port: 80

keys:
  - id: a
    roles: [user, admin]
  - id: b
since: 2027-06-30
"""


def test_values_and_lines(path: Path) -> None:
    """Plain data comes out, and every key knows its line."""
    file = read(path, TEXT)

    assert file.data == {
        "server": {"port": 80},
        "keys": [{"id": "a", "roles": ["user", "admin"]}, {"id": "b"}],
        "since": datetime.date(2027, 6, 30),
    }
    assert file.where(("server", "port")) == f"{path}:3"
    assert file.where(("keys", 1, "id")) == f"{path}:8"
    assert file.where(("keys", 0, "roles", 1)) == f"{path}:7"


def test_where_falls_back_to_what_encloses(path: Path) -> None:
    """A key that is missing is shown at the closest thing that is there."""
    file = read(path, TEXT)

    assert file.where(("keys", 1, "hash")) == f"{path}:8"
    assert file.where(("server", "host", "x")) == f"{path}:2"
    assert ConfigFile(Path("environment"), {}).where(("x",)) == "environment"


def test_references(path: Path) -> None:
    """Variables and files replace references, several in one value, and trailing space goes."""
    secret = path.parent / "secret"
    secret.write_text(" s3\n")
    file = read(
        path, f"a: '${{env:A}}-${{file:{secret}}}-${{env:A}}'\nb: [\"${{env:E}}\"]", A="x", E=""
    )

    assert file.data == {"a": "x-s3-x", "b": [""]}


def test_references_are_not_resolved_twice(path: Path) -> None:
    """What a variable holds is text, also when it looks like a reference."""
    assert read(path, "a: ${env:A}", A="${env:B}").data == {"a": "${env:B}"}


def test_references_in_keys_are_text(path: Path) -> None:
    """Only values are replaced."""
    assert read(path, '"${env:A}": 1').data == {"${env:A}": 1}


@pytest.mark.parametrize("reference", ["${env:NOT_SET}", "${file:/nowhere/at/all}", "${file:}"])
def test_missing_reference_names_file_and_line(path: Path, reference: str) -> None:
    """A variable or file that is not there is an error, not an empty key."""
    message = fault(path, f"a: 1\nb: '{reference}'\n")

    assert message.startswith(f"{path}:2: ")


def test_binary_secret_file_is_an_error(path: Path) -> None:
    """A file that is no text is named."""
    secret = path.parent / "secret"
    secret.write_bytes(b"\xff\xfe")

    assert "secret cannot be read" in fault(path, f"a: ${{file:{secret}}}")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1\nb: [1,\n", 3),
        ("a: 1\n b: 2\n", 2),
        ("a: 1\nb: 2\na: 3\n", 3),
        ("a:\n  b: 1\n  b: 2\n", 3),
        ("a: 1\nb: !!python/object:os.system x\n", 2),
        ("a: !!int ''\n", 1),
        ("a: 1\nb: !!timestamp x\n", 2),
        ("a: !!bool maybe\n", 1),
        ("a: 2027-13-45\n", 1),
        ("a: *nowhere\n", 1),
        ("a: 1\n---\nb: 2\n", 2),
        ("\ta: 1\n", 1),
        ("a: &x [*x]\n", 1),
        ("a: " + "[" * 40 + "]" * 40, 1),
    ],
)
def test_bad_yaml_names_file_and_line(path: Path, text: str, line: int) -> None:
    """Whatever is wrong with the text, one line says where."""
    assert fault(path, text).startswith(f"{path}:{line}: ")


@pytest.mark.parametrize("text", ["", "# nothing\n", "{}", "- a\n", "just text", "5", "null"])
def test_empty_and_other_documents(path: Path, text: str) -> None:
    """A config that says nothing, or is no mapping, is refused (F19)."""
    assert str(path) in fault(path, text)


@pytest.mark.parametrize(
    "raw", [b"a: \xff\n", b"a: \x00\n", b"\x80", "a: 1".encode("utf-16")[:-1], b"[" * 5000]
)
def test_bytes_that_are_no_text(path: Path, raw: bytes) -> None:
    """Bad encodings and endless nesting are refused in one line."""
    assert "not valid YAML" in fault(path, raw)


def test_aliases_cannot_multiply(path: Path) -> None:
    """A few lines that stand for millions of values are refused, quickly."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]

    assert "too many values" in fault(path, "\n".join(lines))


def test_too_large_and_missing_files(path: Path) -> None:
    """A file that is not there, is a directory, or is over 1 MiB is named."""
    with pytest.raises(ConfigError, match="cannot be read"):
        read_config(path, {})
    with pytest.raises(ConfigError, match="cannot be read"):
        read_config(path.parent, {})
    assert "over 1 MiB" in fault(path, b"a: " + b"x" * 1024 * 1024)


@given(st.text(max_size=60))
def test_any_text_is_data_or_one_clear_error(text: str) -> None:
    """No text makes anything but data or ConfigError."""
    path = Path("/dev/shm") / "nearward-config-test.yaml"  # noqa: S108  a name of its own
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        assert isinstance(read_config(path, {}).data, dict)
    except ConfigError as error:
        assert str(path) in str(error)
    finally:
        path.unlink()
