# SPDX-License-Identifier: Apache-2.0
"""Places as wide as a state or wider, peoples and languages: no identifiers, whoever is there.

45 CFR 164.514(b)(2)(i)(B) counts geographic subdivisions smaller than a state. Each entry is one
name in small letters; a name of several words is joined by underscores.
"""

from __future__ import annotations

_COUNTRIES = (
    "afghanistan albania algeria andorra angola argentina armenia australia austria azerbaijan"
    " bahamas bahrain bangladesh barbados belarus belgium belize benin bhutan bolivia bosnia"
    " herzegovina botswana brazil brasil brunei bulgaria burkina_faso burundi cambodia cameroon"
    " canada cape_verde chad chile china colombia comoros congo costa_rica croatia cuba cyprus"
    " czechia czech_republic denmark djibouti dominica dominican_republic ecuador egypt"
    " el_salvador eritrea estonia eswatini ethiopia fiji finland france gabon gambia georgia"
    " germany deutschland ghana greece grenada guatemala guinea guyana haiti honduras hungary"
    " iceland india indonesia iran iraq ireland israel italy italia ivory_coast jamaica japan"
    " jordan kazakhstan kenya kiribati korea south_korea north_korea kosovo kuwait kyrgyzstan"
    " laos latvia lebanon lesotho liberia libya liechtenstein lithuania luxembourg madagascar"
    " malawi malaysia maldives mali malta mauritania mauritius mexico méxico micronesia moldova"
    " monaco mongolia montenegro morocco mozambique myanmar burma namibia nauru nepal netherlands"
    " holland new_zealand nicaragua niger nigeria norway oman pakistan palau palestine panama"
    " papua_new_guinea paraguay peru perú philippines poland portugal qatar romania russia rwanda"
    " samoa san_marino saudi_arabia senegal serbia seychelles sierra_leone singapore slovakia"
    " slovenia somalia south_africa spain españa sri_lanka sudan suriname sweden switzerland syria"
    " taiwan tajikistan tanzania thailand togo tonga trinidad tunisia turkey türkiye turkmenistan"
    " tuvalu uganda ukraine united_arab_emirates uae united_kingdom uk great_britain britain"
    " england scotland wales northern_ireland united_states united_states_of_america usa us u.s"
    " america uruguay uzbekistan vanuatu vatican venezuela vietnam việt_nam yemen zambia zimbabwe"
    " greenland hong_kong macau puerto_rico guam tibet kurdistan"
)
_STATES = (
    "alabama alaska arizona arkansas california colorado connecticut delaware florida hawaii idaho"
    " illinois indiana iowa kansas kentucky louisiana maine maryland massachusetts michigan"
    " minnesota mississippi missouri montana nebraska nevada new_hampshire new_jersey new_mexico"
    " new_york_state north_carolina north_dakota ohio oklahoma oregon pennsylvania rhode_island"
    " south_carolina south_dakota tennessee texas utah vermont virginia west_virginia"
    " washington_state wisconsin wyoming new_england midwest appalachia ontario quebec québec"
    " british_columbia alberta manitoba saskatchewan nova_scotia new_brunswick newfoundland yukon"
    " nunavut queensland victoria tasmania new_south_wales bavaria bayern saxony hesse thuringia"
    " brandenburg catalonia andalusia galicia lombardy tuscany sicily sardinia piedmont veneto"
    " normandy brittany provence alsace burgundy aquitaine bihar punjab kerala gujarat rajasthan"
    " maharashtra karnataka tamil_nadu uttar_pradesh assam odisha guangdong sichuan yunnan hunan"
    " hubei henan xinjiang chiapas jalisco bahia minas_gerais hokkaido okinawa siberia crimea"
)
_WIDE = (
    "africa asia europe antarctica oceania australasia eurasia north_america south_america"
    " latin_america central_america middle_east far_east caribbean scandinavia balkans baltic"
    " mediterranean pacific atlantic arctic antarctic indian_ocean pacific_ocean atlantic_ocean"
    " sahara himalayas alps andes rockies amazon nile danube mississippi_river ohio_river_valley"
    " east_asia southeast_asia south_asia central_asia western_europe eastern_europe west_africa"
    " east_africa sub-saharan_africa north_africa european_union eu earth mars moon"
    " northern_hemisphere southern_hemisphere soviet_union ussr ottoman_empire roman_empire"
)
_PEOPLES = (
    "american african african-american african_american asian european hispanic latino latina"
    " latinx caucasian white black native_american indigenous arab jewish muslim christian hindu"
    " buddhist catholic protestant sikh english british scottish welsh irish french german spanish"
    " italian portuguese dutch belgian swiss austrian danish swedish norwegian finnish icelandic"
    " polish czech slovak hungarian romanian bulgarian serbian croatian slovenian bosnian albanian"
    " greek turkish russian ukrainian belarusian lithuanian latvian estonian georgian armenian"
    " azerbaijani iranian persian iraqi syrian lebanese israeli palestinian saudi egyptian moroccan"
    " algerian tunisian libyan sudanese ethiopian somali kenyan ugandan tanzanian nigerian ghanaian"
    " senegalese congolese zimbabwean zambian indian pakistani bangladeshi nepali tibetan burmese"
    " thai lao cambodian khmer vietnamese malay malaysian indonesian filipino chinese mandarin"
    " cantonese taiwanese japanese korean mongolian australian canadian mexican cuban haitian"
    " jamaican brazilian argentine argentinian chilean peruvian colombian venezuelan ashkenazi"
    " sephardic slavic nordic celtic latin hebrew arabic hindi urdu bengali tamil telugu punjabi"
    " gujarati swahili yoruba igbo zulu tagalog amish"
)

WIDE_PLACES = frozenset(f"{_COUNTRIES} {_STATES} {_WIDE} {_PEOPLES}".split())
