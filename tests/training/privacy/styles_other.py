# SPDX-License-Identifier: Apache-2.0
"""Prompts in Spanish, French, German, Portuguese, Italian, Vietnamese and Mandarin in pinyin.

Slots as in `styles_english`. A line that starts with "-" has nobody in it.
"""

from __future__ import annotations

OTHER_LANGUAGES: dict[str, str] = {
    "es": r"""
La paciente {N}, de {Y} años, acude por dolor torácico. Vive en {T}.
Redacta una carta para {N} con los resultados de la biopsia.
Mi hijo {F} tiene fiebre desde ayer, ¿qué hago?
Paciente: {N}\nFecha: {D}\nCentro: {H}
El doctor {L} recetó metformina a {N} en {T}.
Hola, me llamo {N} y vivo en {A}.
Sr. {L}: su cita es el {D} en {H}.
¿Puede {F} tomar ibuprofeno con warfarina?
{N} ingresó en {H} con neumonía.
Según {F}, su hermana {F} padece diabetes.
Atentamente, {N}
Dígale a {N} que su resultado es normal.
el paciente {N} de {T} refiere dolor de cabeza
-¿Cuál es el tratamiento de la enfermedad de Parkinson?
-Explica la diabetes mellitus tipo 2 en palabras sencillas.
-¿Es seguro el Paracetamol en el embarazo?
-Resume la guía de la OMS sobre la hipertensión.
-Escribe un poema sobre el otoño en España.
{N} lleva dos semanas con tos y fiebre por la noche.
Necesito un informe para {N}, diagnosticada de cáncer de mama.
La madre de {F} pregunta si puede vacunarlo mañana.
Ayer llamó {N} porque le duele la rodilla izquierda.
¿Puedes traducir el informe de {N} al inglés?
Para {N}: aumentar la dosis de insulina a veinte unidades.
{F} no duerme bien desde que empezó con la prednisona.
Le pusieron un marcapasos a {N} el año pasado en {T}.
Hemos visto a {N} en la consulta; sigue con dolor abdominal.
Buenos días, soy {N}, tengo la tensión alta y tomo enalapril.
El hermano de {N} murió de un infarto a los cincuenta años.
Hablé con {N} sobre la cirugía y prefiere esperar.
Dra. {L}, le envío los análisis de {N}.
Quiero reclamar en nombre de {N} contra el seguro.
-El Hospital debe informar a los pacientes de sus derechos según la Ley.
-¿Qué diferencia hay entre el Ibuprofeno y el Naproxeno?
-Los síntomas de la Gripe son fiebre, tos y dolor muscular.
-Hazme un resumen de la historia de México en el siglo veinte.
""",
    "fr": r"""
La patiente {N}, {Y} ans, consulte pour une douleur thoracique. Elle habite à {T}.
Rédige une lettre à {N} au sujet de sa biopsie.
Mon fils {F} a de la fièvre depuis hier, que faire ?
Nom : {N}\nDate : {D}\nHôpital : {H}
Le docteur {L} a prescrit de la metformine à {N}.
Bonjour, je m'appelle {N} et j'habite {A}.
Mme {L} a été hospitalisée à {T} pour une pneumonie.
M. {L} prend du paracétamol ; sa femme {F} s'inquiète.
Est-ce que {F} peut prendre de l'ibuprofène ?
Selon {F}, sa sœur {F} souffre de diabète.
Cordialement, {N}
le patient {N} de {T} se plaint de maux de tête
-Quel est le traitement de la maladie de Parkinson ?
-Explique le diabète de type 2 simplement.
-Le Doliprane est-il sûr pendant la grossesse ?
-Résume les recommandations de la HAS sur l'hypertension.
-Écris un poème sur l'automne en France.
{N} tousse depuis deux semaines et a de la fièvre la nuit.
J'ai besoin d'un compte rendu pour {N}, atteinte d'un cancer du sein.
La mère de {F} demande si on peut le vacciner demain.
Hier, {N} a appelé parce que son genou gauche lui fait mal.
Peux-tu traduire le rapport de {N} en anglais ?
Pour {N} : augmenter la dose d'insuline à vingt unités.
{F} ne dort plus bien depuis qu'elle prend de la prednisone.
On a posé un stimulateur cardiaque à {N} l'an dernier à {T}.
Nous avons vu {N} en consultation ; la douleur abdominale persiste.
Bonjour, je suis {N}, j'ai de la tension et je prends du ramipril.
Le frère de {N} est mort d'un infarctus à cinquante ans.
J'ai parlé avec {N} de l'opération, il préfère attendre.
Docteur {L}, je vous envoie les analyses de {N}.
Combien de temps {F} doit-il garder le plâtre ?
-L'Hôpital doit informer les patients de leurs droits.
-Quelle est la différence entre l'Ibuprofène et le Naproxène ?
-Les symptômes de la Grippe sont la fièvre, la toux et les courbatures.
-Fais-moi un résumé de l'histoire de la France au vingtième siècle.
""",
    "de": r"""
Die Patientin {N}, {Y} Jahre, klagt über Brustschmerzen. Sie wohnt in {T}.
Schreibe einen Brief an {N} über das Ergebnis der Biopsie.
Mein Sohn {F} hat seit gestern Fieber, was soll ich tun?
Name: {N}\nDatum: {D}\nKlinik: {H}
Doktor {L} hat {N} Metformin verschrieben.
Guten Tag, ich heiße {N} und wohne in {A}.
Frau {L} wurde am {D} in {T} aufgenommen.
Herr {L} nimmt Ibuprofen; seine Frau {F} macht sich Sorgen.
Darf {F} Ibuprofen mit Warfarin nehmen?
Laut {F} leidet ihre Schwester {F} an Diabetes.
Mit freundlichen Grüßen, {N}
der patient {N} aus {T} hat kopfschmerzen
-Was ist die Behandlung der Krankheit Parkinson?
-Erkläre Diabetes mellitus Typ 2 in einfachen Worten.
-Ist Paracetamol in der Schwangerschaft sicher?
-Fasse die Leitlinie der Gesellschaft für Kardiologie zum Bluthochdruck zusammen.
-Schreibe ein Gedicht über den Herbst in Deutschland. Der Wald und die Sonne sollen vorkommen.
-Die Patienten in der Studie hatten Schmerzen, Fieber und Husten; die Ärzte gaben Antibiotika.
{N} hustet seit zwei Wochen und hat nachts Fieber.
Ich brauche einen Arztbrief für {N} mit Brustkrebs.
Die Mutter von {F} fragt, ob man ihn morgen impfen kann.
Gestern rief {N} an, weil das linke Knie schmerzt.
Kannst du den Befund von {N} ins Englische übersetzen?
Für {N}: Dosis Insulin auf zwanzig Einheiten erhöhen.
{F} schläft schlecht, seit sie Prednison nimmt.
Letztes Jahr bekam {N} in {T} einen Herzschrittmacher.
Wir haben {N} in der Sprechstunde gesehen; die Bauchschmerzen bleiben.
Hallo, ich bin {N}, habe hohen Blutdruck und nehme Ramipril.
Der Bruder von {N} starb mit fünfzig Jahren an einem Herzinfarkt.
Ich habe mit {N} über die Operation gesprochen, er möchte warten.
Frau Doktor {L}, anbei die Laborwerte von {N}.
Wie lange muss {F} den Gips tragen?
-Das Krankenhaus muss die Patienten über ihre Rechte aufklären.
-Was ist der Unterschied zwischen Ibuprofen und Naproxen? Welche Nebenwirkungen gibt es?
-Symptome der Grippe sind Fieber, Husten, Kopfschmerzen und Muskelschmerzen.
-Erstelle eine Zusammenfassung der Geschichte des Landes im zwanzigsten Jahrhundert.
-Der Blutdruck, der Puls, die Temperatur und die Atmung waren normal. Die Lunge war frei.
-Zur Therapie gehören Bewegung, Ernährung, Physiotherapie und bei Bedarf eine Operation am Knie.
""",
    "pt": r"""
A paciente {N}, {Y} anos, queixa-se de dor no peito. Mora em {T}.
Escreva uma carta para {N} sobre o resultado da biópsia.
Meu filho {F} está com febre desde ontem, o que eu faço?
Nome: {N}\nData: {D}\nHospital: {H}
O doutor {L} receitou metformina para {N} em {T}.
Olá, meu nome é {N} e moro em {A}.
Sr. {L}: sua consulta é dia {D} no {H}.
Dona {F} pode tomar ibuprofeno com varfarina?
{N} foi internado no {H} com pneumonia.
Segundo {F}, a irmã {F} tem diabetes.
Atenciosamente, {N}
o paciente {N} de {T} refere dor de cabeça
-Qual é o tratamento da doença de Parkinson?
-Explique o diabetes tipo 2 em palavras simples.
-O Paracetamol é seguro na gravidez?
-Resuma a diretriz do Ministério da Saúde sobre hipertensão.
{N} está com tosse há duas semanas e febre à noite.
Preciso de um relatório para {N}, com câncer de mama.
A mãe de {F} pergunta se pode vaciná-lo amanhã.
Ontem {N} ligou porque o joelho esquerdo dói.
Você pode traduzir o laudo de {N} para o inglês?
Para {N}: aumentar a dose de insulina para vinte unidades.
{F} não dorme bem desde que começou a prednisona.
Colocaram um marca-passo em {N} no ano passado em {T}.
Vimos {N} na consulta; continua com dor abdominal.
Bom dia, sou {N}, tenho pressão alta e tomo losartana.
O irmão de {N} morreu de infarto aos cinquenta anos.
Falei com {N} sobre a cirurgia e ele prefere esperar.
Dra. {L}, envio os exames de {N}.
Quanto tempo {F} precisa ficar com o gesso?
-O Hospital deve informar os pacientes sobre os seus direitos.
-Qual é a diferença entre o Ibuprofeno e o Naproxeno?
-Os sintomas da Gripe são febre, tosse e dor muscular.
-Faça um resumo da história do Brasil no século vinte.
""",
    "it": r"""
La paziente {N}, {Y} anni, lamenta dolore toracico. Vive a {T}.
Scrivi una lettera a {N} sul risultato della biopsia.
Mio figlio {F} ha la febbre da ieri, cosa faccio?
Nome: {N}\nData: {D}\nOspedale: {H}
Il dottor {L} ha prescritto metformina a {N}.
Buongiorno, mi chiamo {N} e abito in {A}.
La signora {L} è stata ricoverata a {T} per polmonite.
Il signor {L} prende ibuprofene; la moglie {F} è preoccupata.
{F} può prendere l'ibuprofene con il warfarin?
Secondo {F}, sua sorella {F} soffre di diabete.
Cordiali saluti, {N}
il paziente {N} di {T} riferisce mal di testa
-Qual è la cura del morbo di Parkinson?
-Spiega il diabete di tipo 2 in parole semplici.
-La Tachipirina è sicura in gravidanza?
-Riassumi le linee guida del Ministero della Salute sull'ipertensione.
{N} ha la tosse da due settimane e la febbre di notte.
Mi serve una relazione per {N}, con tumore al seno.
La madre di {F} chiede se può vaccinarlo domani.
Ieri {N} ha chiamato perché le fa male il ginocchio sinistro.
Puoi tradurre il referto di {N} in inglese?
Per {N}: aumentare la dose di insulina a venti unità.
{F} dorme male da quando prende il prednisone.
L'anno scorso a {T} hanno messo un pacemaker a {N}.
Abbiamo visto {N} in ambulatorio; il dolore addominale continua.
Salve, sono {N}, ho la pressione alta e prendo il ramipril.
Il fratello di {N} è morto di infarto a cinquant'anni.
Ho parlato con {N} dell'intervento e preferisce aspettare.
Dott.ssa {L}, le invio gli esami di {N}.
Quanto tempo {F} deve tenere il gesso?
-L'Ospedale deve informare i pazienti sui loro diritti.
-Qual è la differenza tra l'Ibuprofene e il Naprossene?
-I sintomi dell'Influenza sono febbre, tosse e dolori muscolari.
-Fammi un riassunto della storia d'Italia nel Novecento.
""",
    "vi": r"""
Bệnh nhân {N}, {Y} tuổi, đau ngực. Địa chỉ: {T}.
Viết thư cho {N} về kết quả sinh thiết.
Con trai tôi {N} bị sốt từ hôm qua, tôi phải làm gì?
Họ tên: {N}\nNgày: {D}\nBệnh viện: {H}
Bác sĩ {N} kê metformin cho {N} ở {T}.
Xin chào, tôi tên là {N} và sống ở {T}.
Chị {F} có thể uống ibuprofen không?
Anh {F} nhập viện tại {H} vì viêm phổi.
Theo lời {N}, em gái {F} bị tiểu đường.
benh nhan {N} o {T} bi dau dau
-Cách điều trị bệnh Parkinson là gì?
-Giải thích bệnh tiểu đường bằng từ ngữ đơn giản.
-Paracetamol có an toàn khi mang thai không?
-Viết một bài thơ về mùa thu ở Việt Nam.
{N} bị ho hai tuần nay và sốt về đêm.
Tôi cần giấy ra viện cho {N}, bị ung thư vú.
Mẹ của {F} hỏi ngày mai có thể tiêm phòng cho bé không.
Hôm qua {N} gọi điện vì đau đầu gối trái.
Bạn có thể dịch kết quả của {N} sang tiếng Anh không?
Cho {N}: tăng liều insulin lên hai mươi đơn vị.
Năm ngoái {N} được đặt máy tạo nhịp ở {T}.
Chúng tôi đã khám cho {N}; vẫn còn đau bụng.
Chào bác sĩ, tôi là {N}, tôi bị cao huyết áp.
Tôi đã nói chuyện với {N} về ca phẫu thuật.
Bà {N} mất ngủ từ khi uống thuốc này.
-Bệnh viện phải thông báo cho bệnh nhân về quyền của họ.
-Ibuprofen và Naproxen khác nhau như thế nào?
-Triệu chứng của bệnh cúm là sốt, ho và đau cơ.
""",
    "zh": r"""
Bingren {N}, {Y} sui, xiong tong. Zhu zai {T}.
Qing gei {N} xie yi feng xin, gaosu ta huayan jieguo.
Wo erzi {F} cong zuotian kaishi fashao, zenme ban?
Xingming: {N}\nRiqi: {D}\nYiyuan: {H}
{L} yisheng gei {N} kai le erjiashuanggua.
Ni hao, wo jiao {N}, wo zhu zai {T}.
Huanzhe {N} zai {H} zhuyuan, zhenduan feiyan.
{N} nüshi de jiejie {F} you tangniaobing.
bingren {N} lai zi {T}, tou tong
-Pajinsen bing zenme zhiliao?
-Qing yong jiandan de hua jieshi tangniaobing.
-Yunfu neng chi buluofen ma?
{N} kesou liang ge xingqi le, wanshang fashao.
Wo xuyao gei {N} xie yi fen chuyuan baogao, ta de le ruxianai.
{F} de mama wen mingtian neng bu neng da yimiao.
Zuotian {N} da dianhua shuo zuo xigai teng.
Qing ba {N} de baogao fanyi cheng yingwen.
Gei {N} zengjia yidaosu de jiliang.
Qunian {N} zai {T} zhuang le qiboqi.
Women kan le {N}, ta haishi duzi teng.
Yisheng nin hao, wo shi {N}, wo you gaoxueya.
Wo gen {N} tan le shoushu de shi.
{L} xiansheng shuimian bu hao, {L} taitai hen danxin.
-Yiyuan yinggai gaosu bingren tamen de quanli.
-Liugan de zhengzhuang shi fashao, kesou he jirou teng.
""",
}
