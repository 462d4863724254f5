# SPDX-License-Identifier: Apache-2.0
"""Ordinary words of other languages, as prompts about health and everyday life use them.

Without them the lexicon takes half of such a prompt for words that nobody knows. Small letters.
"""

from __future__ import annotations

FOREIGN_WORDS = {
    "es": (
        "máxima máximo mínima mínimo española español americana europea mexicana argentina"
        " nacional resuma resume explique explica describa describe enumere indique escriba"
        " redacta prepare compare traduzca haga dime dígame cuáles cuántos cuántas dónde quién"
        " porqué según durante después antes siempre nunca también además aunque mientras entre"
        " hacia hasta desde sobre niños niñas hombres mujeres ancianos embarazo parto lactancia"
        " fiebre dolor tos mareo sangre orina corazón pulmón hígado riñón estómago cabeza"
        " garganta espalda rodilla piel huesos músculos nervios cerebro ojos oído boca dientes"
        " pecho brazo pierna mano pie enfermedad enfermedades síntomas tratamiento dosis"
        " pastilla pastillas jarabe vacuna receta consulta urgencias cirugía quirófano herida"
        " infección alergia diabetes presión arterial azúcar colesterol grasa comida dieta agua"
        " leche pan fruta verdura ejercicio sueño semana semanas meses años días horas mañana"
        " tarde noche tomar comer dormir caminar aparecer tratar curar prevenir evitar usar"
        " aguda crónica grave leve posible frecuente seguro adecuado recomendaciones"
        " recomendación guía guías sociedad cardiología neurología pediatría ministerio"
        " seguridad social derechos informe carta correo reunión viaje ciudad trabajo"
    ),
    "fr": (
        "résumez résume expliquez explique décrivez rédigez écrivez comparez indiquez donnez"
        " faites traduisez pourquoi combien quand où quel quelle quels quelles maximale maximal"
        " minimale française français européenne européen américaine haute autorité santé"
        " nationale selon pendant après avant toujours jamais aussi cependant tandis entre vers"
        " jusque depuis enfants hommes femmes personnes âgées grossesse accouchement allaitement"
        " fièvre douleur toux vertige sang urine cœur poumon foie rein estomac tête gorge dos"
        " genou peau os muscles nerfs cerveau yeux oreille bouche dents poitrine bras jambe main"
        " pied maladie maladies symptômes traitement traitements dose comprimé comprimés sirop"
        " vaccin ordonnance consultation urgences chirurgie plaie infection allergie diabète"
        " tension artérielle sucre cholestérol graisse nourriture régime eau lait pain fruits"
        " légumes exercice sommeil semaine semaines mois années jours heures matin soir nuit"
        " prendre manger dormir marcher traiter guérir prévenir éviter utiliser aiguë chronique"
        " grave légère possible fréquente sûr recommandations guide société cardiologie"
        " neurologie pédiatrie ministère sécurité sociale droits rapport lettre courriel réunion"
        " voyage ville travail héréditaire associer interpréter citez énumérez calculez corrigez"
        " présentez préparez proposez listez rectocolite hémorragique infarctus"
    ),
    "de": (
        "fassen fasse erklären erkläre beschreiben beschreibe nennen nenne vergleichen"
        " schreiben schreibe geben übersetzen erstellen listen warum wieviel wann wo welche"
        " welcher welches höchste maximale minimale deutsche deutschen europäische europäischen"
        " amerikanische leitlinie leitlinien gesellschaft kardiologie neurologie kinderheilkunde"
        " zusammen während nachher vorher immer niemals auch jedoch zwischen gegen bis seit"
        " kinder männer frauen menschen schwangerschaft geburt stillzeit fieber schmerzen husten"
        " schwindel blut urin herz lunge leber niere magen kopf hals rücken knie haut knochen"
        " muskeln nerven gehirn augen ohr mund zähne brust arm bein hand fuß koma krankheit"
        " krankheiten symptome behandlung dosis tablette tabletten saft impfung rezept"
        " sprechstunde notaufnahme chirurgie wunde infektion allergie zuckerkrankheit blutdruck"
        " zucker fett essen diät wasser milch brot obst gemüse bewegung schlaf woche wochen"
        " monate jahre tage stunden morgens abends nachts nehmen schlafen gehen auftreten"
        " behandeln heilen vorbeugen vermeiden verwenden akute chronische schwere leichte"
        " mögliche häufige sicher ministerium rechte bericht brief besprechung reise stadt"
        " arbeit körper zeichen skala erblich diagnostiziert durchgeführt kombinieren"
        " niereninsuffizienz"
    ),
    "pt": (
        "máxima máximo mínima mínimo brasileira brasileiro portuguesa portuguesas europeia"
        " americana resuma resume explique explica descreva enumere indique escreva prepare"
        " compare traduza faça diga quais quantos quantas onde quem segundo durante depois antes"
        " sempre nunca também além embora enquanto entre até desde sobre crianças homens"
        " mulheres idosos gravidez parto amamentação febre dor tosse tontura sangue urina"
        " coração pulmão fígado rim estômago cabeça garganta costas joelho pele ossos músculos"
        " nervos cérebro olhos ouvido boca dentes peito braço perna mão pé doença doenças"
        " sintomas tratamento dose comprimido comprimidos xarope vacina receita consulta"
        " emergência cirurgia ferida infecção alergia diabetes pressão açúcar colesterol gordura"
        " comida dieta água leite pão frutas legumes exercício sono semana semanas meses anos"
        " dias horas manhã tarde noite tomar comer dormir andar aparecer tratar curar prevenir"
        " evitar usar aguda crônica grave leve possível frequente seguro diretrizes diretriz"
        " sociedade cardiologia neurologia pediatria ministério direitos relatório carta reunião"
        " viagem cidade trabalho retocolite ulcerativa ocorrer interpretar positivo comum"
        " adultos"
    ),
    "it": (
        "massima massimo minima minimo italiana italiano europea americana nazionale riassuma"
        " spieghi spiega descriva elenchi indichi scriva scrivi prepari confronti traduca faccia"
        " dica quali quanti quante dove chi che cosa secondo durante dopo prima sempre mai anche"
        " inoltre mentre tra fra fino sulla sulle sullo sui dalla dalle nella nelle negli della"
        " dello degli alla alle bambini uomini donne anziani gravidanza parto allattamento"
        " febbre dolore tosse vertigini sangue urina cuore polmone fegato rene stomaco testa"
        " gola schiena ginocchio pelle ossa muscoli nervi cervello occhi orecchio bocca denti"
        " petto braccio gamba mano piede danni malattia malattie sintomi cura terapia dose"
        " compressa compresse sciroppo vaccino ricetta visita pronto soccorso chirurgia ferita"
        " infezione allergia diabete pressione zucchero colesterolo grasso cibo dieta acqua"
        " latte pane frutta verdura esercizio sonno settimana settimane mesi anni giorni ore"
        " mattina sera notte prendere mangiare dormire camminare comparire trattare guarire"
        " prevenire evitare usare acuta cronica grave lieve possibile frequente sicuro linee"
        " guida raccomandazioni società cardiologia neurologia pediatria ministero diritti"
        " relazione lettera riunione viaggio città lavoro fibrillazione atriale ulcerosa"
        " ereditaria lasciare trattata indica colite adulto insufficienza ipertensione"
    ),
    "vi": (
        "người lớn nhỏ trẻ già bao nhiêu thế nào khi vì sao ở đâu cái gì được không có thể nên"
        " điều trị thuốc liều tối đa thiểu sốt đau đầu bụng ngực tim phổi gan thận dạ dày họng"
        " lưng da xương máu tiểu đường huyết áp ung thư viêm loét nhiễm trùng dị ứng mang thai"
        " cho con bú bác sĩ bệnh viện phòng khám triệu chứng nguyên nhân biến di truyền phẫu"
        " thuật tiêm uống ăn ngủ ngày tuần tháng năm sáng chiều giải thích tóm tắt so sánh liệt"
        " kê viết dịch"
    ),
}
