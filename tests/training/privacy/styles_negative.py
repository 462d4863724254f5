# SPDX-License-Identifier: Apache-2.0
"""Prompts that name nobody, though half of their words look as if: see `vocabulary`.

Slots: B test or scale, G gene or marker, J finder of a disease, K disease or method with its
finder, Q brand of a drug, R product, S study or book, U organism, V place or work everyone knows,
X odd word.
"""

from __future__ import annotations

NAMELESS = r"""
What is {K} and how is it treated?
How does {K} differ from {K}?
Compare {J} and {J} in a table.
{J} versus {J}: which one is worse?
Explain {J}'s in plain language.
Is {K} inherited? My {Y}-year-old patient asks.
A {Y}-year-old man with {K}, {C} and an abnormal {B}: what next?
Management of {K} in pregnancy according to {O}
When is a {K} done and what are its risks?
Which nerve is tested by the {K}?
For the exam: {K}, {K} and {K}
Summarize the following passage: {K} is a rare condition of the liver due to variants in {G}.
Summarize: {G} and {G} mutations cause {C}; {G} makes a protein called {X}.
The {G} gene provides instructions for making {X}. Researchers believe that {X} is involved in {C}.
People with {G} variants may have {C}. {G} is found on chromosome {Y}.
{C} ({X}-{X}-tis) is a swelling. Read the leaflet and make it shorter.
What causes {X}? Is {X} the same as {C}?
Does {Q} interact with {Q} or {M}?
{Q} or {Q} for {C}: which is cheaper?
Should {Q} be held before surgery in a patient on {Q}?
can i take {Q} with {Q} if i have {C}
is {Q} ok with alcohol
My insurance refuses {Q}. What can I say about {C}?
Switch from {Q} 20 mg to {Q} in {C}; {B} is normal.
Meds: {Q}, {Q}, {M}. {B} pending. {B} normal.
Labs: {B} ok, {B} high. PMH: {C}, {K}. Plan: {Q}, repeat {B}.
Interpret {B} and {B} in {C}.
What does a low {B} mean in {C}?
How is the {B} scored?
Is the {B} valid for adults with {C}?
{B} versus {B} for {C}
What did {S} show about {M}?
In {S}, was {M} better than placebo in {C}?
Cite {S} and {S} on {C}.
The {S} trial enrolled adults with {C}. Summarize its limits.
According to {S}, what is the first-line therapy of {C}?
Recommend chapters in {S} about {C}.
Patients with {J} were compared with patients with {J}.
{J} described this sign; explain the {K}.
Positive {K}, negative {K}; likely diagnosis?
Discuss {J}, {J} and {J} for a lecture on {C}.
{K}? {K}? Or {C}? Help me think.
Is {U} treated with {M} or {Q}?
Explain why {U} causes {C}.
{U} grew in the culture; start {M}?
{U}, {U} and {U}: gram stain and first drug
How is {U} spread? Is {U} common in {W}?
Describe the life cycle of {U} and {U}.
Vaccines against {U}: {Q}, schedule?
{U} infection after travel to {W} with {C}
Flow: CD19+ {G}+ {G}-. Which lymphoma?
Immunostains for {G}, {G} and {B} are negative.
Which {G} inhibitors are approved by the {O}?
PMH {K} on {Q}. Denies fever. {B} unremarkable.
Vaccines: {Q} today, {Q} in two months. Any problem with {C}?
Teach {K} to nurses; add {B} and {S}.
DDx: {K}, {K}, {C}
Write a quiz about {K}, {B} and {Q}.
Translate "{K}" and "{C}" into Spanish.
Does {R} have an app for {C}?
Install {R} and {R} on Ubuntu.
{R} or {R}: pros and cons
Compare {R} with {R} for a small team.
Explain {R} in three sentences.
How does {R} work with {R}?
Write a slogan for {R}.
Then {R} was sold. Why?
Plan a weekend near {V} with two children.
Who built {V}?
Summarize {V} for a ten-year-old.
Why is {V} famous? What about {V}?
Write a poem about {V}.
What should I know about {V} and {V}?
When is {V} this year?
Essay on {V}: causes and effects
Rewrite: We saw {V}, {V} and then {V}.
While {V} is closed, visit {V}.
Is {R} from {W}?
Can {X} be written {X}?
fix the typos: the {X} was {X} and we {X} it again
The {X} is {X}. Rewrite it.
what does {X} mean in a lab report about {C}
Define {X}, {X} and {X}.
Remove the duplicates: {X} {X} {C} {X} {C}
Extract as JSON: diagnosis {C}, drug {Q}, test {B}.
Answer politely. Explain {K}. Use bullet points.
Explain MS. Reply in two lines. Extract the drugs.
Is {M} safe in MS? Answer briefly.
Her MS is stable. Summarize {M} for us.
Use {B}, not {B}. Avoid {Q}. Consider {Q}.
WHAT IS {K}? IS {Q} SAFE?
The prince, the farmer and the teacher met. Then the farmer left.
Farmer, baker, smith: write a story about three trades.
"""

