# SPDX-License-Identifier: Apache-2.0
"""Clinical words for the health gate: drugs, conditions, procedures, measurements; small letters.

Written down from general knowledge. Endings such as -itis or -statin are known to `health` and need
no entry. Words that are as common elsewhere (cold, burn, cast, block) are left out.
"""

from __future__ import annotations

_DRUGS = (
    "acetaminophen paracetamol naproxen diclofenac celecoxib morphine oxycodone hydrocodone"
    " fentanyl tramadol codeine methadone buprenorphine suboxone naloxone narcan naltrexone"
    " gabapentin pregabalin baclofen cyclobenzaprine tizanidine prednisone prednisolone"
    " dexamethasone methylprednisolone hydrocortisone budesonide fluticasone albuterol salbutamol"
    " tiotropium montelukast meropenem imipenem ertapenem vancomycin linezolid daptomycin"
    " ceftriaxone cefepime cephalexin cefazolin doxycycline tetracycline trimethoprim"
    " sulfamethoxazole nitrofurantoin gentamicin tobramycin augmentin clavulanate tazobactam"
    " zosyn bactrim keflex acyclovir valacyclovir oseltamivir tamiflu remdesivir paxlovid"
    " isoniazid rifampin ethambutol ivermectin hydroxychloroquine methotrexate leflunomide"
    " sulfasalazine azathioprine cyclosporine tacrolimus mycophenolate etanercept humira enbrel"
    " remicade stelara keytruda opdivo cisplatin carboplatin paclitaxel docetaxel doxorubicin"
    " tamoxifen letrozole anastrozole imatinib lithium valproate valproic lamotrigine"
    " levetiracetam keppra phenytoin carbamazepine topiramate haloperidol risperidone olanzapine"
    " quetiapine aripiprazole clozapine ziprasidone bupropion venlafaxine duloxetine sertraline"
    " citalopram escitalopram trazodone mirtazapine amitriptyline nortriptyline buspirone xanax"
    " valium ativan klonopin zolpidem ambien adderall ritalin methylphenidate atomoxetine"
    " levothyroxine synthroid methimazole propylthiouracil glargine lispro aspart glipizide"
    " glyburide semaglutide ozempic wegovy liraglutide tirzepatide pioglitazone furosemide lasix"
    " torsemide hydrochlorothiazide hctz spironolactone amlodipine diltiazem verapamil clonidine"
    " hydralazine digoxin amiodarone clopidogrel plavix coumadin eliquis xarelto enoxaparin"
    " lovenox allopurinol colchicine febuxostat alendronate denosumab ondansetron zofran"
    " metoclopramide famotidine sucralfate loperamide senna docusate antacid antiemetic"
    " antidepressant antipsychotic antihistamine antiviral antifungal steroid steroids statin"
    " statins nsaid nsaids ssri ssris diuretic diuretics chemotherapy immunotherapy painkiller"
    " painkillers sildenafil tadalafil finasteride tamsulosin oxybutynin testosterone estradiol"
    " progesterone contraceptive contraception inhaler nebulizer epinephrine epipen nitroglycerin"
)
_CONDITIONS = (
    "abscess ache acne addiction adhd aki alcoholism allergy allergic amputation aneurysm angina"
    " anorexia apnea apnoea appendix arrhythmia ascites ataxia autism autistic bedsore bleeding"
    " blister bronchospasm bruise bulimia bunion cataract cataracts celiac chills cholesterol"
    " claustrophobia coma concussion constipation contusion convulsion cough coughing croup cyst"
    " cysts deafness delirium delusions dehydration diarrhea diarrhoea dizziness dizzy dvt"
    " dyspnea eczema edema oedema embolism emphysema endometriosis epistaxis fainted fainting"
    " fatigue fetal fibroid fibroids fibromyalgia fistula flu frail gangrene glaucoma goiter gout"
    " haemorrhage hemorrhage hemorrhoids hernia herpes hives hyperlipidemia hyperglycemia"
    " hypoglycemia hypotension hypothyroid hypoxia ibs ileus impetigo impotence incontinence"
    " indigestion infertility inflammation insomnia ischemia itching jaundice keloid ketoacidosis"
    " lymphedema malaria measles melanoma menopause miscarriage mononucleosis mumps murmur myopia"
    " necrosis numbness obese obesity palpitations palsy parasite paresthesia pcos pertussis"
    " pimple polyp polyps postpartum psychosis psychotic ptsd rabies rash rashes reflux relapse"
    " rubella scabies sciatica scoliosis scurvy shingles sinus smoker sprain stillbirth"
    " stomachache suicidal swelling swollen syphilis tachycardia tetanus thrombus tinnitus tremor"
    " tuberculosis tb ulcer ulcers unconscious unwell uti vertigo wheezing wounds hallucinations"
    " dialysed paralysis paralyzed disability disabled overdose hepatitis infection sick illness"
    " ill pain painful sore bleed"
)
_CARE = (
    "abortion admitted aed ambulance anaesthesia anesthesia anesthetic angiogram antibody"
    " antigen bandage bilirubin biopsied bloodwork bp cabg catheter cbc checkup cholangiogram"
    " colposcopy cpr crutches dermatologist discharged doctors doses ekg endocrinologist eeg esr"
    " extubated gynecologist healthcare hematocrit hemodialysis hemoglobin hospice hospitalist"
    " hysterectomy icd immunization incision infusion injection intubated ivf laparoscopic lft"
    " lfts lobectomy mastectomy medic medicaid medicare midwife neurologist npo obgyn oncologist"
    " oximetry oxygen pap pathology pediatric pediatrician pediatrics perioperative pharmacist"
    " pharmacy placenta platelet platelets postoperative potassium preoperative preauthorization"
    " prosthesis psa psychologist psychotherapy radiologist radiology radiotherapy resuscitation"
    " saline shunt specimen sputum stent stents stitches stool surgeon surgeons suture"
    " symptomatic tracheostomy transfusion transfused transplant triage troponin tsh urinalysis"
    " urine urologist vaccine ventilator vitals wbc wheelchair"
)
WORDS = frozenset(f"{_DRUGS} {_CONDITIONS} {_CARE}".split())
