# SPDX-License-Identifier: Apache-2.0
"""Whether a text is about care: clinical words, endings of diagnoses and drugs, record formats.

English only, on purpose wide: the context alone never makes a finding, it only turns an
identifier into protected health information.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from gateway.signals.privacy.found import Found, exact
from gateway.signals.privacy.verdict import Kind

_WORDS = (
    r"patients?|pts?|diagnos\w{1,6}|symptoms?|prognosis|treatments?|treated|therap(?:y|ies|eutic)"
    r"|medications?|medicines?|meds|dos(?:age|ing|es?)|prescri\w{2,8}|surger(?:y|ies)|surgical"
    r"|post-?op\w{0,8}|pre-?op\w{0,8}|clinics?|clinical\w{0,2}|hospitals?|hospitali[sz]ed|inpatient"
    r"|outpatient|discharge (?:summary|note|instructions?)|admission|icu|emergency department"
    r"|chest pain|shortness of breath|headaches?|migraines?|fever|nausea|vomiting|seizures?"
    r"|fractures?|lesions?|biops(?:y|ies)|tumou?rs?|cancers?|metasta\w{2,5}|malignan\w{1,3}"
    r"|diabet(?:es|ic)|hypertens\w{3,4}|asthma|copd|chf|ckd|gerd|hiv|aids|lupus|strokes?|cardiac"
    r"|heart (?:failure|attack|disease)|infarction|atrial|fibrillation|kidney|renal|liver|hepatic"
    r"|pulmonary|oncolog\w{1,4}|cardiolog\w{1,4}|neurolog\w{1,5}|psychiatr\w{1,5}|depressi(?:on|ve)"
    r"|bipolar|schizophreni\w{1,2}|anxiety|dementia|alzheimer'?s?|parkinson'?s?|epilep\w{2,3}"
    r"|pregnan\w{2,3}|prenatal|obstetric\w?|vaccin\w{1,7}|immuni[sz]\w{2,6}|antibiotics?|insulin"
    r"|metformin|warfarin|aspirin|ibuprofen|heparin|opioids?|opioid use|chemo\w{0,8}|radiation"
    r"|dialysis|transplant\w{0,5}|pacemaker|blood (?:pressure|sugar|test|work)|lab (?:results?|work)"
    r"|colonoscopy|mri|ct scan|x-?ray|ultrasound|ecg|ekg|mammogram|hpi|pmh|hx|dx|ddx|rx|tx|c/o|s/p"
    r"|mrn|medical|health(?:care)? (?:plan|record|insurance)|home health|allerg\w{1,4}|a1c|hba1c"
    r"|bmi|inr|egfr|creatinine|comorbid\w{3,5}|disease|syndrome|disorder|chronic|acute|infections?"
    r"|infected|covid(?:-19)?|influenza|pneumonia|sepsis|doctor'?s? (?:visit|appointment|note)|nurses?"
    r"|physicians?|pcp|ehr|emr|referral letter|anticoagula\w{2,5}|inhibitors?|blockers?|rehab\w{0,9}"
    r"|\d{1,3}[- ]?(?:yo|y/o|year[- ]old) (?:\w{1,12} ){0,2}(?:m|f|male|female|man|woman)"
    r"|\d{1,4} ?(?:mg|mcg|ml|units?) (?:po|iv|im|daily|bid|tid|qid|prn|qd|once|twice)"
)
_MARKS = r'(?:PID|OBX|OBR|MSH|PV1)\||"resourceType"|\((?:0010|0008|0020),[0-9A-F]{4}\)'
_ENDING = (
    r"itis|emia|aemia|opath(?:y|ic)|ectomy|plasty|ostomy|otomy|algia|penia|uria|oma|omas|pril|sartan"
    r"|statin|olol|mab|azole|cillin|mycin|gliptin|gliflozin|tinib|prazole|triptan|oxetine|azepam"
    r"|parin|xaban|dipine|ythromycin|floxacin|osis|plegia|trophy|megaly|scopy|graphy scan"
)
_EVERYDAY = frozenset(
    "academia bohemia aroma diploma oklahoma tacoma roma soma paloma sonoma coma macedonia osmosis"
    " hypnosis symbiosis metamorphosis april telescopy microscopy botany bosom axioma loma genoma"
    " coloma idioma poma sarcoma's neurosis topiary empathy sympathy apathy telepathy trophy atrophy"
    " photosynthesis mitosis meiosis".split()
)

WORDS_TRIGGER = rf"(?i)\b(?:{_WORDS})\b|{_MARKS.replace('MSH', 'MSH')}"
ENDING_TRIGGER = rf"(?i)[a-z]{{2}}(?:{_ENDING})\b"
_WORD_SPAN = exact(rf"(?i)\b(?:{_WORDS})\b|{_MARKS}")
_ENDING_SPAN = exact(rf"(?i)\b([a-z]{{2,24}}(?:{_ENDING}))\b")


def has_clinical_ending(text: str) -> bool:
    """Whether a word like "arthritis" or "lisinopril" occurs, everyday words left out."""
    return any(True for _ in _ending_matches(text))


def health_spans(text: str) -> Iterator[Found]:
    """The words that make the health context, as weak hits."""
    for match in _WORD_SPAN.finditer(text):
        yield Found(match.start(), match.end(), Kind.HEALTH, is_strong=False)
    for match in _ending_matches(text):
        yield Found(match.start(), match.end(), Kind.HEALTH, is_strong=False)


def _ending_matches(text: str) -> Iterator[re.Match[str]]:
    return (m for m in _ENDING_SPAN.finditer(text) if m.group(1).lower() not in _EVERYDAY)
