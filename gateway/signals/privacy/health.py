# SPDX-License-Identifier: Apache-2.0
"""Whether a text is about care: clinical words, endings of diagnoses and drugs, record formats.

On purpose wide: the context alone never makes a finding, it only turns an identifier into protected
health information. Other languages with the words their notes are full of (`health_words_abroad`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from gateway.signals.privacy.found import Found, alternatives, narrow
from gateway.signals.privacy.health_words import WORDS
from gateway.signals.privacy.health_words_abroad import WORDS_ABROAD
from gateway.signals.privacy.verdict import Kind

_WORDS = (
    r"(?:mg|mcg|ml|units?) (?:po|iv|im|daily|bid|tid|qid|prn|qd|once|twice)|\d+[- ]?(?:yo|y/o)"
    r"|a1c|acute|admission|aids|alzheimer'?s?|antibiotics?|anxiety|aspirin|asthma|atrial"
    r"|biops(?:y|ies)|bipolar|blockers?|blood (?:pressure|sugar|test|work)|bmi|c/o|cancers?"
    r"|cardiac|chest pain|chf|chronic|ckd|clinics?|colonoscopy|comatose|copd|covid(?:-19)?"
    r"|creatinine|ct scan|ddx|dementia|depressi(?:on|ve)|diabet(?:es|ic)|dialysis"
    r"|(?:discharge|death|clinic) (?:summary|notes?|instructions?|letter)|death certificate"
    r"|cause of death|self[- ]harm|prior auth(?:ori[sz]ation)?|needle ?stick|hearing (?:loss|aids?)"
    r"|(?:hip|knee) replacement|sore throat|runny nose|post-?mortem|mental health|c-section"
    r"|eating disorder|\d ?mc?g|disease|disorder"
    r"|doctor'?s? (?:visit|appointment|note)|dos(?:age|ing|es?)|dx|ecg|egfr|ehr|ekg"
    r"|emergency department|emr|fever|fhir|fibrillation|fractures?|gerd|hba1c|headaches?"
    r"|health(?:care)? (?:plan|record|insurance)|heart (?:failure|attack|disease)"
    r"|hep(?:atitis)? [abc]|heparin|hepatic|hiv|home health|hospitali[sz]ed|hospitals?|hpi|hx"
    r"|ibuprofen|icu|infarction|infected|infections?|influenza|inhibitors?|inpatient|inr"
    r"|insulin|kidney|lab (?:results?|work)|lesions?|liver|lupus|mammograms?|medical"
    r"|medications?|medicines?|meds|metformin|migraines?|mri|mrn|nausea|nurses?|obstetric\w?"
    r"|opioid use|opioids?|outpatient|panic attacks?|(?:my|our|the|his|her|their|your|to|a) gp"
    r"|(?:the|a|on|our|to) ward|ward round|smear tests?|abnormal smear"
    r"|(?:session|progress|soap|dap|nursing|care|case) notes?|care (?:home|plan)s?|nursing home"
    r"|breathing (?:at|exercises?|difficult\w{0,3})|stops breathing|vitamin [bdk]"
    r"|(?:back|neck|knee|hip|joint|tooth|belly|stomach|pelvic|ear) pain|wisdom (?:tooth|teeth)"
    r"|root canal|side effects?|medically necessary|medical necessity|out[- ]of[- ]network"
    r"|memory clinic|pressure sores?|night sweats|weight loss|vision loss"
    r"|(?:latent|active|mdr|for|with|has|had|have|of) tb|tb (?:rx|tests?|clinic|drugs?|meds)"
    r"|blood (?:group|count|thinners?)|iron infusion|due date|trial subject"
    r"|breast ca|[rh]/o|g\dp\d|gcs|pacemaker"
    r"|parkinson'?s?|patients?|pcp|phi|physicians?"
    r"|pmh|pneumonia|pre-?eclampsia|prenatal|prn|prognosis|pts?|pulmonary|radiation"
    r"|referral letter|renal|rx|s/p|seizures?|sepsis|shortness of breath|strokes?"
    r"|surger(?:y|ies)|surgical|symptoms?|syndrome|therap(?:y|ies|eutic)|treated|treatments?"
    r"|tumou?rs?|tx|ultrasound|vomiting|warfarin|x-?ray|year[- ]old (?:male|female)"
)
# What patients and relatives say, and nobody else.
_LAY_WORDS = (
    r"(?:since|after|before|my|his|her|your) operation|(?:gene|genetic|urine|hearing) tests?"
    r"|tests? (?:came|results?)|can'?t (?:sleep|breathe|walk|swallow|eat|pee)"
    r"|stopped eating"
    r"|(?:won'?t|not) (?:eat|eating|drink|drinking)|swallowed|pee(?:s|ing)?|poo(?:s|ing)?"
    r"|tick bites?|the tick|brain (?:scan|thing|injury|bleed)"
    r"|(?:heart|sleeping|water|iron) (?:pill|tablet)s?"
    r"|(?:his|her|my|their|your|taking|takes|take) (?:pill|tablet|chest|heart|bladder|bowel)s?"
    r"|skin tears?|(?:the|wet|infected|open) wound|wound (?:care|round|clinic)|faints?|threw up"
    r"|throwing up|waters broke|contractions|weeks (?:pregnant|gestation|along)|at \d\d weeks"
    r"|period pains?|nil by mouth|food after midnight|hears? voices"
    r"|(?:night|ward) sister|(?:had|has|having|after) a fall|fell (?:over|down|off|on)"
    r"|(?:broke|broken) (?:his|her|my|hip|arm|leg|wrist|ankle)|hurts(?: when)?|high temperature"
    r"|memory (?:loss|problems)"
    r"|(?:the|my|his|her|our|your) (?:doctor|doc|consultant|specialist|dr)s?"
    r"|(?:dentist|scan|check-?up|hospital) appointment|scan (?:pics?|results?|shows?|showed|came)"
    r"|(?:bone|baby|my|her|his) scan|poorly|nappy rash|antabuse|shin|sacrum|the other eye"
    r"|eye (?:drops|done)|hearing voices|button battery|drinking again|self[- ]harming"
)
_STEMS = (
    r"allerg|anticoagula|cardiolog|chemo|clinical|comorbid|diagnos|epilep|hypertens|immuni[sz]"
    r"|malignan|metasta|neurolog|oncolog|post-?op|pre-?op|pregnan|prescri|psychiatr|rehab"
    r"|schizophreni|transplant|vaccin"
)
_MARKS = (
    r'(?:PID|OBX|OBR|MSH|PV1)\||"resourceType"|(?:patient|medical|clinic)[a-z]*_|ehr_'
    r"|\((?:0010|0008|0020),[0-9A-F]{4}\)"
)
_ENDING = (
    r"itis|emia|aemia|opath(?:y|ic)|ectomy|plasty|ostomy|otomy|algia|penia|uria|oma|omas|pril"
    r"|sartan"
    r"|statin|olol|mab|azole|cillin|mycin|gliptin|gliflozin|tinib|prazole|triptan|oxetine|azepam"
    r"|iasis|azolam|ococc(?:us|al|i)|dipine|parin|xaban|ythromycin|floxacin|osis|plegia|trophy"
    r"|megaly|scopy|graphy scan"
)
_EVERYDAY = frozenset(
    (
        "academia bohemia aroma diploma oklahoma tacoma roma soma paloma sonoma coma macedonia"
        " osmosis hypnosis symbiosis metamorphosis april telescopy microscopy botany bosom axioma"
        " loma genoma coloma idioma poma sarcoma's neurosis topiary empathy sympathy apathy"
        " telepathy trophy atrophy photosynthesis mitosis meiosis"
    ).split()
)

_SAID = rf"{_WORDS}|{_LAY_WORDS}"
WORDS_TRIGGER = (
    *(rf"(?i)\b{word}\b" for word in alternatives(_SAID)),
    *(rf"(?i)\b{stem}" for stem in alternatives(_STEMS)),
    *(f"(?i){mark}" for mark in alternatives(_MARKS)),
)
ENDING_TRIGGER = rf"(?i)[a-z]{{2}}(?:{_ENDING})\b"
TRIGGERS = (WORDS_TRIGGER, ENDING_TRIGGER)
_LETTERS_ONLY = bytes(each if chr(each).isalpha() else 32 for each in range(128)) + b"x" * 128
_ALL = WORDS | WORDS_ABROAD
_LISTED = frozenset(narrow(word).translate(_LETTERS_ONLY) for word in _ALL)
_WORD = re.compile(r"[^\W\d_]+")
_WORD_SPAN = re.compile(rf"(?i)\b(?:{_SAID})\b|\b(?:{_STEMS})[a-z]*|{_MARKS}", re.ASCII)
_ENDING_SPAN = re.compile(rf"(?i)\b([a-z]{{2,24}}(?:{_ENDING}))\b", re.ASCII)


def has_clinical_word(data: bytes) -> bool:
    """Whether a word of `health_words` occurs in the narrow text."""
    return not _LISTED.isdisjoint(data.lower().translate(_LETTERS_ONLY).split())


def has_clinical_ending(text: str) -> bool:
    """Whether a word like "arthritis" or "lisinopril" occurs, everyday words left out."""
    return any(True for _ in _ending_matches(text))


def health_spans(text: str) -> Iterator[Found]:
    """The words that make the health context, as weak hits."""
    for match in _WORD_SPAN.finditer(text):
        yield Found(match.start(), match.end(), Kind.HEALTH, is_strong=False)
    for match in _WORD.finditer(text):
        if match.group().lower() in _ALL:
            yield Found(match.start(), match.end(), Kind.HEALTH, is_strong=False)
    for match in _ending_matches(text):
        yield Found(match.start(), match.end(), Kind.HEALTH, is_strong=False)


def _ending_matches(text: str) -> Iterator[re.Match[str]]:
    return (m for m in _ENDING_SPAN.finditer(text) if m.group(1).lower() not in _EVERYDAY)
