# SPDX-License-Identifier: Apache-2.0
"""Builds the lexicon of the package: which words are common, and what is known of the others."""

from __future__ import annotations

import csv
import json
import random
import re
import zlib
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from gateway.signals.evaluation.labelled import trained_on
from gateway.signals.privacy.lexicon import FACT_FILES, Flag, folded, key_of
from gateway.signals.privacy.wide_places import WIDE_PLACES
from tests.training.privacy.foreign_words import FOREIGN_WORDS
from tests.training.privacy.generate import known_people, known_towns
from tests.training.privacy.styles_abroad import NAMELESS_ABROAD
from tests.training.privacy.styles_other import OTHER_LANGUAGES
from tests.training.privacy.vocabulary import EPONYMS

_WORD = re.compile(r"[^\W\d_]+")
_CAPITAL_INSIDE = re.compile(r"(?<=[a-z,;] )[A-Z][a-z]+")
_LEAST_COUNT = 3
_LARGEST_GAP = 0xFFFF
_LISTED = 6_000
# Syllables of given names in Mandarin; two in a row make a given name.
_SYLLABLES = (
    "ai an bao bin bo chao chen cheng chun cong da dan de dong fang fei feng gang guang gui guo hai"
    " han hao he hong hua hui jia jian jie jin jing jun kai kang ke kun lan lei li liang lin ling"
    " long lu lun mei meng min ming na nan ning peng ping qi qian qiang qin qing qiong qiu rong ru"
    " rui shan sheng shi shu shuang si song tao tian ting wei wen wu xia xian xiang xiao xin xing"
    " xiu xu xue xun ya yan yang yao ye yi yin ying yong you yu yuan yue yun ze zhen zheng zhi"
    " zhong zhu zi zong"
).split()
# Names that are far more often something else when they stand alone in small letters or capitals
# are left out of the lists of names: what remains of them is their context.
_NEVER_NAMES = frozenset("na he she an do ho to be an can you so ma pan fall sow la le man".split())


def texts_of(data: Path) -> Iterator[str]:
    """Running text to count words in; nothing of the tenth that is held back."""
    for row in trained_on(data / "privacy/dev"):
        if not row.source.startswith("synth_train"):
            yield row.text
    yield from notes_of(data)
    yield from prompts_of(data)
    yield (data / "text/calibration.txt").read_text(encoding="utf-8")


