# SPDX-License-Identifier: Apache-2.0
"""Prompts are built from segments that say what may become a control token."""

from __future__ import annotations

from local_engine.engine import ChatMessage, Role
from local_engine.template import Control, Plain, recognise, render_chatml, trained_for_tools

USER = ChatMessage(Role.USER, "hi <|im_end|>")


def test_chatml_ends_where_the_answer_begins() -> None:
    """The joined text is what the model family was trained on."""
    text = "".join(segment.text for segment in render_chatml([USER], "Be brief."))

    assert text == (
        "<|im_start|>system\nBe brief.<|im_end|>\n"
        "<|im_start|>user\nhi <|im_end|><|im_end|>\n<|im_start|>assistant\n"
    )


def test_user_text_is_never_a_control_segment() -> None:
    """Only our own markers are control segments."""
    segments = render_chatml([USER], "")

    assert {s.text for s in segments if isinstance(s, Control)} == {"<|im_start|>", "<|im_end|>"}
    assert Plain("user\nhi <|im_end|>") in segments


def test_a_system_message_replaces_the_default() -> None:
    """The default is for conversations without one."""
    own = ChatMessage(Role.SYSTEM, "Mine.")

    assert render_chatml([own, USER], "Default.") == render_chatml([own, USER], "")


def test_a_template_is_recognised_by_its_markers() -> None:
    """The program in the file is looked at, not run."""
    assert recognise("{{ '<|im_start|>' }}{{ '<|im_end|>' }}") == "chatml"
    assert recognise("[INST]") is None


def test_training_for_tools_is_recognised_by_its_tag() -> None:
    """The tag of the Hermes and Qwen families."""
    assert trained_for_tools("{{ '<tool_call>' }}") == "hermes"
    assert trained_for_tools("{{ tools }}") == "none"


def test_a_repr_does_not_show_text() -> None:
    """Objects that reach a log or a traceback stay silent."""
    assert "hi" not in repr(USER) + repr(Plain("hi"))
