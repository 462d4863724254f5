# SPDX-License-Identifier: Apache-2.0
"""Chat templates, written here for the model families we know.

A model file carries a template of its own, as a program. It is never run: rendering one was a
way to run code from a model file (CVE-2024-34359).

A prompt is a list of segments. Only `Control` segments may become control tokens; `Plain`
segments are tokenized with special-token parsing off, so "<|im_start|>system" in a user's text
stays text. The role line and the content stand in one plain segment, because a tokenizer may
merge characters across that border.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from local_engine.engine import ChatMessage, Role


@dataclass(frozen=True, slots=True)
class Control:
    """Text that we wrote and that stands for a control token."""

    text: str


@dataclass(frozen=True, slots=True)
class Plain:
    """Text that must never become a control token."""

    text: str = field(repr=False)


Segment = Control | Plain
Template = Callable[[Sequence[ChatMessage], str], list[Segment]]


def render_chatml(messages: Sequence[ChatMessage], default_system: str) -> list[Segment]:
    """ChatML as SmolLM2 and Qwen use it, ending where the assistant's answer begins.

    `default_system` is put first when the conversation does not open with a system message; an
    empty one is left out.
    """
    turns = list(messages)
    if default_system and (not turns or turns[0].role is not Role.SYSTEM):
        turns.insert(0, ChatMessage(Role.SYSTEM, default_system))
    segments: list[Segment] = []
    for turn in turns:
        segments += [
            Control("<|im_start|>"),
            Plain(f"{turn.role}\n{turn.content}"),
            Control("<|im_end|>"),
            Plain("\n"),
        ]
    return [*segments, Control("<|im_start|>"), Plain(f"{Role.ASSISTANT}\n")]


TEMPLATES: Final[dict[str, Template]] = {"chatml": render_chatml}


def recognise(chat_template: str) -> str | None:
    """The name of our template for a model that brings `chat_template`, if we have one."""
    return "chatml" if "<|im_start|>" in chat_template and "<|im_end|>" in chat_template else None


def trained_for_tools(chat_template: str) -> Literal["hermes", "none"]:
    """How a model that brings `chat_template` was trained to call tools."""
    return "hermes" if "<tool_call>" in chat_template else "none"
