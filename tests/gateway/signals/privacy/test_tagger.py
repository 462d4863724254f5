# SPDX-License-Identifier: Apache-2.0
"""Names and places without a cue: where they end, what is none, and the bound on the work."""

from __future__ import annotations

import pytest

from gateway.signals.privacy import Detector, Kind
from gateway.signals.privacy.features import Vocabulary
from gateway.signals.privacy.found import narrow
from gateway.signals.privacy.model import packaged
from gateway.signals.privacy.tokens import Tokens, candidates, rare_words
from policies import DataClass

DETECTOR = Detector()
LEXICON = packaged().lexicon

FOUND = [
    (Kind.NAME, "yesterday [Ngozi Zorvanek] felt dizzy"),
    (Kind.NAME, "yesterday [Jean-Pierre Lemaire] felt dizzy"),
    (Kind.NAME, "yesterday [María de la Cruz] felt dizzy"),
    (Kind.NAME, "yesterday [J. K. Zorvanek] felt dizzy"),
    (Kind.NAME, "asthma in [Anna S.], who smokes"),
    (Kind.NAME, "[Dr. Zorvanek] saw her"),
    (Kind.NAME, "my mom [marisela collins] was told she has diabetes"),
    (Kind.NAME, "YESTERDAY [MARISELA COLLINS] HAD DIABETES"),
    (Kind.NAME, "[Maria]'s disease is getting worse"),
    (Kind.NAME, "what does [Zorvanek]'s chart say"),
    (Kind.NAME, "explain the [Maria] test results to her husband"),
    (Kind.NAME, "for [Maria] osteoporosis follow up"),
    (Kind.NAME, "what does [Helena Verduzco]'s test show"),
    (Kind.NAME, "bệnh nhân [Nguyễn Văn Bình] bị đau đầu"),
    (Kind.GEO, "a farmer from [Kutaisi] with a cough"),
    (Kind.GEO, "she was treated at [St. Vincent's Hospital] last year"),
    (Kind.GEO, "send it to [Rua Augusta 1500, São Paulo] please"),
]
NONE = [
    "Explain Parkinson's disease, Hodgkin lymphoma and Guillain-Barré syndrome",
    "What is the Wells score, and what is Murphy's sign?",
    "Compare Texas, Ontario and New Zealand; are Germans taller?",
    "Did Albert Einstein like Isaac Newton?",
    "Is Dr. Pepper sweeter than Dr. Seuss is funny?",
    "Start Metformin 500 mg and Lisinopril 10 mg",
    "the word flattenn is misspelt",
    "after TIA and s/p TAH in a RHM with gout",
]


@pytest.mark.parametrize(("kind", "marked"), FOUND)
def test_finds_names_and_places_with_exact_borders(kind: Kind, marked: str) -> None:
    """The characters in brackets, and only these."""
    start, end = marked.index("["), marked.index("]") - 1
    text = marked.replace("[", "").replace("]", "")

    assert (start, end, kind) in [(s.start, s.end, s.kind) for s in DETECTOR.scan(text).spans]


@pytest.mark.parametrize("text", NONE)
def test_what_is_named_publicly_is_nobody(text: str) -> None:
    """Diseases, scores, countries, famous people, drugs, slips of the pen."""
    assert DETECTOR.scan(text).spans == ()


def test_sentences_do_not_run_together() -> None:
    """A name that ends a sentence and one that opens the next are two."""
    text = "Ask Siobhan. Ngozi is at home."
    spans = [text[s.start : s.end] for s in DETECTOR.scan(text).spans]

    assert spans == ["Siobhan", "Ngozi"]


def test_common_words_are_not_looked_at() -> None:
    """A text of common words has no candidate; a capitalised neighbour of a rare word is one."""
    assert rare_words(narrow("What is the best way to cook rice?"), LEXICON) is None
    text = "Please ask Zorvanek Hammer, the painter"
    rare = rare_words(narrow(text), LEXICON)
    assert rare == frozenset({"Zorvanek"})
    words = Tokens(text).words

    assert [words[at] for at in candidates(words, rare, 2) or ()] == ["Zorvanek", "Hammer"]
    assert candidates(words * 9, rare, 2) is None


def test_more_candidates_than_can_be_judged_in_time_are_unknown() -> None:
    """A text of nothing but unknown words is refused, not cut."""
    verdict = DETECTOR.scan("Zorvanek qzxv " * 4_000)

    assert verdict.data_class is DataClass.UNKNOWN
    assert "too_many" in verdict.reasons


def test_words_of_prompts_are_not_remembered() -> None:
    """What is kept between texts are common words and single signs."""
    vocabulary = Vocabulary(packaged().lexicon)
    for word in ("patient", "Zorvanek", "Jane", "ß", "12345678", "."):
        vocabulary.facts_of(word)

    assert set(vocabulary.common) == {"patient", "."}


NO_NAMES = [
    "Summarize: cholangitis (ko-lan-JY-tis) is an infection of the ducts, as the leaflet says.",
    "The ward list: quantized quantized aspirin, reports quantized and quantized patients.",
    "Becker muscular dystrophy and Leber congenital amaurosis are inherited.",
    "Which tests follow a positive ELISA test in a child with anemia?",
    "Filamin B binds to other proteins, and so does Filamin A in the heart.",
    "How is the Edinburgh Postnatal Depression Scale scored?",
    "Is Remicade better than Stelara for ulcers?",
    "Is the syndrome of Moynahan inherited, and what about the lungs?",
    "The surgeon went to Herbert Hoover Elementary School with a fever.",
    "Please explain Cullen and Grey Turner signs in pancreatitis.",
    "Sarcomas and Newborns are two words of this list about tumours.",
    f"{'The lung takes part in the growth of the child and of the heart. ' * 4}Inherit",
]


@pytest.mark.parametrize("text", NO_NAMES)
def test_what_looks_like_a_name_and_is_none(text: str) -> None:
    """Each for a reason that `dismissal` names."""
    assert DETECTOR.scan(text).data_class is DataClass.PUBLIC


@pytest.mark.parametrize(
    "text",
    ["Then Mark sold four apples to his friend", "Farmer Brown has two hundred acres of land"],
)
def test_a_name_with_an_ordinary_word_is_no_full_name(text: str) -> None:
    """A first name or surname alone identifies nobody without a health context."""
    assert DETECTOR.scan(text).data_class is DataClass.PUBLIC


@pytest.mark.parametrize(
    "text",
    [
        "Wilson developed severe anemia after the operation.",
        "Parkinson is my patient's surname; Eleanor Parkinson has gout.",
        "Dr. Harris saw Jane Becker for muscular dystrophy.",
        "pls call Zurab S. about the biopsy",
    ],
)
def test_finders_of_diseases_may_be_patients(text: str) -> None:
    """What speaks against a name must stand beside it."""
    assert DETECTOR.scan(text).data_class is DataClass.PHI
