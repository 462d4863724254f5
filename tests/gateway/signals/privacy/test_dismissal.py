# SPDX-License-Identifier: Apache-2.0
"""What stands beside a name, or in its sentence, shows that it is nobody's, or not."""

from __future__ import annotations

import random

import pytest

from gateway.signals.privacy import Detector
from policies import DataClass
from tests.gateway.signals.privacy.somebody import PATIENTS, prompts

DETECTOR = Detector()
_OF_PEOPLE = (
    "Many people are affected by it, and doctors often find it late. The cells of the lung do not"
    " grow as they should, and the blood has too few of them. Children are seldom ill. The muscles"
    " of the back may be weak, which is a sign of age, and that of the eyes is lost."
)

NOBODY = [
    "Explica el síndrome de Zorvanek en pocas palabras.",
    "Expliquez le signe de Zorvanek en quelques mots.",
    "Morbus Zorvanek: Was sind die Symptome?",
    "Was ist das Zorvanek-Syndrom in der Medizin?",
    "Resume la guía de la Sociedad Zorvanek de Cardiología.",
    "Are anti-Zorvanek antibodies harmful in pregnancy?",
    "Is the Kutaisi consensus still used in sepsis?",
    "What illness did King Zorvan III have, gout or asthma?",
    "Other names of the disease are Zorvanek-Marlow and Quillon-Brask syndrome.",
    "The cut-off for pneumonia (Zorvanek and Marlow, 2014) is too high.",
    "Does prednisone help, as Zorvanek and colleagues found in asthma?",
    "How are Zorvanek tablets taken in asthma?",
    "The FDA approved it for asthma on March 3, 2021.",
    "On March 3, 2021, the FDA warned of asthma inhalers.",
    "Is asthma more common in MS Down under treatment?",
    "Researchers at Kutaisi General Hospital study asthma.",
    "Variants of CEP290 cause blindness and kidney disease.",
    "GCS E3V2M5 after a stroke: intubate?",
]
SOMEBODY = [
    "La enfermedad de María empeora, dice su hija.",
    "Por favor, llame a Zorvanek, tiene asma.",
    "bệnh nhân Zorvanek bị đau đầu",
    "King Zorvanek has asthma and takes prednisone.",
    "Give Ngozi aspirin for her asthma.",
    "Zorvanek, aspirin, review in a week for asthma.",
    f"Asthma is worse in winter. {_OF_PEOPLE} Ngozi Zorvanek wants to know more.",
    f"Give the leaflet on asthma to Abdrakhmanov. {_OF_PEOPLE}",
    f"My sister in Kutaisi has asthma. {_OF_PEOPLE}",
    "Ms. Down has asthma.",
    "Mr. Wilson's disease is worse, he has asthma.",
    "Her asthma was found on March 3, 2021.",
    "Leg edema cleared by 03/14/2023, statin as the guideline recommended.",
    "Asthma, DOB 03/14/1962; the CDC recommended a vaccine.",
    "FDA-approved valve implanted on 03/14/2023, now asthma.",
    "The FDA cleared device was placed on 03/14/2023 for heart failure.",
    "She was treated at Kutaisi General Hospital for asthma.",
    "patient is from CEP 01310-100 and has asthma",
]


@pytest.mark.parametrize("text", NOBODY)
def test_nobody(text: str) -> None:
    """By the grammar of eponyms, citations, bodies, lists of drugs and articles."""
    assert DETECTOR.scan(text).data_class is DataClass.PUBLIC


@pytest.mark.parametrize("text", SOMEBODY)
def test_somebody(text: str) -> None:
    """The same places hold people too."""
    assert DETECTOR.scan(text).data_class is DataClass.PHI


@pytest.mark.parametrize("group", PATIENTS)
def test_patients_where_terms_stand_are_seldom_hidden(
    group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of those that the weights find, the rules hide 2 in 100 at most, in articles 10.

    What the weights miss is not counted: that is bounded in `test_unseen`.
    """
    texts = list(prompts(group, random.Random(7), 20))
    found = {text for text in texts if DETECTOR.scan(text).data_class is DataClass.PHI}
    monkeypatch.setattr("gateway.signals.privacy.tagger.is_no_finding", lambda *_: False)
    labelled = [text for text in texts if DETECTOR.scan(text).data_class is DataClass.PHI]
    hidden = [text for text in labelled if text not in found]

    assert len(labelled) >= 0.4 * len(texts)
    assert len(hidden) <= (0.1 if group == "article" else 0.02) * len(labelled), hidden[:9]


def test_patients_where_terms_stand_are_found() -> None:
    """All of it together, weights and rules; the bound is what is reached, less a little."""
    texts = [text for group in PATIENTS for text in prompts(group, random.Random(8), 10)]
    found = [text for text in texts if DETECTOR.scan(text).data_class is DataClass.PHI]

    assert len(found) >= 0.8 * len(texts), len(found) / len(texts)
