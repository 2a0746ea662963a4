"""sample_places: real-format addresses and plausible names for the sample; the people are invented."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """A city with a true postcode; `streets` take a number at `{}`."""

    country: str
    city: str
    region: str
    region_name: str
    postcode: str
    street: str


# country|city|province code|province name|postcode|street
PLACES = """
US|Jersey City|NJ|New Jersey|07302|{} Grove Street
US|Princeton|NJ|New Jersey|08540|{} Nassau Street
US|Brooklyn|NY|New York|11201|{} Court Street
US|Rochester|NY|New York|14607|{} Park Avenue
US|Boston|MA|Massachusetts|02116|{} Newbury Street
US|Chicago|IL|Illinois|60614|{} North Clark Street
US|Austin|TX|Texas|78704|{} South Congress Avenue
US|Denver|CO|Colorado|80203|{} Pearl Street
US|Seattle|WA|Washington|98103|{} Fremont Avenue North
US|Portland|OR|Oregon|97214|{} SE Hawthorne Boulevard
US|San Diego|CA|California|92103|{} University Avenue
US|Honolulu|HI|Hawaii|96815|{} Kalakaua Avenue
CA|Toronto|ON|Ontario|M5V 2T6|{} Richmond Street West
CA|Montréal|QC|Quebec|H2T 1S6|{} boulevard Saint-Laurent
CA|Vancouver|BC|British Columbia|V6B 1H6|{} Hamilton Street
GB|Bristol|||BS1 5TR|{} Park Street
GB|Leeds|||LS1 6DT|{} Park Row
GB|Edinburgh|||EH2 2ER|{} George Street
IE|Dublin|D|Dublin|D02 X285|{} Baggot Street Lower
DE|Berlin|||10435|Kastanienallee {}
DE|Hamburg|||22767|Große Elbstraße {}
DE|München|||80469|Reichenbachstraße {}
AT|Wien|||1070|Neubaugasse {}
CH|Zürich|||8004|Langstrasse {}
FR|Lyon|||69002|{} rue Mercière
FR|Paris|||75011|{} rue Oberkampf
BE|Gent|||9000|Vlaanderenstraat {}
NL|Utrecht|||3512 JE|Oudegracht {}
NL|Amsterdam|||1016 GB|Prinsengracht {}
PL|Wrocław|||50-001|ul. Świdnicka {}
PL|Gdańsk|||80-831|ul. Długa {}
PL|Kraków|||31-042|ul. Grodzka {}
CZ|Praha|||110 00|Dlouhá {}
SK|Bratislava|||811 01|Obchodná {}
HU|Budapest|||1075|Kazinczy utca {}
RO|Cluj-Napoca|CJ|Cluj|400112|Strada Eroilor {}
ES|Madrid|M|Madrid|28004|Calle de Fuencarral {}
ES|Barcelona|B|Barcelona|08012|Carrer de Verdi {}
PT|Porto|||4050-291|Rua das Flores {}
IT|Torino|TO|Torino|10123|Via Po {}
IT|Bologna|BO|Bologna|40126|Via Zamboni {}
GR|Αθήνα|||105 57|Ερμού {}
SE|Göteborg|||411 10|Haga Nygata {}
DK|Aarhus|||8000|Mejlgade {}
NO|Bergen|||5003|Nygårdsgaten {}
FI|Tampere|||33100|Hämeenkatu {}
EE|Tallinn|||10133|Telliskivi tänav {}
LT|Vilnius|||01100|Pilies gatvė {}
UA|Київ|||01030|вулиця Ярославів Вал, {}
UA|Львів|||79000|вулиця Краківська, {}
TR|İzmir|35|İzmir|35220|Kıbrıs Şehitleri Caddesi No {}
IL|Tel Aviv|||6578401|{} Rothschild Boulevard
AE|Dubai|DU|Dubai||Villa {}, Al Wasl Road
IN|Bengaluru|KA|Karnataka|560001|{} Church Street
IN|Mumbai|MH|Maharashtra|400050|{} Hill Road
SG|Singapore|||169358|{} Tiong Bahru Road
MY|Kuala Lumpur|KUL|Kuala Lumpur|50450|{} Jalan Ampang
TH|Bangkok|TH-10|Bangkok|10110|{} Sukhumvit Road
VN|Hà Nội|HN|Hà Nội|100000|{} phố Hàng Gai
PH|Makati|PH-00|Metro Manila|1210|{} Jupiter Street
JP|渋谷区|JP-13|東京都|150-0001|神宮前{}丁目1-8
JP|Kyoto|JP-26|Kyoto|604-8005|{} Kawaramachi-dori
KR|Mapo-gu|KR-11|Seoul|04053|{} Hongik-ro
HK|Central|HK|Hong Kong Island||{} Hollywood Road
AU|Melbourne|VIC|Victoria|3065|{} Brunswick Street
NZ|Wellington|WGN|Wellington|6011|{} Cuba Street
ZA|Cape Town|WC|Western Cape|8001|{} Long Street
ZA|Johannesburg|GP|Gauteng|2196|{} Jan Smuts Avenue
KE|Nairobi|||00100|{} Kimathi Street
NG|Lagos|LA|Lagos|101241|{} Awolowo Road
GH|Accra||||{} Oxford Street, Osu
EG|Cairo|C|Cairo|11511|{} Talaat Harb Street
MA|Casablanca|||20250|{} boulevard d'Anfa
BR|São Paulo|SP|São Paulo|05435-000|Rua Harmonia, {}
MX|Ciudad de México|CMX|Ciudad de México|06700|Calle Orizaba {}
"""

# First and last names by country; what is not listed takes those of "*".
NAMES = """
US: Avery Jordan Riley Morgan Casey Harper Quinn Rowan / Whitlock Marsden Holloway Pruett Calloway Thorne
CA: Élodie Owen Maëlle Nora Félix / Tremlay Beaucourt Ashdown Kerrigan
GB: Imogen Alfie Freya Rhys Isla / Pemberley Hathersage Croft Winslade
IE: Aoife Cian Niamh Oisín / Byrnes Kilbride Scanlan
DE: Lina Jonas Frieda Emil Greta / Bergholz Lindqvist Kesselmann Waldow
AT: Lena Valentin / Steinthaler Hofgarten
CH: Nina Reto / Bachmatt Zellwies
FR: Camille Théo Manon Lucien / Delaroche Vaucelles Montigny
BE: Lotte Wout / Vandermeer Goosens
NL: Sanne Daan Fenna / de Wildt van der Linde 't-Hoen
PL: Zofia Kacper Hania Tymon / Borowicka Zalewny Leszczak
CZ: Eliška Matěj / Horáčik Vlnová
SK: Ema Šimon / Kováčin
HU: Luca Ádám / Szentesi Bárány
RO: Ioana Matei / Dobrescu Munteanu
ES: Lucía Hugo Vera / Robledal Santacana Olivares
PT: Leonor Tomás / Figueiral Montalvo
IT: Giada Elio Bianca / Castellari Fontevivo Belmondi
GR: Ελένη Νίκος / Παπαδήμα Βουνάτος
SE: Alva Nils / Sjögrund Ekdahl
DK: Freja Malthe / Søndergren
NO: Ingrid Sindre / Fjellheim
FI: Aino Eetu / Järvikoski
EE: Liis Rasmus / Tammeveski
LT: Ugnė Jonas / Vilkauskas
UA: Оксана Тарас Соломія / Вербицька Гайовий Мельниченко
TR: Elif Kerem / Yıldızoğlu
IL: Noa Eitan / Halevy-Shamir
AE: Mariam Saeed / Al Noori
IN: Ananya Rohan Kavya / Deshmane Iyerson Bhatkar
SG: Wei Ling Jun Hao / Tanaka-Lim
MY: Aisyah Farid / Rahmanto
TH: Ploy Anan / Srisukhon
VN: Linh Minh / Nguyenvu
PH: Althea Paolo / Villaruel
JP: Haruka Sota / Mizushima Kurosato
KR: Seo-yeon Ji-ho / Hanbyul
HK: Ka-yan Tsz-ho / Lauwing
AU: Matilda Banjo / Wattleford
NZ: Aroha Tane / Kaurivale
ZA: Thandi Pieter / Mokoenga Van Rooyek
KE: Wanjiru Otieno / Kamande
NG: Adaeze Tunde / Okonjoh
GH: Abena Kofi / Mensahby
EG: Nour Karim / El-Sawyan
MA: Salma Yassine / Benjellal
BR: Larissa Caio / Figueirense
MX: Ximena Emiliano / Robletón
"""


def places() -> list[Place]:
    return [Place(*line.split("|")) for line in PLACES.strip().splitlines()]


def names() -> dict[str, tuple[list[str], list[str]]]:
    """First names and last names by country; a last name may have two words, joined by `-` or kept by rule."""
    found = {}
    for line in NAMES.strip().splitlines():
        country, both = line.split(": ", 1)
        first, last = both.split(" / ")
        found[country] = (first.split(), _last_names(last))
    return found


def _last_names(text: str) -> list[str]:
    """Words that begin small, or `Al`, `El` and `Van`, belong to the word after them."""
    parts: list[str] = []
    waiting = ""
    for word in text.split():
        if word[0].islower() or word in ("Al", "El", "Van"):
            waiting += word + " "
        else:
            parts.append(waiting + word)
            waiting = ""
    return parts
