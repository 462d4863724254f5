# SPDX-License-Identifier: Apache-2.0
"""Clinical words of other languages, for prompts that are half in English: "translate this letter".

Written down from general knowledge, with their accents. A prompt that reads as another language
needs no health context (`language.py`), so these only have to be the words that notes are full of.
"""

from __future__ import annotations

_SPANISH = (
    "paciente pacientes enfermedad enfermedades enfermo enferma enfermera enfermero dolores"
    " fiebre embarazo embarazada gestante cáncer médico médica diagnóstico diagnosticado"
    " diagnosticada tratamiento síntomas síntoma cirugía quirúrgico operado operada ingreso"
    " ingresado ingresada urgencias recetado alergia alérgico alérgica asma"
    " hipertensión diabético diabética neumonía náuseas vómitos mareo mareos cefalea sangre"
    " sangrado glucosa presión riñón renal hígado corazón pulmón tumor herida fractura parto"
    " cesárea"
    " vacuna pastillas medicamento medicamentos ecografía radiografía infarto ictus convulsiones"
    " depresión ansiedad colesterol tuberculosis vih analítica hemograma"
)
_PORTUGUESE = (
    "doença doente enfermeira enfermeiro dor dores febre gravidez grávida câncer cancro"
    " tratamento sintomas cirurgia internado internada internamento receita alergia"
    " hipertensão diabetes pneumonia tosse vômitos vómitos tontura sangue sangramento pressão "
    " fígado coração pulmão ferida fratura vacina comprimidos remédio remédios exame exames infarto"
    " enfarte convulsão depressão ansiedade leptospirose dengue prontuário utente"
)
_FRENCH = (
    "patiente maladie maladies malade infirmière infirmier douleur douleurs fièvre enceinte"
    " grossesse médecin hôpital diabète diabétique hypertension pneumonie chirurgie opéré opérée"
    " hospitalisé hospitalisée hospitalisation traitement ordonnance symptômes toux"
    " nausées vomissements allergie allergique asthme saignement poumon"
    " tumeur plaie accouchement césarienne vaccin comprimés médicament médicaments échographie"
    " urgences avc infarctus dépression anxiété cholestérol fémoral vertige vertiges"
)
_GERMAN = (
    "patientin krankheit krank schmerz schmerzen fieber schwanger schwangerschaft krebs krankenhaus"
    " arzt ärztin hausarzt diagnose befund anamnese therapie behandlung symptome operiert"
    " aufnahme entlassung entlassungsbrief arztbrief allergie allergisch asthma bluthochdruck"
    " diabetiker lungenentzündung husten übelkeit erbrechen schwindel blut blutung blutdruck niere"
    " leber herz lunge tumor wunde bruch fraktur geburt kaiserschnitt impfung tabletten medikament"
    " medikamente röntgen notaufnahme herzinfarkt schlaganfall depression medikation verordnung"
)
_ITALIAN = (
    "paziente pazienti malattia malato malata infermiera infermiere dolore dolori febbre incinta"
    " gravidanza cancro medico ospedale diagnosi terapia trattamento sintomi intervento operato"
    " operata ricovero ricoverato ricoverata dimissione allergia allergico allergica asma"
    " ipertensione diabete diabetico diabetica polmonite tosse nausea vomito vertigini cefalea"
    " sangue"
    " fegato polmone tumore ferita frattura parto vaccino compresse farmaco farmaci"
    " ecografia radiografia infarto ictus depressione referto clinica"
)
_DUTCH = (
    "patiënt patiënte ziekte ziekenhuis pijn koorts zwanger zwangerschap kanker huisarts"
    " verpleegkundige diagnose behandeling klachten operatie geopereerd opname ontslag "
    " allergie astma bloeddruk suikerziekte longontsteking hoesten misselijk braken duizelig bloed"
    " nier wond breuk bevalling vaccinatie medicatie spoedeisende beroerte delier"
    " heupoperatie"
)
_VIETNAMESE = "bệnh đau sốt viêm khám thuốc phẫu thuật tiểu đường  xét nghiệm chẩn đoán triệu"
_CHINESE = (  # in Latin letters
    "bingren binghuan huanzhe bingli yiyuan yisheng zhenduan zhiliao tangniaobing gaoxueya aizheng"
    " zhongliu fashao kesou toutong shoushu zhuyuan yaowu guomin huaiyun feiyan feijiejie"
    " xinzangbing zhongfeng chuxue"
)
_ALL = (_SPANISH, _PORTUGUESE, _FRENCH, _GERMAN, _ITALIAN, _DUTCH, _VIETNAMESE, _CHINESE)
WORDS_ABROAD = frozenset(" ".join(_ALL).split())
