# SPDX-License-Identifier: Apache-2.0
"""English prompts with places for what is filled in: notes, chats, letters, records, questions.

Slots: N full name, F given name, L surname, LF "Surname, Given", I given name with an initial, T a
town, H a facility, A an address, D a date, Z a number, C a condition, M a drug, O an organisation,
P a public figure, W a place as wide as a state, Y an age. N, F, L, I are labelled as names; T, H
and A as places; the rest teaches what is neither. A backslash and n stand for the end of a line.
"""

from __future__ import annotations

WITH_PEOPLE = r"""
{N} is a {Y}-year-old with {C}. Current meds: {M}. What should I watch for?
What is the best {M} dose for {N}, {Y}, with {C}?
Pt {L} seen today for {C}. Plan: continue {M}, recheck in 2 weeks.
{N} presented to the ED in {T} with {C}.
Could you write a letter to {N} explaining the results? She has {C}.
my neighbour {F} has {C} and takes {M}, is that dangerous
my son {F} was diagnosed with {C} yesterday, what do i do
I spoke with {F} {L} about her {C} and she wants to stop {M}
Hi, this is {F} from {T}. I have {C}. Can I take {M}?
Thanks, {F}
Best regards,\n{N}
Kind regards,\n{N}\n{H}
Dear {F},\n\nYour {C} test came back normal.\n\nSincerely,\n{N}, MD
Dear Dr. {L},\nThank you for referring {N} with {C}. We saw them at {H} on {D}.\nYours,\n{N}
{LF} | {Z} | {D} | {C}
{LF} ({Z}) {C}, started {M}
Name: {N}\nDOB: {D}\nAddress: {A}\nDx: {C}
Patient name: {N}. Next of kin: {N}. GP: Dr {L}, {H}.
Emergency contact {N} ({Z}). Lives in {T} with her brother {F}.
{N} and {N} both tested positive for {C}.
Compare the outcomes for {F}, {F} and {F}, who all have {C}.
Attending: {N}, MD. Resident: {N}, DO. RN: {F} {L}.
{"name": "{N}", "city": "{T}", "condition": "{C}"}
{"patient": {"given": ["{F}"], "family": "{L}"}, "code": "{C}"}
{"resourceType": "Patient", "name": [{"family": "{L}", "given": ["{F}"]}], "city": "{T}"}
PID|1||{Z}||{HL7}||19700101|F|||{A}
NK1|1|{HL7}|SPO|{A}
first_name,last_name,city,diagnosis\n{F},{L},{T},{C}\n{F},{L},{T},{C}
<patient><given>{F}</given><family>{L}</family><city>{T}</city></patient>
patient_name={N}&city={T}&dx={C}
Subject: {N} - {C} follow up
From: {N}\nTo: {N}\nSubject: results\n\nPlease review the {C} panel.
RE: {N} / {C} / {D}
{F} said the rash came back after {M}. {F} is allergic to penicillin.
Is it safe for {F} to fly after {C}?
When {L} arrived he was pale; we gave {M} and {L} improved.
Mr. {L} denies chest pain. Mrs. {L}, his wife, reports {C}.
Ms {L} was admitted under Dr {L} for {C}.
Seen by {N}, NP. Cosigned {N}.
Dictated by {N}, transcribed by {F} {L}.
According to {N}'s mother, the seizures began in March.
{N}'s {C} is worse. {F}'s daughter {F} drives her from {T}.
The patient, {N}, moved from {T} to {T} last year and has {C}.
Resident of {T}, works as a teacher, {C} since 2011.
He grew up in {T} and was treated for {C} at {H}.
She was transferred from {H} to {H} for {C}.
Which clinics near {T} treat {C}? I live at {A}.
Ship the {M} to {N}, {A}.
Home address {A}; lives alone; {C}.
Send the {C} results to {A}, attention {N}.
Followed at {H} by {N} for {C}.
Referred by {H} in {T} for {C}.
Discharged from {H} on {D} on {M}.
A {Y}yo woman from {T} with {C}; best next step?
Female, {Y}, {T}, {C}, on {M}
{Y}M {C}, {T} resident, on {M}. Next?
I am {N}, a nurse at {H}. How do I titrate {M}?
I'm {F}, {Y}, living near {T}. Since {D} I have had {C}.
My name is {N} and my doctor is {N}.
hello my name is {F} i live in {T} and i have {C}
can you help {F} {L} with {C}? he takes {M}
please rewrite: {F} came in w {C}, {F} on {M}, wife {F} worried
pls summarize note: {N} {Y}f c/o {C} x3d. no fever. {M} given. d/c home.
{F}: i feel dizzy\nDoctor: since when?\n{F}: since tuesday
[doctor] hi {F}, how are you?\n[patient] good. it's my {C} again.
Doctor: Good morning, {F}.\nPatient: Good morning, Dr. {L}.
Rounds: bed 4 {L} ({C}), bed 5 {L} ({C}), bed 6 {L} (d/c).
Handover: {L} - {C}, {M} due 22:00; {L} - NPO
1. {N} - {C}\n2. {N} - {C}\n3. {N} - {M}
| {N} | {T} | {C} |
To do: call {F}, refill {M} for {L}, fax {H}.
Therapy note: {F} feels anxious about seeing {F} at school in {T}.
Student {N} fainted; school nurse in {T} suspects {C}.
The biopsy of {N} shows {C}. Explain in plain words.
Write a sick note for {N}, employee of {O}.
Draft an appeal to {O} on behalf of {N} for {M}.
{O} denied {M} for {N}. Write an appeal.
Appointment: {N}, {D}, {H}, room 5
Interpreter for {N} from {T}. {C} suspected.
We met {N} at {O} in {T} last week.
Invite {F}, {F} and {N} to the meeting in {T} on {D}.
The contract was signed by {N} of {O}, {A}.
Forward this to {N} and cc {F} {L}.
Is {N} still working at {O}?
Book a table for {N} in {T} at eight.
{N} lives at {A} and works for {O}.
I met {I} in {T}; {I} has {C}.
Options for {C} in a {Y}-year-old, {I}, seen at {H}?
Treatment of {C} in {I}, {Y}, from {T} ({Z})?
Guidelines for {C} in a patient named {N}, residing in {T}?
Prognosis of {C} for {Y}-year-old {N} treated in {T} on {D}?
Patient {F} ({Z}) reacted to {M}.
{N} ({Z}), {C}. ECG normal.
Obituary: {N}, {Y}, of {T}, died on {D} of {C}.
Baby {L}, born {D} at {H}, has {C}. Mother: {N}.
Donor {N}, recipient {N}, kidney, {H}.
{N} was arrested in {T} after an overdose of {M}.
Deponent {N} testified that {N} prescribed {M}.
Landlord {N} wants to evict {N} from {A}.
Who is the primary doctor of {N}?
Tell {F} that her {C} is benign.
{N}: {C}
{N}, {T}
Allergies of {N}: {M}
{F} {L} called again about {M}
Patient: {N}\nReferring: {N}\nSite: {H}\nFindings: {C}
EXAM: CT HEAD. PATIENT: {N}. INDICATION: {C}.
"{N}" <{Z}> wrote: my {C} is back
signed, {F}
-- {N}, {H}
@{F} can you check on {L} in bed 3? {C}
For {N} only: increase {M}.
Ask {N} or {N} about the {C} protocol at {H}.
{N} c/o {C}. PMH {C}. Lives w/ husband {F} in {T}.
{N}, who lives in {T}, wonders if {M} helps with {C}.
After {F}'s surgery at {H}, {F} could not walk.
the patient lives in {T} and has {C}
pt from {T} w/ {C}, seen at {H}
The family drove from {T}, about two hours away. {C} was found there.
Caller is {N}. Callback {Z}. Reason: {C}.
Insured: {N}. Dependents: {F}, {F}.
"""