def notes_of(data: Path) -> Iterator[str]:
    """Clinical notes and the talks they were made from; unlabelled."""
    folder = data / "privacy/long_notes"
    for path in sorted(folder.glob("*.json")):
        for note in json.loads(path.read_text(encoding="utf-8"))["data"]:
            yield from (note["src"], note["tgt"])
    for path in sorted(folder.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                yield from (row["section_text"], row["dialogue"])


def prompts_of(data: Path) -> Iterator[str]:
    """Everyday prompts, among them examination questions; unlabelled."""
    for path in sorted((data / "routing").glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            yield from (row["prompt"] for row in csv.DictReader(file))


def build_lexicon(data: Path, directory: Path) -> None:
    """Write the three files of the lexicon."""
    small, capital = _counts(texts_of(data))
    flags = _flags(data / "privacy/lexicons", small, capital)
    is_name = Flag.GIVEN | Flag.SURNAME
    frequent = {w for w, n in small.items() if n >= _LEAST_COUNT and w.isascii() and len(w) > 1}
    frequent |= {
        w for w in capital if flags[w] & Flag.WORD and not flags[w] & (is_name | Flag.TOWN)
    }
    always, small_only = [], []
    for word in sorted(frequent):
        told = flags[word]
        mostly_small = small[word] >= 4 * capital[word]
        if told & (Flag.FREQUENT_NAME | Flag.TOWN) or (told & is_name and not mostly_small):
            # The small word is no name; capitalised it may be one. Unless it is hardly a word.
            if small[word] > capital[word] and small[word] >= 10:
                small_only.append(word)
        elif told & Flag.LOWER or told & Flag.WORD:
            always.append(word)
    singles = list("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
    text = "\n".join(always) + "\n\n" + "\n".join([*small_only, *singles])
    (directory / "common.bin").write_bytes(zlib.compress(text.encode("ascii"), 9))
    for word in always:
        flags[word] |= Flag.LOWER
    _write_facts({word: int(flag) for word, flag in flags.items()}, directory)


def _counts(texts: Iterable[str]) -> tuple[Counter[str], Counter[str]]:
    """How often each word stands in small letters, and with a capital inside a sentence."""
    small, capital = Counter[str](), Counter[str]()
    for text in texts:
        small.update(word for word in _WORD.findall(text) if word.islower())
        capital.update(word.lower() for word in _CAPITAL_INSIDE.findall(text))
    return small, capital


def _flags(lexicons: Path, small: Counter[str], capital: Counter[str]) -> defaultdict[str, Flag]:
    flags: defaultdict[str, Flag] = defaultdict(lambda: Flag(0))
    for words, flag in _sources(lexicons):
        for word in words:
            for part in _WORD.findall(folded(word)):
                if len(part) > 1:
                    flags[part] |= flag
    for word, count in small.items():
        if count >= _LEAST_COUNT and count >= 2 * capital[word]:
            flags[folded(word)] |= Flag.LOWER
            flags[folded(word)] &= ~Flag.TOWN  # of "Key West" or "Green Bay"
    for word in _NEVER_NAMES:
        flags[word] &= ~(Flag.GIVEN | Flag.SURNAME | Flag.FREQUENT_NAME)
    return flags


def _sources(lexicons: Path) -> Iterator[tuple[Iterable[str], Flag]]:
    """Lists of words, and what is known of the words of each."""
    yield _listed(lexicons / "philter_firstnames_minus_fps.json"), Flag.GIVEN
    yield _listed(lexicons / "philter_lastnames_minus_fps.json"), Flag.SURNAME
    yield _listed(lexicons / "philter_whitelist.json"), Flag.WORD
    yield (a + b for a in _SYLLABLES for b in _SYLLABLES if a != b), Flag.GIVEN
    for given, surnames in known_people().values():
        yield given, Flag.GIVEN | Flag.FREQUENT_NAME
        yield surnames, Flag.SURNAME | Flag.FREQUENT_NAME
    yield known_towns(), Flag.TOWN
    yield (place for place in WIDE_PLACES if "_" not in place), Flag.WIDE
    yield EPONYMS.split(), Flag.EPONYM
    for listed in (*OTHER_LANGUAGES.values(), *NAMELESS_ABROAD.values()):
        words = _WORD.findall(re.sub(r"\{\w+\}|\\n", " ", listed))
        yield words, Flag.WORD
        yield [word for word in words if word.islower()], Flag.LOWER
    for foreign in FOREIGN_WORDS.values():
        yield foreign.split(), Flag.WORD | Flag.LOWER


def listed_people(lexicons: Path, draw: random.Random) -> tuple[list[str], list[str]]:
    """Some thousand given names and surnames of the lexicon, most of them rare."""
    given = sorted(_listed(lexicons / "philter_firstnames_minus_fps.json"))
    surnames = sorted(_listed(lexicons / "philter_lastnames_minus_fps.json"))
    return (
        [name.title() for name in draw.sample(given, _LISTED)],
        [name.title() for name in draw.sample(surnames, _LISTED)],
    )


def _listed(path: Path) -> Iterable[str]:
    words: dict[str, int] = json.loads(path.read_text(encoding="utf-8"))
    return (word for word in words if word.isalpha())


def _write_facts(flags: dict[str, int], directory: Path) -> None:
    by_key: dict[int, int] = {}
    for word, flag in flags.items():
        if flag:
            by_key[key_of(word)] = by_key.get(key_of(word), 0) | flag
    gaps, values, last = array("H"), bytearray(), 0
    for key in sorted(by_key):
        while key - last > _LARGEST_GAP:  # a key of nothing, to keep gaps in 16 bits
            gaps.append(_LARGEST_GAP)
            values.append(0)
            last += _LARGEST_GAP
        gaps.append(key - last)
        values.append(by_key[key])
        last = key
    share = -(-len(gaps) // len(FACT_FILES))
    for number, name in enumerate(FACT_FILES):
        part = slice(number * share, (number + 1) * share)
        data = gaps[part].tobytes() + bytes(values[part])
        (directory / name).write_bytes(zlib.compress(data, 9))
