# SPDX-License-Identifier: Apache-2.0
"""F13: the engine process is killed in mid-stream. The gateway stays, and recovers by itself."""

from __future__ import annotations

import os
import signal
import time

import openai
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionMessageParam

from tests.doubles.served import KEY, Served, served

pytestmark = [pytest.mark.engine, pytest.mark.timeout(180)]

STORY: list[ChatCompletionMessageParam] = [
    {"role": "user", "content": "Tell me a long story about a lighthouse keeper."}
]
PHI: list[ChatCompletionMessageParam] = [
    {"role": "user", "content": "Patient John Miller, MRN 48213377, has asthma."}
]


def ask(client: openai.OpenAI) -> ChatCompletion:
    """One short question that must stay on the device."""
    return client.chat.completions.create(model="auto", messages=PHI, max_tokens=4)


def until_answered(client: openai.OpenAI, within_s: float = 60) -> list[str]:
    """Ask until it is answered; returns the codes of the refusals before."""
    refusals: list[str] = []
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            ask(client)
        except openai.InternalServerError as error:
            refusals.append(str(error.code))
            time.sleep(0.02)
        else:
            return refusals
    raise TimeoutError(f"no answer; refusals: {set(refusals)}")


def kill_engine(gateway: Served) -> int:
    """SIGKILL to the process that owns the model; returns its pid."""
    pid = int(gateway.engine_health()["pid"])
    os.kill(pid, signal.SIGKILL)
    return pid


def test_killing_the_engine_in_mid_stream_ends_in_an_error_and_a_recovery() -> None:
    """The stream ends with an error event, refusals are local_unavailable, then all is well."""
    with (
        served() as gateway,
        openai.OpenAI(base_url=gateway.base_url, api_key=KEY, max_retries=0) as client,
    ):
        gateway.until_ready()
        until_answered(client)
        stream = client.chat.completions.create(
            model="auto", messages=STORY, max_tokens=800, stream=True
        )
        for _ in range(4):
            next(stream)
        killed = kill_engine(gateway)
        with pytest.raises(openai.APIError) as broken:
            for _ in stream:
                pass
        assert broken.value.code == "upstream_truncated"
        assert set(until_answered(client)) <= {"local_unavailable"}
        assert gateway.engine_health()["pid"] != killed
        assert gateway.process.poll() is None