WITHOUT_PEOPLE = r"""
What is the first-line treatment for {C}?
Explain {C} to a twelve-year-old.
Does {M} interact with {M}?
Compare {M} and {M} for {C} in adults.
Summarise the {O} guideline on {C}.
How did {P} change medicine?
Who was {P} and what did they write?
What did {P} die of?
Did {P} suffer from {C}?
Write an essay about {P} and {P}.
When was {P} born?
In 1905 {P} published the theory.
Describe {E} and {E} in one paragraph.
What are the symptoms of {E}?
A {Y}-year-old man with {E} and {C} on {M}: next step?
Management of {E} in a {Y}-year-old female with {C}
What does a positive {E} mean?
How is {E} scored, and when is it used?
Patients with {C} often ask about diet.
Prevalence of {C} in {W} compared with {W}
Travel advice for {W}: which vaccines?
A {Y}-year-old {W} woman with {C}
Is {M} approved by the {O} for {C}?
The {O} published a trial of {M} in {W}.
Does the {O} recommend screening for {C}?
Write a Python function that parses dates with Pandas.
Explain how Kubernetes and Docker work together.
Translate 'Good morning' into {W}.
Convert this SQL query to PostgreSQL syntax.
What is HIPAA and which identifiers does Safe Harbor list?
Give three names for a fantasy village and its mayor.
Plan a week of meals with Brussels sprouts and Worcestershire sauce.
Why is the sky blue? Answer like Yoda.
Summarise: Cells of the immune system such as Langerhans cells and Kupffer cells take up antigen.
The Krebs cycle and the Golgi apparatus, explained simply.
Use Bayes theorem to compute the posterior.
State Ohm's law, Hooke's law and Boyle's law.
Compute the Fourier transform; then the Laplace transform.
Dosage: {M} 20 mg PO daily. Monitor LFTs.
HPI: {Y}F with {C}, {C}. Meds: {M}, {M}. Exam: RRR, CTAB. A/P: continue {M}.
PMH: {C}, {C}\nPSH: Appendectomy\nFHx: {C}\nSocial: Nonsmoker
Assessment and Plan: 1. {C} - start {M}. 2. {C} - hold {M}.
Review of Systems: Negative except as above. Physical Exam: Normal.
Allergies: Penicillin. Medications: {M}, {M}, {M}.
Impression: Mild {C}. Recommend Follow Up.
Start {M} in ICU for {C} per {O} protocol.
Is Tylenol safer than Advil? What about Motrin?
Which Marvel movie has Thanos, and who plays Loki?
Monday is Labor Day; Thanksgiving is in November; Ramadan follows.
The Great Gatsby versus The Catcher in the Rye
Compare Apple, Google and Microsoft as employers.
Toyota or Honda? And which Samsung phone?
The Treaty of Versailles and the Battle of Waterloo
How far is Mars from Jupiter?
Rewrite for Instagram and LinkedIn in a Friendly Tone.
Explain the Doppler effect; draw a Venn diagram
Kaplan-Meier curves and Cox regression in R
Chi-square, Student's t, Mann-Whitney: when to use which?
Apgar, Glasgow Coma Scale, Wells score, Framingham risk
Guillain-Barré, Kawasaki, Takayasu and Behçet: compare
Does {E} run in families?
History of {E} since 2015, treated last year
She is a {Y}-year-old with {E}; BMI 31; on {M}
Elderly patient, {C}, allergic to {M}
Patient: I have {C}. Doctor: Take {M}.
[doctor] okay. any chest pain?\n[patient] no, just {C}.
Doctor: Any allergies?\nPatient: Yes, {M}.
My mother has {C}. My husband takes {M}.
My doctor said {M} is fine. Is it?
Write a template letter to a patient about {C}. Use [Name] for the name.
Dear Patient,\nYour results are Normal.\nSincerely,\nYour Care Team
Hello Doctor, is {M} Safe in Pregnancy?
Best Regards, Customer Service Team
Create a fictional CV with made-up Skills: Excel, Photoshop, Salesforce
In Spanish, how do you say 'take with food'?
Who won the World Cup in {W}?
Population of {W} and {W}, and their currencies
Ebola first appeared in {W}; Zika spread through {W}.
Outbreak of {C} in {W} was studied by the {O}.
{M} ({M}) is made by {O}.
Trial NCT: {M} versus placebo ({O}), {W}
Symptoms of {C} include Fever, Headache and Rash.
What are the Stages of {C}?
WARNING: DO NOT TAKE {M} WITH {M}
ALERT: {C} OUTBREAK. WASH HANDS.
what is {C} and is {M} ok for it
is {M} bad for kidneys
does {E} hurt
tell me about {P}
why did {P} leave {W}
Act as a doctor. I will describe {C}.
Pretend you are {P} and answer in character.
Quote {P} on courage.
Was {P} from {W}?
The novel by {P} is set in {W}.
"""
