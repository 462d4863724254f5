# SPDX-License-Identifier: Apache-2.0
"""Capitalised words behind a cue that are no private names."""

from __future__ import annotations

# First or last words that make a run of capitals something else than a person: sentence starts,
# care and administration, conditions and scores, calendar and geography, programming.
NOT_NAMES = frozenset(
    (
        "A An The This That These Those I He She It We You They His Her My Our Your Their If"
        " When Where What Which Who Why How Is Are Was Were Do Does Did Can Could Should Would"
        " Will Please Give List Explain Describe Summarise Summarize Write Draft In On At For"
        " From With And Or But Not No Yes Use Note Also After Before Because Since As To Of By"
        " Any All Each Every Some Here There Then Hi Hello Thanks Thank Regards Sir Madam Sirs"
        " Team All Everyone Friend Customer Hiring Editor Patient Patients Care Safety Portal"
        " Education Health Healthcare Information History Name Names Data Record Records Chart"
        " Services Service Advocate Rights Bill Experience Outcome Outcomes Satisfaction"
        " Assessment Questionnaire Registry Medicine Medical Clinical Hospital Clinic Center"
        " Centre University Institute College School Department Association Foundation Society"
        " Protection Affordable Act Advisory Board Committee Practitioner Practitioners"
        " Identification Number ID Disease Disorder Syndrome Cancer Score Scale Criteria Index"
        " Test Type Stage Class Grade Group Vitamin Hepatitis Plan Phase Factor Schedule"
        " Category Appendix Figure Table Part Section Series Step Option Question Answer Team"
        " Room Building Route Line Model Version Level Unit Block Point COPD CHF HIV AIDS MS ALS"
        " CKD GERD DVT PE MI CAD AF AFib HTN BPH T1D T2D DM MRI CT ECG EKG Hispanic Asian"
        " African American Caucasian European Indian Chinese Mexican Latina Latino Native Type1"
        " Type2 Stage1 Diabetes Hypertension Asthma Prostate Breast Lung Ovarian Monday Tuesday"
        " Wednesday Thursday Friday Saturday Sunday January February July August September"
        " October November December Street Avenue Road Earth Mars Africa Europe Asia America"
        " England Germany Japan Canada Mexico States Kingdom String None True False Null Value"
        " Python Java JavaScript HTML JSON SQL API"
    ).split()
)

# Surnames too, so they count as names beside another word.
EPONYMS = frozenset(
    (
        "Alzheimer Parkinson Crohn Hodgkin Lyme Marfan Down Turner Huntington Addison Barrett"
        " Wilson Graves Hashimoto Cushing Raynaud Bell Tourette Kawasaki Black White March April"
        " June May Paris London India China France"
    ).split()
)

# Trimmed from the end of a name: capitalised because of a heading or a label.
FOLLOWERS = frozenset(
    (
        "MD DO RN PhD NP PA Jr Sr DOB MRN SSN Age Sex Gender Phone Email Address Date On At In"
        " Is Was Has Had Who With And For The Your My He She I This What Please Diagnosis Dx Rx"
        " Account"
    ).split()
)

# What may stand before "name:" when a person is meant.
QUALIFIERS = frozenset(
    (
        "patient first last full given family middle client member customer user my your her"
        " his the maiden sur legal employee student applicant contact guardian preferred and"
        " mother father"
    ).split()
)

# Characters, brands and people of public life that titles and cues are common with.
PUBLIC = frozenset(
    (
        "Alexa America Bean Beast Bing Bond ChatGPT Christ Claude Claus Clean Curie Dalloway"
        " Darcy Darwin Doom Doubtfire Dre Einstein Evil Fauci Faustus Frankenstein Freud God"
        " Google Holmes House Hyde Incredible Jekyll Jesus Marple Marvel Monopoly Moriarty"
        " Muffet Newton Nobody Oz Pacman Pepper Phil Piggy Potato Robot Robotnik Rogers Santa"
        " Seuss Shakespeare Siri Spock Strange T Universe Watson Who World Xavier Zhivago"
    ).split()
) | {"Martin Luther King", "Martin Luther King Jr", "King Jr"}

