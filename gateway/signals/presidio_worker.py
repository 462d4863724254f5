# SPDX-License-Identifier: Apache-2.0
"""Runs in the environment that has presidio-analyzer: a line of JSON in, a line of JSON out.

    python -I presidio_worker.py MODEL SCORE ENTITY...

Says `{"ready": true}` once. Then `{"text": ...}` in, `{"found": [[start, end, entity], ...]}` out,
or `{"found": null}` for a text that it failed on. It ends when its input does. Imports nothing of
ours: the environment need not have it.

Presidio's recogniser of mail addresses asks the network for the list of public suffixes. Here the
list that came with tldextract is pinned, and any connection at all is refused.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from typing import Any


def _refuse_network(event: str, _arguments: tuple[Any, ...]) -> None:
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname"):
        raise PermissionError("no network")


def _engine(model: str) -> Any:
    tldextract: Any = importlib.import_module("tldextract.tldextract")
    tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
    presidio = importlib.import_module("presidio_analyzer")
    provider = importlib.import_module("presidio_analyzer.nlp_engine").NlpEngineProvider
    models = [{"lang_code": "en", "model_name": model}]
    nlp = provider(nlp_configuration={"nlp_engine_name": "spacy", "models": models})
    return presidio.AnalyzerEngine(nlp_engine=nlp.create_engine(), supported_languages=["en"])


def _found(engine: Any, text: str, entities: list[str], score: float) -> list[list[object]] | None:
    try:
        hits = engine.analyze(text, language="en", entities=entities, score_threshold=score)
        return [[hit.start, hit.end, hit.entity_type] for hit in hits]
    except Exception:  # which may hold text, so not even its name is told
        return None


def main() -> None:
    """Serve until the end of the input."""
    model, score, *entities = sys.argv[1:]
    # What libraries print is none of the protocol, and may hold text.
    out = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)
    sys.addaudithook(_refuse_network)
    engine = _engine(model)
    out.write('{"ready": true}\n')
    out.flush()
    for line in sys.stdin:
        text = json.loads(line)["text"]
        out.write(json.dumps({"found": _found(engine, text, entities, float(score))}) + "\n")
        out.flush()


if __name__ == "__main__":
    main()