# Names that the styles for English lacked: wards, lists, short messages, other formats.
MORE_PEOPLE = r"""
Cubicle 3: {L}, {C}, nil by mouth. Cubicle 4 free.
Room 7 - {L} - {C}, on {M}. Room 8 - clean.
Bay 2: {F} {L} ({C}); bay 3: {L}, {M} at noon
{L}, bed 9, {C}. {L}, bed 10, {C}.
Might {L} have {C}? She is on {Q}.
Would {Q} suit {L}? He has {C}.
{L} tolerates {M} badly; options?
pt {L} {C}, {B} neg, rv in 2/52
{L} has {K}. What should I tell the family?
{N} has {K} and takes {Q}. Any interactions?
{B} of {N}: normal. {B} of {L}: high.
Enrolled {N} in {S} last month; {C} since.
History: lives in {T}, ex-smoker, {C}.
Social: from {T}, retired, {C}.
A farmer from {T} with {C} asks about {M}.
Nearest centre to {T} for {C}?
He was brought from {T} by helicopter with {C}.
Is there a {C} clinic close to {T}?
Transferred out of {T}; {C}.
{T}-based carer with {C} asks about {Q}.
Ambulance to {A}, chest pain.
{N} / {C} / {M} / review Friday
{N}; {C}; {T}
name={N}&diagnosis={C}
{"name": "{N}", "city": "{T}", "dx": "{C}"}
<patient>{N}</patient><dx>{C}</dx>
PATIENT {N} - {C} - {B}
Hx from {F}'s sister, {F}: {C} for years.
{F} and {F} both have {C}; twins.
{F} keeps asking whether {Q} is safe.
so {F} stopped {Q} and now has {C}
Any update on {L}'s {B}?
Did {N} get {Q} this morning?
we lost {N} to {C} last spring
{N} can't swallow tablets. {Q} as liquid?
On behalf of {N}: appeal for {Q}.
To whom it may concern: {N} was under my care for {C}.
Thank you for seeing {N} with {C}.
cc: {N}; re: {N}, {C}
Surgeon: {N}. Anaesthetist: {L}. Operation: hernia repair.
{L}/{F}, {Y}, {C}
{L} {F} ({Y}), {C}
Could someone ring {N} about the {B}?
Mum of {F} called: {C} again, no {M} left.
{F} from {T} has had {C} since May.
Therapist {L} wrote that {F} is better on {Q}.
After the {K}, {N} felt fine.
Explain the {F} test results to her parents.
The {L} test results are back: {C}.
The {L} scan shows {C}; tell the family.
{F} cell counts are low after {M}.
{L} stage is T2; {Q} next week.
Does {L} mean to stop {M}? Can {L} drive?
Should {L} fast before the {B}?
May {N} take {Q} with {M}?
Bed 3 - {L}: {C}, on {M}.
Bed 11 / {L} / {C} / awaiting {B}
For two months {N} has been complaining of {C}.
Since Monday {N} has been having {C}; {B} pending.
"""