# What an eponym stands before: "Marfan syndrome", "Fuchs dystrophy". Small letters.
EPONYM_HEADS = frozenset(
    (
        "disease diseases syndrome syndromes disorder sign signs test tests score scores scale"
        " scales criteria criterion reflex lymphoma sarcoma carcinoma tumor tumour palsy paralysis"
        " chorea dementia dystrophy angina anemia anaemia fever virus procedure maneuver manoeuvre"
        " operation fracture contracture malformation anomaly deformity esophagus thyroiditis"
        " arteritis granulomatosis purpura encephalopathy neuropathy myopathy ophthalmopathy"
        " phenomenon triad tetrad point catheter tube stain staining classification"
        " stage staging grade index law laws theorem equation equations effect method principle"
        " hypothesis distribution transform reaction model nodes nodules bodies body cells cell"
        " ring rings spots lines triangle ulcer cyst hernia gland glands canal duct ligament muscle"
        " node nerve fold layer membrane loop apparatus cycle curve curves regression"
        " sulcus fissure gyrus fiber fibers fibre fibres tubercle pouch valve islet islets foramen"
        " fossa artery vein plexus tunnel capsule corpuscle corpuscles tendon bundle"
        " inventory questionnaire regimen agar ataxia kinase blot blotting contractions"
        " agglutination assay deficiency mutation mutations gene genes receptor receptors bacillus"
        " respiration respirations theory theories paradox taxonomy incision sinus sinuses grading"
        " approach technique graft shunt suture clamp nomogram formula splint forceps retractor"
        " view angle plaque plaques granules rods inclusions resection osteotomy shift murmur pulse"
        " facies gait repair"
    ).split()
)
# Of these a patient may be the owner: "Maria's disease" is Maria's, unless it is one of OWNERS.
OWNED = frozenset(
    (
        "test tests score scores fever fracture ulcer cyst hernia tumor tumour operation procedure"
        " stage cell cells muscle nerve gland method model point lines classification index graft"
        " incision shunt suture splint murmur pulse gait repair resection plaque plaques view"
        " approach shift anemia anaemia sarcoma lymphoma carcinoma dementia neuropathy myopathy"
        " encephalopathy thyroiditis arteritis palsy paralysis angina catheter tube valve grade"
        " staging regimen virus mutation mutations gene genes receptor receptors deficiency artery"
        " vein nodes nodules body lesion point inclusions tendon contractions"
        " respiration respirations osteotomy assay graft questionnaire deformity contracture"
        " glands duct ataxia islet capsule"
    ).split()
)
OWNED_BY_GIVEN = frozenset("disease diseases disorder".split())
OWNERS = EPONYMS | frozenset(
    (
        "Baker Behcet Bowen Chagas Fabry Gaucher Hansen Ludwig Murphy Paget Pott Still Weil Whipple"
        " Peyronie Legionnaires Homan Phalen Tinel Allen Adams Light Duke Jones Ranson Wells Norton"
        " Braden Bishop Gleason Apgar Glasgow Child Hamilton Beck Bristol Schirmer Thomas Gram Hill"
        " Morse Katz Rockall Hunt Fisher Weber Lachman Thompson Adson Finkelstein Patrick Bernstein"
        " Kaplan Cox Student Hartmann Nissen Billroth Koch Coombs Schilling Alexander"
    ).split()
)
# What many have, and whose name is before it all the same.
FOUND_BY = {
    head: frozenset(finders.split())
    for head, finders in (
        ("thyroiditis", "hashimoto quervain riedel"),
        ("encephalopathy", "wernicke hashimoto binswanger"),
        ("arteritis", "takayasu"),
        ("sarcoma", "kaposi ewing"),
        ("lymphoma", "hodgkin burkitt"),
        ("tumor", "wilms warthin brenner krukenberg klatskin"),
        ("tumour", "wilms warthin brenner krukenberg klatskin"),
        ("cyst", "baker"),
        ("ulcer", "curling cushing marjolin hunner"),
        ("fracture", "colles smith jones pott bennett barton monteggia galeazzi jefferson"),
        ("hernia", "spigel bochdalek morgagni richter littre"),
        ("anemia", "fanconi cooley"),
        ("anaemia", "fanconi cooley"),
        ("gangrene", "fournier"),
        ("angina", "ludwig vincent prinzmetal"),
        ("palsy", "bell erb klumpke todd"),
        ("paralysis", "bell erb klumpke todd"),
        ("ataxia", "friedreich"),
        ("score", "apgar gleason wells bishop child"),
        ("method", "student"),
        ("procedure", "hartmann whipple ross"),
        ("operation", "hartmann whipple"),
        (
            "test",
            "coombs finkelstein phalen tinel adson schirmer weber lachman thompson allen"
            " fisher student patrick homan romberg rinne mantoux",
        ),
    )
}
# With 's and nothing behind it: "Hashimoto's and celiac disease".
BARE_EPONYMS = EPONYMS - frozenset(
    "Turner Wilson Black White March April June May Paris London India China France Bell".split()
)
EPONYM_ENDINGS = (
    "emia",
    "uria",
    "yria",
    "itis",
    "oma",
    "osis",
    "pathy",
    "plasia",
    "trophy",
    "plasty",
    "ectomy",
)
# What is called after a person and is none: "Herbert Hoover Elementary School".
THING_HEADS = frozenset(
    (
        "school university college institute foundation prize award medal airport museum library"
        " stadium bridge dam tower lecture fellowship scholarship act lake river mountain island"
        " streams algorithm"
    ).split()
)
# Peoples, parts of the world, ages: as wide as what `wide_places` lists.
WIDE_GROUPS = (
    "latinos latinas hispanics africans asians europeans americans anglo western eastern northern"
    " southern northwestern northeastern southwestern southeastern midwestern victorian jehovah"
).split()
# What a town gives its name to where guidelines and studies are made.
PLACE_HEADS = frozenset(
    (
        "rule rules consensus guideline guidelines protocol definition declaration criteria cohort"
        " study trial registry classification system scale score scores grading grade staging"
        " screen triage symptom assessment report index diet convention agreement"
        " modification modifications"
    ).split()
)
# Diseases, signs and the like in other languages, without accents: before "de" and a finder ...
ABROAD_HEADS = frozenset(
    (
        "sindrome enfermedad doenca malattia morbo maladie syndrome mal signo signe segno sinal"
        " maniobra manobra manovra manœuvre manoeuvre escala scala echelle score prueba prova"
        " test tetralogia tetralogie triada triade cuerpos corpos corpi corps operacion operacao"
        " operazione operation indice ley lei loi legge metodo methode linfoma lymphome sarcoma"
        " sarcome tumor tumore tumeur anemia anemie tiroiditis tiroidite thyroidite fenomeno"
        " phenomene paralisis paralisia paralisi paralysie criterios criteres criteri clasificacion"
        " classificacao classificazione classification reaccion reacao reazione reaction formula"
        " formule posicion posicao posizione position contractura contracture esofago œsophage"
        " anillo anillos anel aneis anello anelli anneau anneaux esquema ataxia ataxie corea choree"
        " purpura fractura fratura frattura"
    ).split()
)
# Of these a patient has one, too: "la operación de Roe".
ABROAD_OWNED = frozenset(
    "enfermedad doenca malattia mal test prueba prova operacion operacao operazione operation"
    " tumor tumore tumeur anemia anemie indice fractura fratura frattura posicion posicao"
    " posizione position purpura formula metodo methode reaccion reacao reazione reaction"
    " loi paralisis paralisia paralisi paralysie".split()
)
# ... right before it ...
DIRECT_HEADS = frozenset("Morbus morbus Bệnh bệnh chứng benh chung".split())
# ... and behind it and a hyphen.
JOINED_HEADS = frozenset(
    (
        "syndrom krankheit zeichen skala manover test korper korperchen operation thyreoiditis"
        " lymphom sarkom tumor kriterien klassifikation index formel ring ringe anamie lahmung"
        " reflex ataxie score phanomen reaktion fraktur lagerung enzephalopathie"
    ).split()
)
JOINED_OWNED = frozenset(
    "krankheit test operation tumor sarkom lymphom anamie lahmung fraktur score lagerung".split()
)
# Bodies and offices, before what they are for: "Sociedad Española de Cardiología".
BODIES = frozenset(
    (
        "Sociedad Société Societe Società Societa Sociedade Gesellschaft Asociación Asociacion"
        " Associação Associacao Associazione Academia Académie Academie Accademia Akademie"
        " Ministerio Ministère Ministere Ministero Ministério Bundesministerium Instituto Institut"
        " Istituto Colegio Colégio Collegio Federación Federacion Federação Federazione Fédération"
        " Fundación Fundacion Fondation Fondazione Fundação Stiftung Organización Organizacion"
        " Organisation Organizzazione Organização Agencia Agence Agenzia Agência Consejo Conseil"
        " Consiglio Conselho Haute Autorité Autorite"
    ).split()
)
# Before a hyphen and a name that is a blood group, an antigen or a kind.
PREFIXES = frozenset("anti pseudo para".split())
