# SPDX-License-Identifier: Apache-2.0
"""Prompts that training does not see: other people, other towns, other sentences, disguises.

The training only measures with it when it is done; the people and towns are in none of its lists.
"""

from __future__ import annotations

import base64
import html
import random
import re
import unicodedata
from collections.abc import Callable

# Basque, Mongolian, Malagasy, Kazakh, Swazi, Samoan, Nahua, Welsh, Lithuanian, Georgian, Tamil,
# Cantonese, Hmong, Icelandic, Hausa, Albanian, Catalan, Frisian, Sinhala, Navajo, English.
PEOPLE = (
    "Aitor Etxeberria|Nekane Goikoetxea|Bayarmaa Ganbold|Enkhtuya Batbayar|Rakoto Andrianarisoa"
    "|Voahangy Razafindrakoto|Daniyar Abdrakhmanov|Aigerim Zhaksylykova|Lwazi Maseko"
    "|Sibusisiwe Hlophe|Sefa Tuiasosopo|Fetu Leavasa|Citlali Xicoténcatl|Tlaloc Tezozómoc"
    "|Llinos Rhydderch|Eluned Vaughan|Vaiva Petrauskienė|Mindaugas Sabonis|Tinatin Lomidze"
    "|Zurab Tsiklauri|Kavitha Muthukumaran|Senthil Arumugam|Tsz Ching Poon|Lok Yin Mak"
    "|Pajyeng Vang|Mai Nhia Xiong|Hrafnhildur Baldursdóttir|Snorri Hallgrímsson|Hadiza Garba"
    "|Sani Yakubu|Blerim Shabani|Arta Dervishi|Oriol Puigdevall|Montserrat Casademunt"
    "|Sjoerd Wiersma|Baukje Hiemstra|Ruwan Senanayake|Nayana Ekanayake|Haseya Begaye"
    "|Percival Thornquist|Winifred Eddowes|Barnaby Lutterworth|Cordelia Fanshawe|Ezra Holloway"
    "|Marlena Wisnowski|Jolene Prather|Dwight Kessinger|Lucinda Amberg|Tobin Castellanos"
    "|Renske Hoogland|Yevgenia Malkova|Abelardo Quispitongo|Nkechi Onyekachi|Hui Min Toh"
)
TOWNS = (
    "Llandudno|Donostia|Ulaanbaatar|Fianarantsoa|Shymkent|Mbabane|Savai'i|Tlaxcala|Aberystwyth"
    "|Klaipėda|Kutaisi|Thanjavur|Sham Shui Po|Akranes|Maiduguri|Shkodër|Girona|Leeuwarden"
    "|Anuradhapura|Farmington|Chippenham|Yeovil|Poughquag|Manitowoc|Walpole|Hoquiam|Nacogdoches"
    "|Petaluma|Chillicothe|Bourg-en-Bresse|Pirmasens|Viseu|Alessandria|Quy Nhơn|Shaoxing"
)
# One name or place and nothing else that identifies.
ENGLISH = (
    "For the past three weeks {N} has been complaining of night sweats; labs are pending.",
    "Which statin would you choose for {N}, who had muscle pain on simvastatin?",
    "Please turn this into a discharge letter: {N}, appendectomy, uneventful, diet advanced.",
    "{F} can't sleep since we doubled the prednisone. Should {F} take it in the morning?",
    "Our patient, {N}, refuses dialysis. How do I document capacity?",
    "spoke w {N} re biopsy, wants 2nd opinion, pls draft referral",
    "Summarise the visit for {N}: blood pressure 150/90, start amlodipine.",
    "Explain to {N} in simple words what a stent is.",
    "The transplant team asked whether {N} had been vaccinated against hepatitis B.",
    "Bed 12 - {L}: sepsis, on meropenem. Bed 14 empty.",
    "Could {L} have serotonin syndrome? He takes sertraline and tramadol.",
    "Chemotherapy for {N} starts Monday; which antiemetics?",
    '{"subject": "{N}", "reason": "psychiatric evaluation"}',
    "Patient's mother ({N}) gave consent for the lumbar puncture.",
    "I'd like a second opinion on {N}'s MRI, which shows a lesion in the left lobe.",
    "A retired miner from {T} with silicosis asks about oxygen therapy.",
    "She lives in {T} and cannot drive to chemotherapy any more.",
    "The patient was flown from {T} with burns on both legs.",
    "Is there a dialysis unit close to {T} for a man with end-stage renal disease?",
    "History: born in {T}, smoker, COPD, admitted for pneumonia.",
)
LANGUAGES: dict[str, tuple[str, ...]] = {
    "es": (
        "Resuma la historia de {N}: hipertensión, alergia a la penicilina.",
        "Ayer operaron a {N} de apendicitis y quiere saber cuándo puede comer.",
        "¿Qué dosis de amoxicilina necesita {F}? Pesa veinte kilos.",
        "Tengo una consulta sobre {N}, que toma anticoagulantes.",
    ),
    "fr": (
        "Résumez le dossier de {N} : hypertension, allergie à la pénicilline.",
        "On a opéré {N} de l'appendicite hier, quand pourra-t-elle manger ?",
        "Quelle dose d'amoxicilline pour {F} ? Il pèse vingt kilos.",
        "J'ai une question sur {N}, qui prend des anticoagulants.",
    ),
    "de": (
        "Fassen Sie die Akte von {N} zusammen: Bluthochdruck, Penicillinallergie.",
        "Gestern wurde {N} am Blinddarm operiert und fragt, wann sie essen darf.",
        "Welche Dosis Amoxicillin braucht {F}? Er wiegt zwanzig Kilo.",
        "Ich habe eine Frage zu {N}, die Blutverdünner nimmt.",
    ),
    "pt": (
        "Resuma o prontuário de {N}: hipertensão, alergia à penicilina.",
        "Ontem operaram {N} de apendicite e ela quer saber quando pode comer.",
        "Qual a dose de amoxicilina para {F}? Ele pesa vinte quilos.",
        "Tenho uma dúvida sobre {N}, que toma anticoagulantes.",
    ),
    "it": (
        "Riassumi la cartella di {N}: ipertensione, allergia alla penicillina.",
        "Ieri hanno operato {N} di appendicite e vuole sapere quando può mangiare.",
        "Che dose di amoxicillina serve a {F}? Pesa venti chili.",
        "Ho una domanda su {N}, che prende anticoagulanti.",
    ),
    "vi": (
        "Tóm tắt hồ sơ của {N}: tăng huyết áp, dị ứng penicillin.",
        "Hôm qua {N} được mổ ruột thừa và muốn biết khi nào được ăn.",
        "Cho tôi hỏi về {N}, đang uống thuốc chống đông.",
    ),
    "zh": (
        "Qing zongjie {N} de bingli: gaoxueya, dui qingmeisu guomin.",
        "Zuotian {N} zuo le lanweiyan shoushu, xiang zhidao shenme shihou neng chifan.",
        "Wo xiang wen yixia {N} de qingkuang, ta zai chi kangningyao.",
    ),
}
SPEAKERS: dict[str, str] = {
    "es": "Abelardo Quispitongo|Citlali Xicoténcatl|Eulalia Barrantes|Fulgencio Ocampo",
    "fr": "Gwenaëlle Kerguelen|Anselme Taillefer|Sidonie Vauquelin|Fabien Quillévéré",
    "de": "Hiltrud Obermaier|Detlef Quandt|Roswitha Zschoche|Eckhard Pfannenstiel",
    "pt": "Leocádia Mourão|Amílcar Bettencourt|Zulmira Paixão|Heitor Quintanilha",
    "it": "Ermenegildo Zuccarelli|Fulvia Pettinari|Ivo Scarpellini|Nunzia Lagomarsino",
    "vi": "Đàm Khắc Vũ|Kiều Thị Diễm|Mạc Đình Lộc|Khúc Bích Trâm",
    "zh": "Gong Ruolan|Nie Shiyuan|Qu Tingting|Zhan Pengcheng",
}
HARD_NEGATIVES = (
    "What distinguishes Sheehan syndrome from Addison's disease?",
    "How reliable is the Ortolani maneuver in newborns?",
    "Explain the Bristol stool chart and the Norton scale.",
    "Does a Hartmann procedure always need a reversal?",
    "Kimmelstiel-Wilson nodules in diabetic nephropathy: what are they?",
    "When should Stelara be preferred over Remicade in Crohn's disease?",
    "Summarise the Cochrane review on statins by the University of Bristol group.",
    "Did Robert Koch discover the cause of cholera?",
    "How did Ludwig van Beethoven lose his hearing?",
    "What illness did Frida Kahlo have as a child?",
    "Write a poem about Florence Nightingale.",
    "Hepatitis E in Bangladesh: how is it transmitted?",
    "Is Chikungunya endemic in Brazil and Colombia?",
    "Compare Medicare Part B with Medicare Advantage.",
    "What does the American College of Physicians say about vitamin D?",
    "A 34-year-old woman with Hashimoto's and celiac disease: which tests?",
    "Start Zosyn and vancomycin for suspected sepsis; check Procalcitonin.",
    "PMH: HTN, HLD, OSA on CPAP. Meds: Norvasc, Lipitor. Exam: RRR, CTAB.",
    "Treatment of a 55-year-old male with Waldenström macroglobulinemia in 2021",
    "Impression: Mild Degenerative Changes. No Acute Fracture. Clinical Correlation Recommended.",
)

