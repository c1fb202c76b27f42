/**
 * The 249 officially assigned codes of ISO 3166-1, with the English names that reports write instead of them.
 * Without UK, EU, ZZ and the other codes that look like countries and are none.
 */
const table = `
AD Andorra
AE United Arab Emirates
AF Afghanistan
AG Antigua & Barbuda
AI Anguilla
AL Albania
AM Armenia
AO Angola
AQ Antarctica
AR Argentina
AS American Samoa
AT Austria
AU Australia
AW Aruba
AX Åland Islands | Aland Islands
AZ Azerbaijan
BA Bosnia & Herzegovina | Bosnia
BB Barbados
BD Bangladesh
BE Belgium
BF Burkina Faso
BG Bulgaria
BH Bahrain
BI Burundi
BJ Benin
BL St. Barthélemy | Saint Barthelemy
BM Bermuda
BN Brunei | Brunei Darussalam
BO Bolivia | Bolivia, Plurinational State of
BQ Caribbean Netherlands | Bonaire, Sint Eustatius and Saba
BR Brazil
BS Bahamas | The Bahamas
BT Bhutan
BV Bouvet Island
BW Botswana
BY Belarus
BZ Belize
CA Canada
CC Cocos (Keeling) Islands | Cocos Islands
CD Congo - Kinshasa | Democratic Republic of the Congo | Congo, Democratic Republic of the | DR Congo | Congo (DRC)
CF Central African Republic
CG Congo - Brazzaville | Republic of the Congo | Congo, Republic of the
CH Switzerland
CI Côte d’Ivoire | Ivory Coast
CK Cook Islands
CL Chile
CM Cameroon
CN China
CO Colombia
CR Costa Rica
CU Cuba
CV Cape Verde | Cabo Verde
CW Curaçao
CX Christmas Island
CY Cyprus
CZ Czechia | Czech Republic
DE Germany
DJ Djibouti
DK Denmark
DM Dominica
DO Dominican Republic
DZ Algeria
EC Ecuador
EE Estonia
EG Egypt
EH Western Sahara
ER Eritrea
ES Spain
ET Ethiopia
FI Finland
FJ Fiji
FK Falkland Islands | Falkland Islands (Islas Malvinas) | Falkland Islands (Malvinas)
FM Micronesia | Micronesia, Federated States of | Federated States of Micronesia
FO Faroe Islands
FR France
GA Gabon
GB United Kingdom | UK | Great Britain | United Kingdom of Great Britain and Northern Ireland
GD Grenada
GE Georgia
GF French Guiana
GG Guernsey
GH Ghana
GI Gibraltar
GL Greenland
GM Gambia | The Gambia
GN Guinea
GP Guadeloupe
GQ Equatorial Guinea
GR Greece
GS South Georgia & South Sandwich Islands | South Georgia and the South Sandwich Islands
GT Guatemala
GU Guam
GW Guinea-Bissau
GY Guyana
HK Hong Kong SAR China | Hong Kong
HM Heard & McDonald Islands | Heard Island and McDonald Islands
HN Honduras
HR Croatia
HT Haiti
HU Hungary
ID Indonesia
IE Ireland
IL Israel
IM Isle of Man
IN India
IO British Indian Ocean Territory
IQ Iraq
IR Iran | Iran, Islamic Republic of
IS Iceland
IT Italy
JE Jersey
JM Jamaica
JO Jordan
JP Japan
KE Kenya
KG Kyrgyzstan
KH Cambodia
KI Kiribati
KM Comoros
KN St. Kitts & Nevis
KP North Korea | Korea, Democratic People's Republic of
KR South Korea | Korea, Republic of | Republic of Korea
KW Kuwait
KY Cayman Islands
KZ Kazakhstan
LA Laos | Lao People's Democratic Republic
LB Lebanon
LC St. Lucia
LI Liechtenstein
LK Sri Lanka
LR Liberia
LS Lesotho
LT Lithuania
LU Luxembourg
LV Latvia
LY Libya
MA Morocco
MC Monaco
MD Moldova | Republic of Moldova | Moldova, Republic of
ME Montenegro
MF St. Martin | Saint Martin (French part)
MG Madagascar
MH Marshall Islands
MK North Macedonia | Macedonia (FYROM) | Macedonia | The former Yugoslav Republic of Macedonia
ML Mali
MM Myanmar (Burma) | Myanmar | Burma
MN Mongolia
MO Macao SAR China | Macau | Macao
MP Northern Mariana Islands
MQ Martinique
MR Mauritania
MS Montserrat
MT Malta
MU Mauritius
MV Maldives
MW Malawi
MX Mexico
MY Malaysia
MZ Mozambique
NA Namibia
NC New Caledonia
NE Niger
NF Norfolk Island
NG Nigeria
NI Nicaragua
NL Netherlands | The Netherlands | Holland
NO Norway
NP Nepal
NR Nauru
NU Niue
NZ New Zealand
OM Oman
PA Panama
PE Peru
PF French Polynesia
PG Papua New Guinea
PH Philippines | The Philippines
PK Pakistan
PL Poland
PM St. Pierre & Miquelon
PN Pitcairn Islands | Pitcairn
PR Puerto Rico
PS Palestinian Territories | Palestine | State of Palestine | Palestine, State of | Palestinian Territory
PT Portugal
PW Palau
PY Paraguay
QA Qatar
RE Réunion
RO Romania
RS Serbia
RU Russia | Russian Federation
RW Rwanda
SA Saudi Arabia
SB Solomon Islands
SC Seychelles
SD Sudan
SE Sweden
SG Singapore
SH St. Helena | Saint Helena, Ascension and Tristan da Cunha
SI Slovenia
SJ Svalbard & Jan Mayen | Svalbard
SK Slovakia
SL Sierra Leone
SM San Marino
SN Senegal
SO Somalia
SR Suriname
SS South Sudan
ST São Tomé & Príncipe
SV El Salvador
SX Sint Maarten | Sint Maarten (Dutch part)
SY Syria | Syrian Arab Republic
SZ Eswatini | Swaziland
TC Turks & Caicos Islands
TD Chad
TF French Southern Territories | French Southern and Antarctic Lands
TG Togo
TH Thailand
TJ Tajikistan
TK Tokelau
TL Timor-Leste | East Timor
TM Turkmenistan
TN Tunisia
TO Tonga
TR Türkiye | Turkey | Turkiye
TT Trinidad & Tobago
TV Tuvalu
TW Taiwan | Taiwan, Province of China
TZ Tanzania | Tanzania, United Republic of | United Republic of Tanzania
UA Ukraine
UG Uganda
UM U.S. Outlying Islands | United States Minor Outlying Islands
US United States | USA | United States of America
UY Uruguay
UZ Uzbekistan
VA Vatican City | Vatican | Holy See | Holy See (Vatican City State)
VC St. Vincent & Grenadines
VE Venezuela | Venezuela, Bolivarian Republic of
VG British Virgin Islands | Virgin Islands, British | Virgin Islands (British)
VI U.S. Virgin Islands | Virgin Islands, U.S. | Virgin Islands (U.S.) | US Virgin Islands
VN Vietnam | Viet Nam
VU Vanuatu
WF Wallis & Futuna
WS Samoa
YE Yemen
YT Mayotte
ZA South Africa
ZM Zambia
ZW Zimbabwe
`;

const entries = table
  .trim()
  .split("\n")
  .map((line) => ({ code: line.slice(0, 2), names: line.slice(3).split(" | ") }));

/** Every code there is. */
export const countryCodes: readonly string[] = entries.map(({ code }) => code);

const byName = new Map(entries.flatMap(({ code, names }) => names.map((name) => [plainName(name), code] as const)));

/** The code of a country by its English name, without regard to case, accents and punctuation. */
export function countryNamed(name: string): string | undefined {
  return byName.get(plainName(name));
}

function plainName(name: string): string {
  return name
    .normalize("NFD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replaceAll("&", " and ")
    .replace(/\bst\b\.?/g, "saint")
    .replace(/[^a-z]+/g, " ")
    .trim();
}
