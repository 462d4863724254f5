# SPDX-License-Identifier: Apache-2.0
"""Capitalised words behind a cue that are no private names."""

from __future__ import annotations

# First or last words that make a run of capitals something else than a person.
NOT_NAMES = frozenset(
    # sentence starts, pronouns, question words
    "A An The This That These Those I He She It We You They His Her My Our Your Their If When Where"
    " What Which Who Why How Is Are Was Were Do Does Did Can Could Should Would Will Please Give List"
    " Explain Describe Summarise Summarize Write Draft In On At For From With And Or But Not No Yes"
    " Use Note Also After Before Because Since As To Of By Any All Each Every Some Here There Then"
    " Hi Hello Thanks Thank Regards Sir Madam Sirs Team All Everyone Friend Customer Hiring Editor"
    # care and administration
    " Patient Patients Care Safety Portal Education Health Healthcare Information History Name Names"
    " Data Record Records Chart Services Service Advocate Rights Bill Experience Outcome Outcomes"
    " Satisfaction Assessment Questionnaire Registry Medicine Medical Clinical Hospital Clinic Center"
    " Centre University Institute College School Department Association Foundation Society Protection"
    " Affordable Act Advisory Board Committee Practitioner Practitioners Identification Number ID"
    # conditions, scores, sequences
    " Disease Disorder Syndrome Cancer Score Scale Criteria Index Test Type Stage Class Grade Group"
    " Vitamin Hepatitis Plan Phase Factor Schedule Category Appendix Figure Table Part Section Series"
    " Step Option Question Answer Team Room Building Route Line Model Version Level Unit Block Point"
    " COPD CHF HIV AIDS MS ALS CKD GERD DVT PE MI CAD AF AFib HTN BPH T1D T2D DM MRI CT ECG EKG"
    " Alzheimer Parkinson Crohn Hodgkin Lyme Marfan Down Turner Huntington Hispanic Asian African"
    " American Caucasian Black White European Indian Chinese Mexican Latina Latino Native"
    " Type1 Type2 Stage1 Diabetes Hypertension Asthma Prostate Breast Lung Ovarian"
    # calendar and geography
    " Monday Tuesday Wednesday Thursday Friday Saturday Sunday January February March April June July"
    " August September October November December Street Avenue Road Earth Mars Africa Europe Asia"
    " America England France Germany India China Japan Canada Mexico London Paris States Kingdom"
    # programming
    " String None True False Null Value Python Java JavaScript HTML JSON SQL API".split()
)

# Trimmed from the end of a name: capitalised because of a heading or a label.
FOLLOWERS = frozenset(
    "MD DO RN PhD NP PA Jr Sr DOB MRN SSN Age Sex Gender Phone Email Address Date On At In Is Was"
    " Has Had Who With And For The Your My He She I This What Please Diagnosis Dx Rx Account".split()
)

# What may stand before "name:" when a person is meant.
QUALIFIERS = frozenset(
    "patient first last full given family middle client member customer user my your her his the"
    " maiden sur legal employee student applicant contact guardian preferred and mother father".split()
)

# Characters, brands and people of public life that titles and cues are common with.
PUBLIC = frozenset(
    {
        *"Pepper Seuss Who Dre Oz Phil Doom Strange House Jekyll Hyde Frankenstein Evil Watson".split(),
        *"Bean Bond Spock Potato Monopoly Clean Rogers Robot Incredible Darcy Holmes T Beast".split(),
        *"Doubtfire Claus Dalloway Marvel Universe America World Muffet Piggy Marple Pacman".split(),
        *"Einstein Newton Darwin Shakespeare Freud Curie Fauci Spock Zhivago Faustus Robotnik".split(),
        *"Xavier Moriarty Nobody Jesus Christ God Santa Alexa Siri Google Bing ChatGPT Claude".split(),
        "Martin Luther King",
        "Martin Luther King Jr",
        "King Jr",
    }
)
