# SPDX-License-Identifier: Apache-2.0
"""What every test gets: directories of its own, and no settings of the person who runs it."""

import os

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is no fault of an example.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

_XDG = ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "XDG_STATE_HOME")


@pytest.fixture(autouse=True)
def _own_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Hide the user's settings and state; models stay where they are, for they are only read."""
    for name in tuple(os.environ):
        if name.startswith("NEARWARD_") and name != "NEARWARD_MODELS_DIR":
            monkeypatch.delenv(name)
    home = tmp_path_factory.mktemp("home")
    for name in _XDG:
        directory = home / name.lower()
        directory.mkdir(mode=0o700)
        monkeypatch.setenv(name, str(directory))