_DIGITS = "zero one two three four five six seven eight nine".split()
_CYRILLIC = str.maketrans("aeopcxyABEKMHOPCTX", "аеорсхуАВЕКМНОРСТХ")


def _zero_width(text: str) -> str:
    return "\u200b".join(text)


def _fullwidth(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


def _look_alikes(text: str) -> str:
    return re.sub(r"\b([A-Za-z]\w)(\w+)", lambda m: m[1] + m[2].translate(_CYRILLIC), text)


def _entities(text: str) -> str:
    return "".join(f"&#{ord(c)};" if c.isalnum() else html.escape(c) for c in text)


def _decomposed(text: str) -> str:
    return unicodedata.normalize("NFD", text)


def _bold(text: str) -> str:
    return re.sub(r"(\w)(\w+)", r"**\1**\2", text)


# What is done to the identifier inside the prompt.
DISGUISES: dict[str, Callable[[str], str]] = {
    "zero width": _zero_width,
    "soft hyphens": "\u00ad".join,
    "fullwidth": _fullwidth,
    "look-alikes": _look_alikes,
    "HTML entities": _entities,
    "URL encoding": lambda text: "".join(f"%{b:02X}" for b in text.encode()),
    "base64": lambda text: base64.b64encode(f"the name is {text}, as told".encode()).decode(),
    "hexadecimal": lambda text: text.encode().hex(),
    "JSON escapes": lambda text: "".join(f"\\u{ord(c):04x}" for c in text),
    "bold": _bold,
    "capitals": str.upper,
    "small letters": str.lower,
    "decomposed": _decomposed,
}
# Disguises of numbers, for a social security number.
NUMBER_DISGUISES: dict[str, Callable[[str], str]] = {
    "digits as words": lambda text: " ".join(_DIGITS[int(c)] for c in text if c.isdecimal()),
    "spaced digits": lambda text: " ".join(c for c in text if c.isdecimal()),
    "dotted digits": lambda text: ".".join(c for c in text if c.isdecimal()),
    "fullwidth": _fullwidth,
    "zero width": _zero_width,
    "URL encoding": lambda text: text.replace("-", "%2D"),
    "unicode dashes": lambda text: text.replace("-", "\u2011"),
    "bold": lambda text: f"**{text[:5]}**{text[5:]}",
}


def number(draw: random.Random) -> str:
    """A social security number."""
    return f"{draw.randint(100, 665)}-{draw.randint(1, 99):02}-{draw.randint(1, 9999):04}"


def fill(template: str, draw: random.Random, people: str = PEOPLE) -> tuple[str, str]:
    """A prompt and the identifier in it."""
    full = draw.choice(people.split("|"))
    value = full
    if "{T}" in template:
        value = draw.choice(TOWNS.split("|"))
    elif "{F}" in template:
        value = full.split(" ")[0] if people is not SPEAKERS["zh"] else full
    elif "{L}" in template:
        value = full.split(" ")[-1]
    return re.sub(r"\{[NFLT]\}", value, template), value
