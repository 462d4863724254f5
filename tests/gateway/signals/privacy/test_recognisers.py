# SPDX-License-Identifier: Apache-2.0
"""Each kind: what is found, with exact borders, and what looks alike and is left alone."""

from __future__ import annotations

import pytest

from gateway.signals.privacy import Detector, Kind

DETECTOR = Detector()

FOUND = [
    (Kind.NAME, "Letter to [Dr Jane Roe] about the result"),
    (Kind.NAME, "I saw patient [John Q. Public] today"),
    (Kind.NAME, "my name is [Oluwaseun Adeyemi]"),
    (Kind.NAME, "Name: [Siobhan O'Neill]"),
    (Kind.NAME, "my mother [Maria del Carmen Ruiz] called"),
    (Kind.NAME, '{"patient_name": "[Kofi Mensah]"}'),
    (Kind.NAME, "[Ngozi Eze], DOB unknown"),
    (Kind.NAME, "[Brown, Kyle] | 3 May 1980 | gout"),
    (Kind.GEO, "was seen at [UWMC] for gout"),
    (Kind.GEO, "to [Apt. 679] please"),
    (Kind.NAME, "PID|1||X|[DOE^JANE]|"),
    (Kind.NAME, "a man with gout, [Pavel Novak], who came in"),
    (Kind.NAME, "gout in someone like [Anna S.], please"),
    (Kind.NAME, "was reviewed by [Amara Okafor] there"),
    (Kind.GEO, "Ship to [742 Evergreen Terrace] now"),
    (Kind.GEO, "at [19 Mill Bend Apt. 4] in town"),
    (Kind.GEO, "send it to [P.O. Box 1234] please"),
    (Kind.GEO, "[Springfield, IL 62704]"),
    (Kind.GEO, "he was at [Lakeside General Hospital] then"),
    (Kind.GEO, "a woman living in [Tromso]"),
    (Kind.DATE, "on [03/04/2022]"),
    (Kind.DATE, "on [2022-03-04]"),
    (Kind.DATE, "on [March 5th, 2021]"),
    (Kind.DATE, "on [5 March 2021]"),
    (Kind.DATE, "DOB: [19700131]"),
    (Kind.AGE_90, "a [93-year-old] lady"),
    (Kind.AGE_90, "[aged 101] now"),
    (Kind.PHONE, "ring [(212) 555-0142] now"),
    (Kind.PHONE, "or [415 723 8801] at night"),
    (Kind.PHONE, "on [+44 20 7946 0958] now"),
    (Kind.PHONE, "cell: [2125550142]"),
    (Kind.FAX, "fax to [212-555-0142]"),
    (Kind.EMAIL, "write to [jane.roe@example.org]."),
    (Kind.SSN, "it is [219-09-9999] ok"),
    (Kind.SSN, "SSN [219099999]"),
    (Kind.MRN, "MRN: [AB-99812]"),
    (Kind.MRN, "medical record number is [0044821]"),
    (Kind.HEALTH_PLAN, "member id [XQ778812]"),
    (Kind.HEALTH_PLAN, "insurance policy #[88291-LK]"),
    (Kind.ACCOUNT, "account number [99812377]"),
    (Kind.ACCOUNT, "pay [GB82 WEST 1234 5698 7654 32] TODAY"),
    (Kind.LICENSE, "DEA [AB1234563]"),
    (Kind.LICENSE, "driver's license number is [F1628-2354]"),
    (Kind.VEHICLE, "car [1M8GDM9AXKP042788]"),
    (Kind.VEHICLE, "license plate: [7abc123]"),
    (Kind.DEVICE, "serial no. [SN-99812]"),
    (Kind.URL, "see [https://example.org/p/7]."),
    (Kind.IP, "from [203.0.113.7] it came"),
    (Kind.IP, "from [2001:db8:85a3::8a2e:370:7334] it came"),
    (Kind.BIOMETRIC, "fingerprint template id [77f812]"),
    (Kind.PHOTO, "look: [data:image/png;base64,iVBORw0KGgo=]"),
    (Kind.OTHER_ID, "passport no [X1234567]"),
    (Kind.OTHER_ID, "case #[JH-998877]"),
    (Kind.OTHER_ID, "gout | [48213377] | male"),
    (Kind.OTHER_ID, "seen as [RT-37402] there"),
    (Kind.GEO, "[zip code 3520]"),
    (Kind.GEO, "at [SW1A 1AA] now"),
    (Kind.PHONE, "not answering at [041 541 67 61]"),
    (Kind.PHONE, "on [0688 872 49 99] now"),
    (Kind.SSN, "it is [219 - 09 - 9999] ok"),
    (Kind.NAME, "[Long, Amy] - 29F, for review"),
    (Kind.NAME, "[PUBLIC,JORDAN A]  M 45Y"),
    (Kind.NAME, "seen [Grace Okafor] 44yo today"),
    (Kind.NAME, "pt [Y3w4nd3] is unwell"),
    (Kind.MRN, "chart [00-48-21-9] please"),
    (Kind.HEALTH_PLAN, "RAMQ [TREM 9254 1218] ok"),
    (Kind.HEALTH_PLAN, "it is [943 476 5919] ok"),
    (Kind.HEALTH_PLAN, "card [1EG4-TE5-MK73] ok"),
    (Kind.OTHER_ID, "c.f. [RSSMRA85T10A562S] ok"),
    (Kind.OTHER_ID, "wrote [AB 12 34 56 C] there"),
    (Kind.OTHER_ID, "wrote [12345678Z] there"),
    (Kind.OTHER_ID, "wrote [1234567FA] there"),
    (Kind.OTHER_ID, "wrote [2 55 08 14 168 025 38] there"),
    (Kind.OTHER_ID, "wrote [255081416802538] there"),
    (Kind.OTHER_ID, "wrote [529.982.247-25] there"),
    (Kind.OTHER_ID, "wrote [756.9217.0769.85] there"),
    (Kind.OTHER_ID, "wrote [736204/4811] there"),
    (Kind.OTHER_ID, "wrote [811228-9874] there"),
    (Kind.OTHER_ID, "unit [VNT-0093-B4417] in his room"),
    (Kind.OTHER_ID, "record RXH [0482917] there"),
    (Kind.OTHER_ID, "she is [@jude_obscure_22] there"),
    (Kind.OTHER_ID, "her WeChat is [luluchen_0417] now"),
    (Kind.LICENSE, "shown [MORGA753116SM9IJ] there"),
    (Kind.VEHICLE, "her plate is [KX19 ZTD] now"),
    (Kind.PHOTO, "see [IMG_4471_left_cheek.jpg] there"),
    (Kind.URL, "at [portal.example.org/patient/88213?tok=a8] now"),
    (Kind.GEO, "home [-0.10221, 34.76171] ok"),
    (Kind.GEO, "pt lives in [96743] alone"),
    (Kind.DATE, "on [3 de marzo de 2024] ok"),
    (Kind.DATE, "am [3. Jänner 1938] ok"),
    (Kind.DATE, "ngày [12 tháng 5 năm 1978] ok"),
    (Kind.DATE, "shengri [2021 nian 5 yue 17 ri] ok"),
    (Kind.DATE, "consent [19Nov2026] ok"),
    (Kind.DATE, "file_[19510622] ok"),
    (Kind.DATE, "seen [14. 8. 2026] ok"),
    (Kind.DATE, "seen in clinic on [11/14] by me"),
    (Kind.DATE, "lunes [16/11] ok"),
    (Kind.DATE, "DOB [6.6.66] ok"),
    (Kind.DATE, "the [twelfth of march twenty twenty six] ok"),
    (Kind.DATE, "she fell on [Christmas Eve] at home"),
    (Kind.DATE, "in [easter sunday 2024] ok"),
    (Kind.AGE_90, "she's [94] and still driving"),
    (Kind.AGE_90, "who turned [103] in May"),
    (Kind.AGE_90, "a woman of [ninety-seven] who"),
    (Kind.AGE_90, "abuelo tiene [98] años"),
    (Kind.NAME, "Patient [van der Meulen], who has gout"),
    (Kind.NAME, "Patient [Ha-eun] is pregnant"),
    (Kind.MRN, "hosp no [2290771] there"),
    (Kind.OTHER_ID, "wristband [5502916] there"),
    (Kind.OTHER_ID, "her gout is under [6612094] there"),
    (Kind.OTHER_ID, "gout of [48213377] lives there"),
    (Kind.OTHER_ID, "gout, no [4482017] there"),
    (Kind.OTHER_ID, "the order is [55102-883] there"),
    (Kind.OTHER_ID, "personnr [19580412-3398] there"),
    (Kind.PHONE, "avisar al [55 5550 0182] ya"),
    (Kind.PHONE, "tel [600 555 014]"),
    (Kind.EMAIL, "write to [ingrid dot solheim at example dot com] now"),
    (Kind.EMAIL, "write to [kay.roe [at] example [dot] com] now"),
    (Kind.LICENSE, "shown [HARGR 805126 RT9PL] there"),
    (Kind.DATE, "in our unit from [3 may] on"),
    (Kind.AGE_90, "Lola Bautista, [92]: no tablets"),
    (Kind.CARD, "card [4111 1111 1111 1111] ok"),
    (Kind.SECRET, "key [AKIAIOSFODNN7EXAMPLE] here"),
    (Kind.SECRET, "use [sk-abcdefghijklmnop1234]"),
    (Kind.SECRET, "token [ghp_abcdefghijklmnopqrst1234]"),
    (Kind.SECRET, "Authorization: Bearer [abcdefghijklmnop.1234]"),
    (Kind.SECRET, "password: [hunter2]"),
    (Kind.SECRET, "jwt [eyJhbGciOiJI.eyJzdWIi.c2ln]"),
    (
        Kind.SECRET,
        "[-----BEGIN RSA PRIVATE_KEY-----\nMIIB\n-----END RSA PRIVATE KEY-----]".replace("_", " "),
    ),
]
CLEAN = [
    "Is Dr. Pepper sweeter than Dr. Seuss is funny?",
    "Explain Patient Safety and the Patient Portal",
    "product name: Great Widget",
    "It happened in 2021 and again in March",
    "version 1.2.10 of the library",
    "only 3 may enter",
    "The ratio 3/4 and the score 10-2",
    "call 911 now",
    "She sold 1234567890 grains",
    "000-12-3456 and 666-12-3456 and 912-12-3456",
    "4111 1111 1111 1112",
    "11M8GDM9A1KP04278",
    "account balance and member states, policy of 2019",
    "my password is secret, reset it",
    "password: str",
    "listen on 127.0.0.1 or 0.0.0.0 or 999.1.1.1",
    "http://localhost/",
    "GB83 WEST 1234 5698 7654 32",
    "the Surgeon General said so",
    "45/67/2022 and 99-99-99",
    "an 88-year-old bridge",
    "treated at ICU and referred to ENT by NICE",
    "trial NCT04280705, PMID 31978945, CVE-2021-44228",
    "he is 95 kg, she was 92 on room air, and I was 95 percent sure",
    "bill HCPCS J1745 or G0439",
    "125000 people, 48213 cases, 134217728 per copy, 1200-1500 or 2015-2016",
    "PMID 31978945 and doi 123456 and build 204171",
    "meet at the dot at noon",
    "GPT-4-turbo, COVID-19, ICD-10-CM and SARS-CoV-2",
    "CYP2D6, H1N1 and x86_64 are no names",
    "pain 7/10, power 4/5 on 3/5 days",
    "Oven Temperature 180C or Body Temperature 98F",
    "the second attempt was the first of many",
    "logo.png and index.html in the folder",
    "529.982.247 and 756.921 and 12345678A",
    "options a b c d e or bases A C G T A",
    "see ICD 10 and CPT99213 and ISO 27001",
]


@pytest.mark.parametrize(("kind", "marked"), FOUND)
def test_finds_each_kind_with_exact_borders(kind: Kind, marked: str) -> None:
    """The characters in brackets, and only these, form a span of the kind."""
    start = marked.index("[")
    end = marked.rindex("]") - 1
    text = marked[:start] + marked[start + 1 : end + 1] + marked[end + 2 :]
    spans = DETECTOR.scan(text).spans

    assert (start, end, kind) in [(span.start, span.end, span.kind) for span in spans]


@pytest.mark.parametrize("text", CLEAN)
def test_leaves_look_alikes_alone(text: str) -> None:
    """Nothing is found in everyday text that resembles an identifier."""
    assert DETECTOR.scan(text).spans == ()


def test_a_long_text_is_searched_in_windows_without_losing_its_ends() -> None:
    """Identifiers across every window border are found once."""
    identifier = "jane.roe@example.org"
    for offset in (0, 4_085, 4_096, 5_110, 9_000):
        text = "word " * (offset // 5) + " " * (offset % 5) + identifier + " word" * 3_000
        spans = DETECTOR.scan(text).spans

        assert [(span.start, span.end) for span in spans] == [(offset, offset + len(identifier))]
