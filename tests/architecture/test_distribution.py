# SPDX-License-Identifier: Apache-2.0
"""What is installed is ours, complete, and runs nothing at start-up that we do not know of."""

import importlib.util
import subprocess
import sys
import sysconfig
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

from tests.architecture.source import PACKAGES, ROOT

# Python executes import lines of `.pth` files at every start, which is how one malicious release
# of litellm stole credentials.
KNOWN_PTH = {
    "_nearward.pth",  # our own editable install
    "a1_coverage.pth",  # coverage of child processes
    "distutils-precedence.pth",  # setuptools, which Python 3.11 puts into each new environment
}


@pytest.mark.parametrize("name", PACKAGES)
def test_import_name_is_ours(name: str) -> None:
    """No other distribution claims the name, and what Python would import is this checkout."""
    # An editable install lists no packages, so that ours may be absent here but no other present.
    owners = set(metadata.packages_distributions().get(name, ()))
    spec = importlib.util.find_spec(name)

    assert owners <= {"nearward"}
    assert spec is not None
    assert spec.origin is not None
    assert Path(spec.origin).is_relative_to(ROOT)


def test_no_unknown_code_runs_at_start() -> None:
    """The environment holds no `.pth` file and no site customisation outside the known few."""
    folders = {Path(sysconfig.get_path(kind)) for kind in ("purelib", "platlib")}
    found = {
        file.name
        for folder in folders
        for pattern in ("*.pth", "sitecustomize.py", "usercustomize.py")
        for file in folder.glob(pattern)
    }

    assert found <= KNOWN_PTH


def test_litellm_is_no_known_malicious_release() -> None:
    """An installed litellm is 1.83 or newer."""
    try:
        version = metadata.version("litellm")
    except metadata.PackageNotFoundError:
        pytest.skip("the cloud extra is not installed")

    assert tuple(int(part) for part in version.split(".")[:2]) >= (1, 83)


def test_wheel_holds_the_three_packages_and_their_data(tmp_path: Path) -> None:
    """The wheel has our three packages, policy packs included, and nothing else."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=50,
    )
    (wheel,) = tmp_path.glob("nearward-*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    data = {
        file.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for suffix in ("yaml", "json", "md", "html", "js", "css")
        for file in (ROOT / package).rglob(f"*.{suffix}")
    }

    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == set(PACKAGES)
    assert data <= names
    assert "policies/packs/hipaa.yaml" in names
