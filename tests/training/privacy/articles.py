# SPDX-License-Identifier: Apache-2.0
"""Articles about diseases, drugs, germs and genes, as leaflets and encyclopaedias have them.

They speak of nobody, or of people in general, and are full of capitalised words that no list has:
brands, proteins, germs, authors. Towns of laboratories are left out: that they are no patient's is
known from the article (`terms.py`), not from the words beside them. Slots as in `styles_negative`;
{TM} is a term.
"""

from __future__ import annotations

import random

from tests.training.privacy.generate import Generator, Prompt

_ASKED = (
    "|Summarise for a patient leaflet: |Summarize the following passage: |Explain simply: "
    "|Rewrite at a sixth-grade level: |Give the key points.\n\n|Translate into Spanish: "
)
_OPENINGS = """
{K} is a rare disorder that affects the development of many parts of the body.
The {G} gene provides instructions for making a protein called {TM}.
{TM} is a protein that binds to {TM} and to {G} at the surface of nerve cells.
What are the treatments for {K}?
How is {K} inherited?
{U} infection is spread by ticks, by water or from person to person.
Names for this condition include {K}, {K} and {J}-{J} disease.
There are several kinds of medicine for {C}, among them {Q}, {Q} and {Q}.
What causes {C}? Doctors do not know the exact cause.
{Q} is used to treat {C} in adults and children.
{J} first described this condition in 1912, and {J} gave it its name.
{B} is a test that shows how well the kidneys work.
"""
_SENTENCES = """
Most affected individuals have an abnormal {B} and a large liver.
Other names are {J} disease, {J}-{J} syndrome and {TM} deficiency.
Mutations in the {G} and {G} genes reduce the amount of {TM} that cells make.
{TM} is active in the lens of the eye, where it holds {TM} fibers together.
{TM}, {TM} and {TM} belong to the same family of proteins.
Males are affected more often than females; the mother is usually a carrier.
Your doctor may prescribe {Q} or {Q}, or a cream such as {Q}.
{Q} was approved in 2014; {Q} was withdrawn because of liver damage.
Common brands are {Q}, {Q}, {Q} and {Q}.
If {Q} does not help, {Q} can be tried, and later {M} ({Q}).
Do not take {Q} with {Q}, grapefruit juice or alcohol.
The condition is more frequent in people of {W} descent and in parts of {W}.
{J}'s sign and the {J} test are often positive, but {J} bodies are seldom seen.
{U}, {U} and {U} may cause the same symptoms.
{U} lives in soil and water; people who garden are at risk.
A patient who has chest pain should go to an emergency room at once.
Ask your doctor whether he or she has treated {K} before.
A woman who is pregnant should not take {Q}.
The infant may be born with a small jaw; the father or mother can have the same sign.
Tests such as {B} and {B} help the doctor to rule out {C}.
In the {S} trial, {M} lowered the risk of {C} by a third.
{J} and {J} proposed the criteria in 1978; {J} and colleagues revised them.
As {J} et al. (2011) have shown, {C} is often missed. ({J}, 2014; {J} and {J}, 2016)
For more information contact the National Institutes of Health or the {K} Foundation.
Signs and Symptoms Approximate number of patients Brachydactyly 90% {TM} 50% Short stature 7.5%
{TM} and {TM} are being studied in mice; {TM} failed in a phase 3 trial.
Symptoms may appear at any age, but usually begin before the age of ten.
Children with {K} grow slowly and may need {Q} shots.
Vaccines such as {Q} and {Q} protect older adults against {U}.
{TM} devices and {Q} pumps are an option for people who cannot take tablets.
The {G} protein, also known as {TM}, is found in the inner ear.
Surgeons use the {J} procedure, the {J} clamp or a {TM} stent.
"""


def joined(text: str, prompt: Prompt, draw: random.Random) -> Prompt:
    """A long text that is nobody's with a line about somebody before or behind it."""
    mark = draw.choice((" ", "\n", "\n\n"))
    if draw.random() < 0.5:
        return Prompt(prompt.text + mark + text, prompt.spans)
    before = text.rpartition(".")[0] + "." + mark
    moved = tuple((s + len(before), e + len(before), label) for s, e, label in prompt.spans)
    return Prompt(before + prompt.text, moved)


def article(draw: random.Random, generator: Generator) -> Prompt:
    """A few sentences in any order, most of them with a question before and a cut at the end."""
    listed = [draw.choice(_OPENINGS.strip().splitlines())]
    listed += draw.sample(_SENTENCES.strip().splitlines(), draw.choice((3, 4, 5, 6, 8)))
    text = generator.fill(draw.choice(_ASKED.split("|")) + " ".join(listed)).text
    if draw.random() < 0.5:
        text = text[: draw.randrange(200, max(201, len(text)))]
    return Prompt(text, ())
