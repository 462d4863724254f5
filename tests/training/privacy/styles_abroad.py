# SPDX-License-Identifier: Apache-2.0
"""Prompts in other languages that name nobody: finders of diseases, brands, societies, imperatives.

Slots as in `styles_negative`. The words of these lines are also what the lexicon knows of the
languages, so each line brings others.
"""

from __future__ import annotations

NAMELESS_ABROAD: dict[str, str] = {
    "es": r"""
¿Cómo se diagnostica el síndrome de {J} en un adulto joven?
La enfermedad de {J} y el signo de {J}: ¿qué relación tienen?
Compare la maniobra de {J} con la prueba de {J}.
¿Cuándo conviene operar según los criterios de {J}?
Tabla de la escala de {J} y de la clasificación de {J}, por favor.
¿Qué efectos secundarios produce {Q}? ¿Puede combinarse con {Q}?
Diferencia entre {Q} y {Q} para la presión arterial alta
Prepare un folleto sobre el cáncer de pulmón para familias, con lenguaje claro.
Enumere las causas más frecuentes de anemia, vómitos y pérdida de peso en mayores de sesenta años.
Recomendaciones de la Asociación Americana de Diabetes y de la Sociedad Europea de Neumología
Describa los pasos de una endoscopia digestiva y los riesgos de la sedación profunda.
¿Cuántas dosis mínimas y máximas se permiten al día durante la lactancia?
Traduzca al inglés: "El Ministerio de Sanidad publicó nuevas normas de vacunación infantil".
¿El tabaquismo aumenta el riesgo de linfoma de {J}? Explique con datos recientes.
Ventajas y desventajas del ejercicio físico en la insuficiencia renal crónica
Escriba cinco preguntas de examen sobre el músculo cardíaco, las válvulas y las arterias.
Los cuerpos de {J} aparecen en el cerebro; los anillos de {J}, en los ojos.
Haga un resumen: la hepatitis viral se transmite por la sangre, el agua y los alimentos.
¿Qué alimentos deben evitarse con {Q} y por cuánto tiempo?
Cite la Organización Mundial de la Salud y el Instituto Nacional de Estadística.
Valore el índice de {J}, la fórmula de {J} y la ley de {J} en la consulta de urgencias.
Corrija este párrafo: los huesos largos crecen hasta la pubertad, y luego se cierran.
""",
    "fr": r"""
Comment diagnostique-t-on le syndrome de {J} chez un jeune adulte ?
La maladie de {J} et le signe de {J} : quel rapport entre les deux ?
Comparez la manœuvre de {J} avec le test de {J}.
Quand faut-il opérer selon les critères de {J} ?
Présentez le score de {J} et la classification de {J} sous forme de tableau.
Quels effets secondaires provoque {Q} ? Peut-on l'associer à {Q} ?
Différence entre {Q} et {Q} contre la tension artérielle élevée
Rédigez un dépliant sur le cancer du poumon pour les familles, en langage clair.
Énumérez les causes les plus fréquentes d'anémie, de vomissements et de perte de poids.
Recommandations de la Société Française d'Anesthésie et de l'Académie Nationale de Médecine
Décrivez les étapes d'une endoscopie digestive et les risques de la sédation profonde.
Combien de doses minimales et maximales par jour sont permises pendant l'allaitement ?
Traduisez en anglais : « Le Ministère de la Santé publie de nouvelles règles de vaccination ».
Le tabac augmente-t-il le risque de lymphome de {J} ? Répondez avec des données récentes.
Avantages et inconvénients de l'exercice physique dans l'insuffisance rénale chronique
Écrivez cinq questions d'examen sur le muscle cardiaque, les valves et les artères.
Les corps de {J} apparaissent dans le cerveau, l'anneau de {J} dans les yeux.
Faites une synthèse : l'hépatite virale se transmet par le sang, l'eau et les aliments.
Quels aliments éviter avec {Q}, et pendant combien de temps ?
Citez l'Organisation Mondiale de la Santé et l'Institut National de la Statistique.
Calculez l'indice de {J}, la formule de {J} et la loi de {J} aux urgences.
Corrigez ce paragraphe : les os longs grandissent jusqu'à la puberté, puis se ferment.
""",
    "de": r"""
Wie stellt man beim jungen Erwachsenen das {J}-Syndrom fest?
Morbus {J} und das {J}-Zeichen: welcher Zusammenhang besteht?
Vergleichen Sie das {J}-Manöver mit dem {J}-Test.
Wann soll nach den {J}-Kriterien operiert werden?
Stellen Sie die {J}-Skala und die {J}-Klassifikation in einer Tabelle dar.
Welche Nebenwirkungen hat {Q}? Darf man es mit {Q} einnehmen?
Unterschied zwischen {Q} und {Q} bei hohem Blutdruck
Verfassen Sie ein Merkblatt über Lungenkrebs für Angehörige in klarer Sprache.
Nennen Sie die häufigsten Ursachen von Blutarmut, Erbrechen und Gewichtsverlust im Alter.
Empfehlungen der Europäischen Gesellschaft für Pneumologie und der Bundesärztekammer
Beschreiben Sie den Ablauf einer Magenspiegelung und die Risiken der tiefen Sedierung.
Wie hoch sind die kleinste und die größte Tagesdosis in der Stillzeit?
Übersetzen Sie: „Das Bundesministerium veröffentlicht neue Regeln zur Impfung von Kindern“.
Erhöht Rauchen das Risiko für ein {J}-Lymphom? Antworten Sie mit neuen Daten.
Vorteile und Nachteile von Sport bei chronischer Nierenschwäche
Schreiben Sie fünf Prüfungsfragen über Herzmuskel, Klappen und Schlagadern.
{J}-Körperchen finden sich im Gehirn, {J}-Ringe in den Augen.
Kurz gesagt: Die Leberentzündung wird durch Blut, Wasser und Lebensmittel übertragen.
Welche Speisen sollte man mit {Q} meiden, und wie lange?
Zitieren Sie die Weltgesundheitsorganisation und das Statistische Bundesamt.
Berechnen Sie den {J}-Index und die {J}-Formel in der Notaufnahme.
Verbessern Sie: Lange Knochen wachsen bis zur Pubertät, danach schließen sich die Fugen.
""",
    "pt": r"""
Como se diagnostica a síndrome de {J} em um adulto jovem?
A doença de {J} e o sinal de {J}: qual a relação entre eles?
Compare a manobra de {J} com o teste de {J}.
Quando convém operar segundo os critérios de {J}?
Monte uma tabela da escala de {J} e da classificação de {J}.
Quais efeitos colaterais {Q} provoca? Pode ser combinado com {Q}?
Diferença entre {Q} e {Q} para pressão alta
Prepare um folheto sobre câncer de pulmão para famílias, em linguagem clara.
Enumere as causas mais frequentes de anemia, vômitos e perda de peso em idosos.
Recomendações da Associação Médica Mundial e da Sociedade Portuguesa de Pneumologia
Descreva as etapas de uma endoscopia digestiva e os riscos da sedação profunda.
Quantas doses mínimas e máximas são permitidas por dia durante a amamentação?
Traduza: "O Ministério publicou novas normas de vacinação infantil em todo o país".
O tabagismo aumenta o risco de linfoma de {J}? Explique com dados recentes.
Vantagens e desvantagens do exercício físico na insuficiência renal crônica
Escreva cinco perguntas de prova sobre o músculo cardíaco, as válvulas e as artérias.
Os corpos de {J} aparecem no cérebro; os anéis de {J}, nos olhos.
Faça uma síntese: a hepatite viral é transmitida pelo sangue, pela água e pelos alimentos.
Quais alimentos devem ser evitados com {Q}, e por quanto tempo?
Cite a Organização Mundial da Saúde e o Instituto Brasileiro de Estatística.
Calcule o índice de {J}, a fórmula de {J} e a lei de {J} no pronto-socorro.
Corrija: os ossos longos crescem até a puberdade, e depois se fecham.
""",
    "it": r"""
Come si diagnostica la sindrome di {J} in un giovane adulto?
Il morbo di {J} e il segno di {J}: che rapporto c'è tra loro?
Confronti la manovra di {J} con il test di {J}.
Quando conviene operare secondo i criteri di {J}?
Prepari una tabella della scala di {J} e della classificazione di {J}.
Quali effetti collaterali provoca {Q}? Si può associare a {Q}?
Differenza tra {Q} e {Q} per la pressione alta
Scriva un opuscolo sul tumore del polmone per le famiglie, con parole chiare.
Elenchi le cause più frequenti di anemia, vomito e perdita di peso negli anziani.
Raccomandazioni della Società Italiana di Pneumologia e dell'Istituto Superiore di Sanità
Descriva le fasi di una endoscopia digestiva e i rischi della sedazione profonda.
Quante dosi minime e massime sono permesse al giorno durante l'allattamento?
Traduca: "Il Ministero pubblica nuove norme per la vaccinazione dei bambini".
Il fumo aumenta il rischio di linfoma di {J}? Risponda con dati recenti.
Vantaggi e svantaggi dell'esercizio fisico nella malattia renale cronica
Scriva cinque domande d'esame sul muscolo cardiaco, le valvole e le arterie.
I corpi di {J} compaiono nel cervello, gli anelli di {J} negli occhi.
Faccia una sintesi: l'epatite virale si trasmette con il sangue, l'acqua e i cibi.
Quali cibi bisogna evitare con {Q}, e per quanto tempo?
Citi l'Organizzazione Mondiale della Sanità e l'Istituto Nazionale di Statistica.
Calcoli l'indice di {J}, la formula di {J} e la legge di {J} al pronto soccorso.
Corregga: le ossa lunghe crescono fino alla pubertà, poi si chiudono.
""",
    "vi": r"""
Hội chứng {J} được chẩn đoán như thế nào ở người trẻ?
Bệnh {J} và dấu hiệu {J} có liên quan gì với nhau?
So sánh thang điểm {J} với nghiệm pháp {J}.
Thuốc {Q} có tác dụng phụ nào? Có dùng chung với {Q} được không?
Liều thấp nhất và cao nhất mỗi ngày của {Q} cho trẻ nhỏ là bao nhiêu?
Viết tờ rơi về ung thư phổi cho gia đình bằng lời dễ hiểu.
Liệt kê những nguyên nhân thường gặp của thiếu máu, nôn mửa và sụt cân.
Tổ chức Y tế Thế giới khuyến cáo gì về tiêm chủng?
Tóm tắt: viêm gan siêu vi lây qua đường máu, nước uống và thức ăn.
Loét dạ dày tá tràng và trào ngược thực quản khác nhau ở điểm nào?
Bộ Y tế vừa công bố hướng dẫn mới về tăng huyết áp ở người lớn tuổi.
Soạn năm câu hỏi thi về tim, van tim và động mạch.
""",
    "zh": r"""
{J} zonghezheng zenme zhenduan, nianqing ren ye hui de ma?
{J} bing he {J} zheng you shenme guanxi?
Qing bijiao {Q} he {Q} de fuzuoyong.
Yi tian zuiduo keyi chi duoshao {Q}, butong nianling you shenme qubie?
Xie yi zhang guanyu feiai de xuanchuan dan, yong jiandan de yuyan.
Lie chu pinxue, outu he tizhong xiajiang de changjian yuanyin.
Shijie Weisheng Zuzhi dui yimiao you shenme jianyi?
Zongjie: bingduxing ganyan tongguo xueye, yinshui he shiwu chuanbo.
Gaoxueya huanzhe bu neng chi naxie shuiguo he shucai?
Chu wu dao guanyu xinzang, banmo he dongmai de kaoshi ti.
Weibujian chuangzhen yiban duo jiu cai neng hao?
""",
}
