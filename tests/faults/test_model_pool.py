# SPDX-License-Identifier: Apache-2.0
"""Several models behind a real gateway: swapped on demand, one killed, the gateway unharmed."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import openai
import pytest
import yaml
from openai.types.chat import ChatCompletionMessageParam

from local_engine import llama_api
from tests.doubles.served import KEY, Served, engine_report, served
from tests.local_engine.tiny_model import tiny_model

pytestmark = [
    pytest.mark.engine,
    pytest.mark.timeout(180),
    pytest.mark.skipif(
        not llama_api.is_installed(), reason="no compiled engine here; `make setup` brings it"
    ),
]
HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "hi"}]


def config_for(folder: Path) -> Path:
    """Two tiny models, of which one at a time fits into the budget."""
    models = []
    for seed, name in enumerate(("one", "two")):
        file = folder / f"{name}.gguf"
        file.write_bytes(tiny_model(seed=seed).data)
        models.append({"name": name, "file": str(file)})
    device = {
        "models": models,
        "memory_mb": 64,
        "min_stay_s": 0.5,
        "context_tokens": 256,
        "threads": 1,
    }
    path = folder / "n.yaml"
    path.write_text(yaml.safe_dump({"device": device}))
    return path


def pid_of(gateway: Served, number: int) -> int:
    """The process that owns a model; 0 while there is none."""
    return int(engine_report(gateway.state_dir / "run" / f"model{number}.sock").get("pid", 0))


def ask(client: openai.OpenAI, model: str) -> None:
    """Until it is answered."""
    deadline = time.monotonic() + 60
    while True:
        try:
            client.chat.completions.create(model=model, messages=HELLO, max_tokens=2)
        except openai.InternalServerError as error:
            assert error.code == "local_unavailable"
            assert time.monotonic() < deadline
            time.sleep(0.1)
        else:
            return


def test_models_take_turns_and_a_crash_takes_only_one(tmp_path: Path) -> None:
    """A request for the other one waits for it; a killed one is back for the next request."""
    with (
        served("--config", str(config_for(tmp_path))) as gateway,
        openai.OpenAI(base_url=gateway.base_url, api_key=KEY, max_retries=0) as client,
    ):
        gateway.until_ready()
        ask(client, "auto")
        assert pid_of(gateway, 0)
        assert not pid_of(gateway, 1)
        ask(client, "local/two")
        assert not pid_of(gateway, 0)
        killed = pid_of(gateway, 1)
        os.kill(killed, signal.SIGKILL)
        ask(client, "local/two")
        assert pid_of(gateway, 1) not in (0, killed)
        ask(client, "local/one")
        assert gateway.process.poll() is None
