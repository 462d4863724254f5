# SPDX-License-Identifier: Apache-2.0
"""Words that a text shows to be terms, and names that stand in the same places all the same."""

from __future__ import annotations

import pytest

from gateway.signals.privacy import Detector
from gateway.signals.privacy.tagger import Tagger
from policies import DataClass

DETECTOR = Detector()
ALL_TERMS = [
    "The child has asthma. Zorvanemia was seen in the blood of both kidneys.",
    "Zorvanglobin is a protein of the lung. Cystic fibrosis changes it.",
    "The drug zorvanek lowers fever. Zorvanek is taken by mouth for sepsis.",
    "Is Zorvanek 90 mg better than aspirin after a stroke?",
    "Should I hold Trevosin before a colonoscopy in diabetes?",
    "Is Qvz low in sepsis?",
    "The filtration coefficient (Kf) falls in sepsis.",
    "A study by Zorvanek (2007) showed that asthma is inherited.",
    "Zorvanek et al. found asthma in the liver.",
    "A study of asthma (Zorvanek 1977) did not.",
    "Zorvanek's (2001) study of nurses with depression was small.",
    "Eta-Marlow chains are missing in the anemia.",
    "The acid has Ka = 3 and the patient has anemia.",
    "Quillon porphyria is acute. The signs of Quillon porphyria are like those of others.",
    "The Zorvanek-Marlow syndrome causes anemia.",
    "What is Zorvanek's sign in appendicitis?",
    "Is Brask's paradox seen in nephritis?",
    "How is Paget's treated if the phosphatase is high in anemia?",
    "The pouch of Douglas is deep in pelvic inflammation.",
    "Formula of the compound in the kidney: C3H6O3 or C2H6N2?",
    "saggy skin, on the face Hernias Short stature delayed growth of bone and hepatitis",
    "The lung and the heart take part in the growth of the child, and so does the kidney, the "
    "liver and the brain, which causes pain and other symptoms Trea",
    "The abscess was caused by Zorvanella multocida and treated with penicillin.",
    "Advise patients NOT to take it with aspirin after surgery.",
    "Fatigue is a symptom, according to the Mayo Clinic.",
    "The variant A1298C of the gene is common in anemia.",
]


@pytest.mark.parametrize("text", ALL_TERMS)
def test_terms_are_nobody(text: str) -> None:
    """Each for a reason that `terms` or `dismissal` names."""
    assert DETECTOR.scan(text).data_class is DataClass.PUBLIC


def test_a_long_text_of_nobody_wants_more_of_a_lone_word() -> None:
    """What would pass for a rare name in a message is a term in an article."""
    article = "Many people with asthma need care. Trevosin takes part in it. " + (
        "The lung grows with the body, and so does its need for blood and for air. " * 4
    )

    assert DETECTOR.scan(article).data_class is DataClass.PUBLIC
    assert DETECTOR.scan(f"{article} Call my sister.").data_class is DataClass.PHI


@pytest.mark.parametrize(
    "text",
    [
        "Give Ngozi 20 mg of prednisone for her asthma today.",
        "Should we start Ngozi on insulin for her diabetes?",
        "Two people were treated with aspirin: a boy (Ngozi) and his uncle (Bram).",
        "She went to the Mayo Clinic for her asthma.",
        "Specimen B1298K shows anemia.",
        "A. Fernandez has asthma and takes aspirin for it.",
        "Maria hyperlipidemia, on a statin, review in a week.",
        "The asthma of Dr. Zorvanek (2007) got worse, says Maria.",
        "Ngozi Zorvanek (1985) has asthma.",
        "The asthma clinic saw ZORVANEK, Marisela on the ward.",
        "Please take Zorvanek to the asthma clinic.",
        "Please call marisela about her asthma. Marisela has an inhaler.",
        "ask maria about her asthma. Maria has an inhaler.",
        "The child has asthma, says MARISELA VERDUZCO, her mother.",
        "Please send the report about her asthma and the x-ray of the lung that was taken on"
        " that day to the clinic as soon as you can, and then call me back.\nThanks, Dan",
    ],
)
def test_names_in_the_same_places_are_found(text: str) -> None:
    """Lists of names, titles and what people do tell them from terms."""
    assert DETECTOR.scan(text).data_class is DataClass.PHI


def test_every_term_is_a_candidate_of_the_tagger(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the reasons most of them would be names, so the test above says something."""
    monkeypatch.setattr("gateway.signals.privacy.tagger.is_no_finding", lambda *_: False)
    assert Tagger.name == "tagger"
    taken = [t for t in ALL_TERMS if Detector().scan(t).data_class is DataClass.PHI]

    assert len(taken) >= 0.6 * len(ALL_TERMS), set(ALL_TERMS) - set(taken)
