# SPDX-License-Identifier: Apache-2.0
"""A pool of models that does what a test says, behind the real control socket."""

from __future__ import annotations

from typing import Any


class ScriptedPool:
    """`states` by model; a model that is off becomes ready after `asks` questions."""

    def __init__(self, **states: str) -> None:
        self.states = states
        self.asks = 2
        self.wants: list[str] = []
        self.refusal = ""
        self.health: dict[str, dict[str, Any]] = {}

    def describe(self) -> dict[str, Any]:
        models = [
            {
                "name": name,
                "state": state,
                "need_bytes": 5,
                "loads": 1,
                "load_s": 0.5,
                "is_waiting": False,
                "socket": "",
                "health": self.health.get(name, {}),
            }
            for name, state in self.states.items()
        ]
        return {"models": models, "budget_bytes": 10, "held_bytes": 5}

    def want(self, name: str) -> tuple[int, dict[str, Any]]:
        self.wants.append(name)
        if name not in self.states:
            return 404, {"reason": "no such model here"}
        if self.refusal:
            return 503, {"reason": self.refusal}
        if self.wants.count(name) > self.asks:
            self.states[name] = "ready"
        if self.states[name] == "ready":
            return 200, {"state": "ready"}
        return 202, {"state": "waiting", "retry_after_s": 7}

    def unload(self, name: str) -> tuple[int, dict[str, Any]]:
        if name not in self.states:
            return 404, {"reason": "no such model here"}
        if self.health.get(name, {}).get("busy"):
            return 409, {"reason": "it is answering a request"}
        self.states[name] = "off"
        return 200, {"state": "stopping"}
