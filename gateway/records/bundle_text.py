# SPDX-License-Identifier: Apache-2.0
"""The words in an evidence bundle: for a reader who knows neither nearward nor Merkle trees."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.records.chain import Entry
from gateway.records.checkpoint import Checkpoint
from gateway.records.evidence import Question
from gateway.records.selection import written
from gateway.records.witnesses import Witness, testimony

_TEXT = """\
Evidence from a nearward audit log
==================================

Question
    Between {since} and {until},
    did data of class "{data_class}" or above leave {regions}?

Answer
    {answer}
{requests}
What this rests on
    Before nearward opens a connection it writes an intent into its log: the class of the data, the
    destination and its region, never the text itself. So where there is no intent nothing was sent;
    where there is one, something may have been sent, and is counted above.

    workers/N.jsonl holds every record of the period, from each of the {workers} processes that
    wrote the log, and one record on either side to show that none is missing at the edges. Requests
    that the device answered itself are among them; they did not leave.

    checkpoint.json states, signed, a Merkle tree hash (RFC 6962) over all records of each process
    at {made}. workers/N.json holds the hashes that complete the records here to
    that tree. Leaving out, adding or changing one record changes the tree hash.

What was held against it
    When this was made its maker, who signed it, held the log against what others had kept of it:
{testimony}
    To know without the maker's word, get a file of anchored checkpoints from whoever keeps them and
    give it with --anchor.

How to check it
    nearward audit verify --bundle THIS_FILE --public-key KEY [--anchor FILE]

    KEY is the file signing.pub of the log. Get it from the operator by another way than this file.
    FILE holds checkpoints that were anchored elsewhere at the time. The signature alone says that
    the holder of the key signed these records, not when, and not that no process is missing.

    Times are those of the clock of the machine that wrote the log.
"""


def class_of(row: Entry) -> str:
    """The class of requests in an answer, and the higher one that they may have had."""
    decided, highest = row["class"], row["highest"]
    if decided == highest:
        return str(decided)
    return f"{decided}, but {highest} by what was found, declared, carried or left unsaid,"


def readme(
    question: Question, answer: Entry, checkpoint: Checkpoint, witnesses: Sequence[Witness]
) -> str:
    """README.txt."""
    requests = [
        f"    {r['count']} requests of class {class_of(r)} to {r['destination']}"
        f" (region {r['region'] or 'not stated'})"
        for r in answer["requests"]
    ]
    regions = ", ".join(f'"{region}"' for region in question.regions)
    lines = testimony(witnesses, [head.worker for head in checkpoint.heads])
    return _TEXT.format(
        since=written(question.since),
        until=written(question.until),
        data_class=question.data_class.value,
        regions=f"the region {regions}" if regions else "the device",
        answer="Yes, or it may have:" if answer["left"] else "No, by the records that are here.",
        requests="".join(f"{line}\n" for line in requests),
        workers=len(checkpoint.heads),
        made=written(checkpoint.t),
        testimony="\n".join(f"    - {line}" for line in lines),
    )
