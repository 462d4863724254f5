# SPDX-License-Identifier: Apache-2.0
"""Secrets: keys with a known shape, tokens, private keys, and passwords that are told as such."""

from __future__ import annotations

import re

from gateway.signals.privacy.found import Exact, Found, Recogniser, always
from gateway.signals.privacy.verdict import Kind

_WORDS = (
    r"password|passwd|passphrase|passcode|pwd|api[ _-]?key|secret[ _-]?(?:access[ _-]?)?key"
    r"|client[ _-]?secret|access[ _-]?token|auth[ _-]?token|secret"
)
# What follows "password:" in forms, documentation and code rather than a password.
_PLACEHOLDER = re.compile(
    r"(?i)(?:str|string|none|null|true|false|required|optional|text|varchar|input|getpass|hash\w*"
    r"|your\w*|my\w*|the|a|an|is|was|for|and|or|not|must|should|reset|here|field|self|os|env|in|on"
    r"|to|of|this|that|\*+|x+|\.+|<.*|\$.*|\{.*|%.*)[\W_]*"
)


def _told(match: re.Match[str]) -> Found | None:
    """A value counts with a sign before it, or when it mixes letters and digits or signs."""
    value, sign = match.group("value"), match.group("sign")
    if _PLACEHOLDER.fullmatch(value):
        return None
    is_mixed = not value.isalpha() and len(value) >= 6 and any(char.isalpha() for char in value)
    if not (is_mixed or any(mark in sign for mark in ":='\"")):
        return None
    return Found(match.start("value"), match.end("value"), Kind.SECRET)


def _known(name: str, trigger: str, pattern: str, *, group: int = 0) -> Recogniser:
    return Recogniser(name, trigger, Exact(pattern), always(Kind.SECRET, group))


RECOGNISERS = (
    _known(
        "aws_key",
        r"(?:AKIA|ASIA|AGPA|AIDA|AROA)[A-Z0-9]",
        r"\b(?:AKIA|ASIA|AGPA|AIDA|AROA)[A-Z0-9]{16}\b",
    ),
    _known("sk_key", r"[srp]k[-_][A-Za-z0-9_-]{8}", r"\b[srp]k[-_][A-Za-z0-9_-]{16,200}"),
    _known(
        "forge_token",
        r"gh[pousr]_[A-Za-z0-9]{20}|github_pat_|glpat-",
        r"\b(?:gh[pousr]_[A-Za-z0-9]{20,255}|github_pat_\w{20,255}|glpat-[\w-]{20,64})",
    ),
    _known("chat_token", r"xox[a-z]-[A-Za-z0-9-]{10}", r"\bxox[abeoprs]-[A-Za-z0-9-]{10,250}"),
    _known("google_key", r"AIza[A-Za-z0-9_-]{4}", r"\bAIza[\w-]{35}"),
    Recogniser(
        "private_key",
        r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY",
        Exact(
            r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----[A-Za-z0-9+/=\s\\:,.]{0,8192}"
            r"(?:-----END [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----)?"
        ),
        always(Kind.SECRET),
        spans_windows=True,
    ),
    Recogniser(
        "jwt",
        r"eyJ[A-Za-z0-9_-]{8,}\.eyJ",
        Exact(r"\beyJ[\w-]{8,4096}\.eyJ[\w-]{4,4096}\.[\w-]{0,2048}"),
        always(Kind.SECRET),
        spans_windows=True,
    ),
    _known(
        "bearer",
        r"(?i)bearer[ ]{1,2}[a-z0-9._~+/-]{16}",
        r"(?i)\bbearer[ ]{1,2}([a-z0-9._~+/-]{16,900}=*)",
        group=1,
    ),
    _known(
        "url_login",
        r"://[^/\x00-\x20@:]{0,64}:[^/\x00-\x20@]{1,100}@",
        r"://[^/\x00-\x20@:]{0,64}:([^/\x00-\x20@]{1,100})@",
        group=1,
    ),
    Recogniser(
        "told",
        rf"(?i)(?:{_WORDS})[^a-z]",
        Exact(
            rf"(?i)(?<![a-z])(?:{_WORDS})(?![a-z])(?P<sign>[\"']?"
            r"(?:[ ]?(?:is|was|to|as|=>|:=|==?|:)){0,2}"
            r"[ \t]{0,3}[\"'`]?)(?P<value>[^\s\"'`,;]{4,128})"
        ),
        _told,
        leads=True,
    ),
)
