# SPDX-License-Identifier: Apache-2.0
"""Prompts of clinicians in which one patient stands where terms stand: beside a drug, before a
disease, in brackets, behind a verb of prescribing, in a line about an article.

By what the rules of `dismissal` look for, so that a rule that hides patients shows as a group that
does. `{L}` is a surname, `{E}` one that a disease bears, too, `{N}` a full name, `{T}` a town.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

from tests.gateway.signals.privacy.unseen import PEOPLE, TOWNS

_SURNAMES = (
    "Okonkwo|Oyelaran|Szczepanik|Thibodeaux|Haukland|Ferreirinha|Bramwell|Gebreselassie|Takahara"
    "|Castellanos|Vandermolen|Abdulrazaq|Kowalczuk|Birchfield|Ostrander|Pemberton|Stavropoulos"
    "|Yamashiro|Chukwuemeka|Lindqvist|Marchetti|Rosenbloom|Whitlock|Petrossian|Obuya|Tennant"
).split("|")
_EPONYMS = (
    "Wilson|Parkinson|Turner|Graves|Bell|Addison|Cushing|Paget|Whipple|Murphy|Barrett|Huntington"
    "|Hansen|Baker|Bowen|Hunt|Fisher|Hamilton|Beck|Bishop|Norton|Wells|Kaplan|Hartmann|Gleason"
    "|Thompson|Weber|Allen|Adams|Hill"
).split("|")
_ARTICLES = (
    "Asthma is a disease of the airways. Many people are affected by it, and doctors often find it"
    " late. The cells of the lung do not grow as they should, and the blood has too few of them."
    " Children are seldom ill. The muscles of the back may be weak, which is a sign of age.",
    "Type 2 diabetes is a condition in which the body does not use insulin as it should. Patients"
    " may feel thirsty and tired, and wounds heal slowly. Diet and exercise help most people, and"
    " medicines are the next step. Researchers have described several genes that raise the risk of"
    " the disease in adults and in children.",
    "Psoriasis was first described in 1841. It is a disease of the skin which is not contagious."
    " Individuals who have a parent with it are more likely to have it. Studies show that light"
    " helps. The plaques are red and may itch, and the nails of the hands can be thick. There is no"
    " cure, but creams and tablets are used to treat it.",
)

PATIENTS: dict[str, tuple[str, ...]] = {
    "drug": (
        "{L} and Humira: she has a rash. Stop?",
        "Patients on warfarin: {L}, Dube and Humira users",
        "{L} and prednisone - he is sleepless",
        "{L} & Keytruda: progression on CT, what next?",
        "{L} vs insulin - he refuses it",
        "{L} tablets ran out, she needs a refill for her asthma",
        "{L} patches fell off in the night; new ones for pain?",
        "{L} injection due today for psoriasis",
        "{L} catheter blocked again, temp 39, UTI?",
        "{L} inhaler technique poor, wheezes",
        "insulin ({L}, bed 5) given late, glucose 400",
        "vancomycin ({L}) trough 25",
    ),
    "dose": (
        "{L} 20 mg prednisone today, asthma flare",
        "{L} 5 mg warfarin, INR 4",
        "Start {L} with metformin",
        "stop {L} for surgery? on clopidogrel",
        "refill {L} metformin",
        "Prescribed {L} amoxicillin for otitis",
        "taper {L} off prednisone",
        "Discontinue {L}'s heparin?",
    ),
    "eponym": (
        "{E}'s asthma is worse, my patient needs steroids",
        "{E}'s diabetes: his wife gives the insulin",
        "{E}'s melanoma has spread, he wants hospice",
        "{E}'s colectomy is at 8, consent signed",
        "{E}'s arthritis is back. Restart methotrexate?",
        "{E}'s fever is 39.5, cultures sent, he is septic",
        "{E}'s biopsy shows lymphoma, she knows",
        "{E}'s fracture needs surgery, he is on warfarin",
    ),
    "disease": (
        "{L}'s disease has spread, he wants hospice",
        "{L}'s sign-out: sepsis on meropenem",
        "{L}'s tumor is 5 cm, she knows",
        "{L} anemia workup pending, hgb 7",
        "{L} pancreatitis, lipase 2000, npo",
        "{L} fracture clinic Monday",
        "{L} cells in urine, sediment active, nephritis?",
        "{L} tests pending: hepatitis panel",
        "{L} stage 4 lung cancer, hospice",
        "{L}-melanoma stage 3, needs PET",
        "{L} osteosarcoma, limb surgery planned",
        "the operation of {L} is postponed, she has fever",
        "{L} D dimer high, PE?",
        "{L} K 6.1, on dialysis",
        "{L} signs of sepsis today, on meropenem",
        "{L} reaction to penicillin, hives",
        "{L} cycle 3 of chemo, neutropenic",
        "{L} line infected, septic",
        "{L} membrane ruptured, 34 weeks pregnant",
    ),
    "abroad": (
        "La enfermedad de {L} empeora, dice su hija",
        "le test de {L} est positif, VIH, que faire ?",
        "La operación de {L} fue ayer, tiene fiebre",
        "A anemia de {L} piorou",
        "Il tumore di {L} è cresciuto, la figlia chiede",
        "Die Operation von {L} war gestern",
        "La fractura de {L} duele",
        "Haute fièvre chez {L}, pneumonie",
        "Agencia llamó: {L} tiene diabetes",
    ),
    "list": (
        "A. {L} sepsis\nB. Dube stroke\nwho first?",
        "A) {L}\nboth of us saw him, sepsis, who takes over?\nB) nobody",
        "- {L}: asthma\n- bed 4: gout",
        "{L} = asthma, bed 4 = gout",
        "Seen by Dr. House {L}, stroke",
        "bed,surname,dx\n3,{L},pneumonia\n4,empty,",
        "Smith-{L}, Jones-{L}: both on warfarin, INR?",
        "{C} has sepsis, on meropenem",
        "Handover: {C} stroke, dysphagia",
    ),
    "cited": (
        "{L} and others on the ward have influenza",
        "{L} (2007) and her brother have asthma",
        "Letter from {L} 2019 about her asthma",
        "in {L} 2021 asthma got worse",
        "by {L} (2007) - my patient with HIV",
        "({L}, 1950) leukemia, bed 4",
    ),
    "article": (
        "{A}\nGive this to {L}.",
        "Simplify for {L}:\n{A}",
        "{L} in bed 4 needs this explained.\n{A}",
        "{A}\nRewrite at 6th grade level for {L}",
        "For {L}: {A}",
        "{A}\n{L} was started on it last week.\n{A}",
        "{A}\nBed 4: {L}\n{A}",
        "{A} {N} of {T} was found to have it in 1985. {A}",
        "{A}\nReferral came from {T} in 2023 with asthma.",
    ),
    "known": (
        "Jordan has asthma and takes prednisone",
        "Victoria has asthma, he said",
        "Virginia fell, hip fracture",
        "Paris {L}, 4, otitis",
        "Frida {L} has asthma",
        "She is from {T} and her symptom diary shows asthma",
    ),
    "date": (
        "CDC recommended vaccine given; dob 03/14/1962, asthma",
        "FDA approved drug, first infusion 03/14/2023, psoriasis",
        "The FDA approved inhaler was first used 3 May 2021 in this asthma case",
        "FDA-cleared pump since March 3, 2021, diabetes",
        "biopsy 03/14/2023, the FDA approved drug is next for this lymphoma",
        "CDC recommended isolation until 03/14/2023 for tuberculosis",
        "FDA recalled his valve, explant 03/14/2023, endocarditis",
        "vaccine as CDC recommended on 03/14/2023, then seizure at home",
    ),
}


def prompts(group: str, draw: random.Random, rounds: int) -> Iterator[str]:
    """Every template of the group, with other people each time."""
    for template in PATIENTS[group] * rounds:
        full = draw.choice(PEOPLE.split("|"))
        surname = draw.choice((full.split(" ")[-1], draw.choice(_SURNAMES)))
        values = {
            "L": surname,
            "C": draw.choice(_SURNAMES).upper(),
            "E": draw.choice(_EPONYMS),
            "N": full,
            "T": draw.choice(TOWNS.split("|")),
            "A": draw.choice(_ARTICLES),
        }
        yield re.sub(r"\{([LCENTA])\}", lambda match: values[match[1]], template)  # noqa: B023
