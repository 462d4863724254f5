# SPDX-License-Identifier: Apache-2.0
"""What goes into the slots of the styles that is neither a name nor a place."""

from __future__ import annotations

CONDITIONS = (
    "type 2 diabetes|hypertension|asthma|COPD|atrial fibrillation|heart failure|CKD stage 3"
    "|pneumonia|depression|anxiety|migraine|epilepsy|psoriasis|gout|anemia|hypothyroidism|sepsis"
    "|breast cancer|prostate cancer|colon cancer|melanoma|lymphoma|leukemia|HIV|hepatitis C|lupus"
    "|rheumatoid arthritis|osteoporosis|multiple sclerosis|stroke|dementia|schizophrenia|ADHD"
    "|cellulitis|appendicitis|cholecystitis|pancreatitis|diverticulitis|endometriosis|PCOS"
    "|preeclampsia|eczema|shingles|influenza|COVID-19|tuberculosis|malaria|Lyme disease"
    "|Crohn's disease|Parkinson's disease|Alzheimer's disease|Hashimoto's thyroiditis"
    "|Graves disease|chest pain|abdominal pain|back pain|a rash|shortness of breath|a sore throat"
    "|high cholesterol|insomnia|obesity|a broken wrist|kidney stones|UTI|DVT|PE|GERD|IBS|sickle"
    " cell anemia|cystic fibrosis|Down syndrome|autism|bipolar disorder|PTSD|opioid use disorder"
    "|Stage IV Lung Cancer|Acute Kidney Injury|Major Depressive Disorder|Type 1 Diabetes"
    "|Chronic Obstructive Pulmonary Disease|Otitis Media|Generalized Anxiety Disorder"
)
DRUGS = (
    "metformin|lisinopril|atorvastatin|amlodipine|metoprolol|omeprazole|losartan|gabapentin"
    "|sertraline|fluoxetine|escitalopram|levothyroxine|prednisone|amoxicillin|azithromycin"
    "|ciprofloxacin|warfarin|apixaban|rivaroxaban|clopidogrel|insulin glargine|semaglutide"
    "|empagliflozin|furosemide|spironolactone|albuterol|fluticasone|montelukast|tramadol"
    "|oxycodone|buprenorphine|naloxone|lorazepam|zolpidem|quetiapine|lithium|lamotrigine"
    "|levetiracetam|methotrexate|adalimumab|infliximab|rituximab|pembrolizumab|tamoxifen"
    "|Ozempic|Lipitor|Humira|Keytruda|Eliquis|Xarelto|Zoloft|Prozac|Advil|Tylenol|Ventolin"
    "|Jardiance|Entresto|Lantus|Plavix|Nexium|Synthroid|Xanax|Ambien|Lasix|Coumadin|Zithromax"
    "|Augmentin|Keflex|Bactrim|Metformin|Lisinopril|Aspirin|Ibuprofen|Insulin|Paracetamol"
)
ORGANISATIONS = (
    "FDA|CDC|WHO|NICE|NIH|American Heart Association|American Diabetes Association|Medicare"
    "|Medicaid|Blue Cross Blue Shield|Aetna|Cigna|Humana|UnitedHealthcare|Pfizer|Novartis|Roche"
    "|Merck|Bayer|AstraZeneca|Johnson & Johnson|Eli Lilly|Moderna|Sanofi|GlaxoSmithKline|Google"
    "|Microsoft|Amazon|IBM|OpenAI|Toyota|Siemens|Nestlé|Harvard|Oxford University|Red Cross"
    "|European Society of Cardiology|Infectious Diseases Society of America|GINA|GOLD|KDIGO|NCCN"
    "|Lancet|New England Journal of Medicine|JAMA|Cochrane|Walmart|Starbucks|Deutsche Bank"
    "|Barclays|Netflix|United Nations|World Bank|Department of Health|Ministry of Health"
)
EPONYMS = (
    "Crohn's disease|Parkinson's disease|Alzheimer disease|Huntington's chorea|Hodgkin lymphoma"
    "|non-Hodgkin's lymphoma|Hashimoto thyroiditis|Graves' disease|Addison's disease|Wilson disease"
    "|Cushing's syndrome|Marfan syndrome|Turner syndrome|Down syndrome|Klinefelter syndrome"
    "|Tourette syndrome|Raynaud's phenomenon|Sjögren's syndrome|Guillain-Barré syndrome"
    "|Bell's palsy|Ménière's disease|Kawasaki disease|Takayasu arteritis|Behçet's disease"
    "|Wegener's granulomatosis|Goodpasture syndrome|Alport syndrome|Fanconi anemia|Gaucher disease"
    "|Tay-Sachs disease|Niemann-Pick disease|Fabry disease|Pompe disease|Hirschsprung's disease"
    "|Barrett's esophagus|Zollinger-Ellison syndrome|Mallory-Weiss tear|Budd-Chiari syndrome"
    "|Wolff-Parkinson-White syndrome|Brugada syndrome|Eisenmenger syndrome|Tetralogy of Fallot"
    "|Dupuytren's contracture|Paget's disease|Perthes disease|Osgood-Schlatter disease"
    "|Baker's cyst|Colles' fracture|Heberden's nodes|Charcot joint|Charcot-Marie-Tooth disease"
    "|Duchenne muscular dystrophy|Lewy body dementia|Wernicke encephalopathy|Korsakoff syndrome"
    "|Horner's syndrome|Arnold-Chiari malformation|Rett syndrome|Angelman syndrome|Prader-Willi"
    "|Stevens-Johnson syndrome|Kaposi's sarcoma|Ewing sarcoma|Wilms tumor|Burkitt lymphoma"
    "|Murphy's sign|McBurney's point|Babinski sign|Chaddock reflex|Hoffmann's sign|Kernig's sign"
    "|Brudzinski's sign|Homans sign|Tinel's sign|Phalen's test|Romberg test|Lachman test"
    "|Trendelenburg sign|Chvostek's sign|Trousseau sign|Kussmaul breathing|Cheyne-Stokes"
    "|Apgar score|Glasgow Coma Scale|Wells score|Framingham risk score|Child-Pugh score"
    "|Ranson criteria|Gleason score|Bishop score|Braden scale|Norton scale|Centor criteria"
    "|Duke criteria|Jones criteria|Light's criteria|Rome IV criteria|Beck Depression Inventory"
    "|Hamilton scale|Karnofsky score|Snellen chart|Foley catheter|Swan-Ganz catheter|Hickman line"
    "|Whipple procedure|Billroth II|Roux-en-Y|Nissen fundoplication|Heimlich maneuver"
    "|Valsalva maneuver|Epley maneuver|Dix-Hallpike test|Coombs test|Schilling test|Gram stain"
    "|Epstein-Barr virus|Coxsackie virus|Helicobacter pylori|Von Willebrand disease|Ludwig's angina"
    "|Meckel's diverticulum|Peyronie's disease|Bowen's disease|Henoch-Schönlein purpura"
    "|Legionnaires' disease|Hansen's disease|Weil's disease|Chagas disease|Whipple's disease"
)
# German, Spanish and other words for streets; `N` is a number, `X` a name of a street.
ADDRESSES = (
    "N X Street|N X Ave|N X Rd, Apt N|N North X Lane|N X Boulevard, Suite N|N X Drive|N X Court"
    "|Flat N, N X Road|N X Close|N X Crescent|The Old Rectory, X Lane|N X Way, Unit N|X Street N"
    "|Xstraße N|Xstr. N|Xweg N|X-Allee N|Am Xplatz N|N rue X|N, avenue de X|N bis, rue de la X"
    "|N boulevard X|Calle X N|C/ X N, 2º B|Avenida X N|Av. X N|Carrera N # N-N|Rua X N|Rua X, N"
    "|Travessa X N|Via X N|Via X, N|Piazza X N|Corso X N|N đường X|N X utca N|X u. N|ul. X N"
    "|ulica X N|X gatan N|Xgade N|Xvej N|Xlaan N|Xstraat N|X katu N|N X Marg|N X Nagar"
    "|House N, X Colony|N X Lu|No. N X Road|Jalan X N|Jl. X No. N|N X Soi N"
)
STREETS = (
    "Main|Oak|Maple|Cedar|Elm|Park|Church|High|Station|Victoria|Mill|School|Lake|Hill|River|Spring"
    "|Garden|Sunset|Chestnut|Walnut|Linden|Birken|Goethe|Schiller|Bahnhof|Haupt|Kirch|Rosen|Mozart"
    "|Républi|Gambetta|Pasteur|Victor Hugo|Jean Jaurès|Mayor|Real|San Juan|Libertad|Colón|Bolívar"
    "|Independencia|das Flores|Augusta|Garibaldi|Roma|Dante|Mazzini|Verdi|Kossuth|Petőfi"
    "|Mickiewicza|Długa|Trần Hưng Đạo|Nguyễn Huệ|Lê Lợi|Gandhi|Nehru|Sudirman|Stor|Kungs|Dorps"
    "|Peachtree|Magnolia|Juniper|Whitmore|Belmont|Harcourt|Kensington|Abbey|Mulberry|Orchard"
)
FACILITY_FORMS = (
    "X Hospital|X Clinic|X Medical Center|X General Hospital|X Memorial Hospital|X Health Center"
    "|X Regional Medical Center|University Hospital X|X Infirmary|X Cancer Center|X Nursing Home"
    "|X Rehabilitation Center|X Family Practice|X Urgent Care|X Pediatrics|X Dialysis Center"
    "|Hospital X|Hospital Universitario X|Clínica X|Hospital de X|Centro de Salud X|Hôpital X|CHU X"
    "|Clinique X|Klinikum X|Universitätsklinikum X|Krankenhaus X|X-Klinik|Ospedale X"
    "|Policlinico X|Hospital São X|Santa Casa de X|Bệnh viện X|X Yiyuan|X Hospice|X VA"
)
DATES = (
    "03/14/2023|2022-11-05|14.03.2023|March 3, 2021|5 April 2020|last Tuesday|yesterday|12/24"
    "|el 4 de mayo|le 3 juin 2021|am 4. Mai 2020|Oct 2nd|ngày 5 tháng 6|2019"
)
