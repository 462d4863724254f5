# SPDX-License-Identifier: Apache-2.0
"""`nearward classify` and `nearward complexity score`: JSON lines in, JSON lines out."""

from __future__ import annotations

import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.terminal import InputArgument, fail, read_records, write_json

complexity = typer.Typer(
    no_args_is_help=True, help="How much a prompt would gain from a strong model."
)


# Reads the detector's files before the first record is timed.
_WARM_UP = "Patient Jane Roe, MRN 48213377, was seen for asthma."


class ModeName(StrEnum):
    """How strict the privacy cascade is."""

    auto = "auto"
    phi = "phi"
    ident = "ident"


def classify(
    source: InputArgument = Path("-"),
    mode: Annotated[
        ModeName,
        typer.Option(
            help="phi: identifier and health context; ident: any identifier; auto: both classes."
        ),
    ] = ModeName.auto,
) -> None:
    """Find identifiers in texts, one JSON object a line.

    In: {"id": 1, "text": "..."} or {"id": 1, "messages": [...]}. Out, in the same order:
    data_class, phi, spans (offsets and kinds, no text), complexity, reasons, us.
    """
    from gateway.classification import classify as classify_record
    from gateway.errors import BadRequest
    from gateway.signals.complexity import score
    from gateway.signals.privacy import Detector

    detector = Detector()
    classify_record({"text": _WARM_UP}, detector, score, mode.value)
    for number, record in read_records(source):
        try:
            write_json(classify_record(record, detector, score, mode.value))
        except BadRequest as error:
            fail(f"{source}:{number}: {error.message}")


@complexity.command("score")
def score_command(source: InputArgument = Path("-")) -> None:
    """Score prompts, one {"id", "text"} a line; a higher score gains more from a strong model."""
    from gateway.signals.complexity import score

    for number, record in read_records(source):
        text = record.get("text")
        if not isinstance(text, str):
            fail(f'{source}:{number}: each record needs "text" (a string)')
        began = time.perf_counter()
        value = score(text)
        elapsed_us = int((time.perf_counter() - began) * 1e6)
        write_json({"id": record.get("id"), "score": round(value, 6), "us": elapsed_us})
