"""column_words: what columns are called in the files of shops, in the languages they are written in, by field.

`match` says how well a column's name fits a field: 1 for the very words, less for a name that says more than them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NOT_WORD = re.compile(r"[^a-z0-9]+")
# Letters that no decomposition turns into plain ones.
_PLAIN = str.maketrans({"ł": "l", "ø": "o", "æ": "ae", "ß": "ss", "đ": "d", "œ": "oe", "#": " no ", "№": " no "})

# Names of one field are split by bars; what another field calls its own wins by fitting better.
WORDS: dict[str, str] = {
    "order.key": "order id|order number|order no|order|order ref|order reference|orderid|invoice no|invoice number|"
    "invoice|invoice id|sales order|transaction id|basket id|po number|bestellnummer|bestellung|bestell nr|"
    "auftragsnummer|auftrag|auftrags nr|rechnungsnummer|beleg nr|belegnummer|numero de commande|no commande|"
    "commande|id commande|n commande|numero commande|reference commande|numero de facture|facture|numero de pedido|"
    "pedido|id pedido|numero pedido|numero de factura|factura|numero ordine|ordine|id ordine|ordine no|fattura|"
    "numero fattura|ordernummer|bestelnummer|order nummer|factuurnummer|numer zamowienia|zamowienie|nr zamowienia|"
    "id zamowienia|numer faktury|ordernr|ordrenummer|ordre nr|cislo objednavky|objednavka|rendelesszam|comanda|"
    "numar comanda",
    "order.placed_at": "order date|date|order placed at|placed at|purchase date|purchase timestamp|purchased at|"
    "order purchase timestamp|created at|created|order time|ordered at|ordered on|invoice date|sale date|"
    "transaction date|date created|order created|bestelldatum|auftragsdatum|datum|rechnungsdatum|bestellt am|"
    "belegdatum|erstellt am|date de commande|date commande|date de facture|date de creation|commande le|fecha|"
    "fecha de pedido|fecha pedido|fecha de compra|fecha factura|data|data ordine|data dell ordine|data fattura|"
    "data acquisto|data do pedido|data pedido|data da compra|besteldatum|orderdatum|factuurdatum|data zamowienia|"
    "data zlozenia|data faktury|ordredato|dato|datum objednavky|order day|day",
    "order.number": "order name|order display number|order number formatted|friendly order number|merchant order id",
    "order.channel": "channel|sales channel|store|shop|marketplace|kanal|vertriebskanal|canal|canal de vente|"
    "canal de venta|canale|verkoopkanaal|kanal sprzedazy|source name",
    "order.currency": "currency|order currency|currency code|wahrung|waehrung|devise|moneda|divisa|valuta|waluta|"
    "mena|moeda",
    "order.customer": "customer id|customer|customer number|customer no|customer unique id|client id|buyer id|"
    "user id|account number|account id|kundennummer|kunden nr|kunde|kunden id|numero client|client|id client|"
    "code client|cliente|id cliente|codigo cliente|codice cliente|klantnummer|klant id|numer klienta|id klienta|"
    "klient|kundnummer",
    "order.name": "customer name|recipient name|recipient|ship name|shipping name|ship to name|buyer name|full name|"
    "name|delivery name|kundenname|empfanger|empfaenger|lieferadresse name|nom|nom du client|nom client|"
    "destinataire|nombre|nombre cliente|destinatario|nome|nome cliente|naam|klantnaam|ontvanger|imie i nazwisko|"
    "odbiorca|navn|namn",
    "order.email": "email|e mail|customer email|buyer email|email address|mail|billing email|contact email|"
    "e mail adresse|kunden email|courriel|adresse email|correo|correo electronico|indirizzo email|adres email",
    "order.phone": "phone|phone number|telephone|mobile|shipping phone|ship phone number|buyer phone number|telefon|"
    "telefonnummer|handy|mobil|tel|numero de telephone|telefono|movil|cellulare|telefone|telefoon|numer telefonu",
    "order.company": "company|shipping company|company name|firma|entreprise|societe|empresa|azienda|societa|bedrijf",
    "order.line1": "address|address 1|address line 1|street|shipping address|shipping address 1|shipping street|"
    "ship address 1|shipping address1|delivery address|strasse|adresse|lieferadresse|anschrift|"
    "strasse und hausnummer|rue|adresse 1|adresse de livraison|direccion|direccion de envio|calle|indirizzo|via|"
    "indirizzo di spedizione|endereco|adres|straat|ulica|adres dostawy",
    "order.line2": "address 2|address line 2|shipping address 2|shipping address2|ship address 2|adresszusatz|"
    "complement d adresse|adresse 2|direccion 2|indirizzo 2|complemento|adres 2",
    "order.postcode": "postcode|post code|postal code|zip|zip code|zipcode|shipping zip|shipping postcode|"
    "ship postal code|shipping postal code|plz|postleitzahl|code postal|codigo postal|cp|cap|codice postale|cep|"
    "kod pocztowy|postnummer|psc|iranyitoszam",
    "order.city": "city|town|shipping city|ship city|delivery city|ort|stadt|ville|ciudad|poblacion|citta|localita|"
    "cidade|stad|plaats|woonplaats|miasto|by|mesto|varos|oras",
    "order.region": "state|province|region|county|shipping state|shipping province|ship state|bundesland|departement|"
    "provincia|estado|regione|provincie|wojewodztwo|lan|kraj|uf",
    "order.country": "country|country code|shipping country|ship country|delivery country|land|lieferland|pays|pais|"
    "pais de envio|paese|nazione|panstwo|zeme|orszag|tara|maa",
    "order.pickup_point": "pickup point|pickup point id|pick up point|parcel shop|parcel shop id|parcelshop|locker|"
    "locker id|parcel locker|pudo|pudo id|branch|branch number|post office number|service point|service point id|"
    "access point|paketshop|packstation|paczkomat|point relais|punto de recogida|punto di ritiro|afhaalpunt|"
    "punkt odbioru|viddilennia|vydejni misto",
    "order.insured": "insured|insured value|insured amount|insurance|insurance value|insurance amount|"
    "shipping insurance|versicherungswert|versichert|assurance|valeur assuree|seguro|valor asegurado|assicurazione|"
    "verzekering|ubezpieczenie|kwota ubezpieczenia",
    "order.risk": "risk|risk level|fraud risk|order risk|risiko|betrugsrisiko|risque|niveau de risque|riesgo|"
    "nivel de riesgo|rischio|livello di rischio|risco|ryzyko",
    "order.shipping_method": "shipping method|ship service level|delivery method|shipping service|service level|"
    "versandart|versandmethode|mode de livraison|methode de livraison|metodo de envio|metodo di spedizione|"
    "verzendmethode|sposob dostawy|metoda dostawy",
    "order.note": "note|notes|customer note|comment|comments|order note|remarks|bemerkung|kommentar|anmerkung|"
    "hinweis|commentaire|remarque|nota|notas|observaciones|note cliente|opmerking|uwagi|komentarz",
    "order.discount": "order discount|discount total|discount amount|cart discount|total discount|discount|rabatt|"
    "gesamtrabatt|remise|remise totale|descuento|descuento total|sconto|sconto totale|desconto|korting|rabat",
    "order.shipping": "shipping|shipping total|shipping cost|shipping costs|shipping amount|shipping price|"
    "shipping fee|delivery cost|delivery fee|freight|postage|versand|versandkosten|porto|frais de port|"
    "frais de livraison|livraison|envio|gastos de envio|coste de envio|spedizione|spese di spedizione|"
    "costo spedizione|frete|verzendkosten|koszt dostawy|koszt wysylki|fragt|frakt",
    "order.tax": "tax|taxes|tax total|total tax|order tax|vat|vat total|sales tax|steuer|mwst|mehrwertsteuer|ust|tva|"
    "montant tva|iva|impuestos|importe iva|imposta|imposto|btw|podatek|moms|dph",
    "order.total": "order total|grand total|total|order total amount|total amount|total price|order amount|"
    "invoice total|amount due|gesamtbetrag|gesamtsumme|rechnungsbetrag|bestellsumme|endbetrag|total commande|"
    "montant total|total ttc|total pedido|importe total|totale|totale ordine|totale fattura|importo totale|"
    "valor total|totaal|orderbedrag|totaalbedrag|razem|suma|wartosc zamowienia|kwota",
    "order.approved_at": "approved at|order approved at|approval date|confirmed at|date approved|bestatigt am|"
    "freigegeben am",
    "order.fulfilled_at": "fulfilled at|shipped at|ship date|shipped date|shipping date|dispatch date|dispatched at|"
    "shipment date|delivered carrier date|handed over at|completed date|versanddatum|versendet am|lieferdatum|"
    "date d expedition|date expedition|expedie le|fecha de envio|fecha envio|data spedizione|data di spedizione|"
    "data envio|verzenddatum|verzonden op|data wysylki|afsendelsesdato",
    "order.delivered_at": "delivered at|delivery date|delivered date|delivered on|date delivered|"
    "delivered customer date|actual delivery date|zugestellt am|zustelldatum|geliefert am|date de livraison|"
    "livre le|fecha de entrega|entregado el|data consegna|data di consegna|data entrega|leverdatum|bezorgd op|"
    "data dostawy|data doreczenia",
    "order.canceled_at": "canceled at|cancelled at|cancellation date|cancel date|date cancelled|storniert am|"
    "stornodatum|annule le|date d annulation|fecha de cancelacion|data annullamento|geannuleerd op|data anulowania",
    "order.promised_on": "promised on|promised date|estimated delivery date|expected delivery date|promise date|"
    "due date|deliver by|latest delivery date|requested delivery date|wunschtermin|liefertermin|"
    "voraussichtliche lieferung|date de livraison prevue|livraison estimee|fecha estimada de entrega|"
    "consegna prevista|data prevista entrega|verwachte leverdatum|przewidywana data dostawy",
    "order.status": "status|order status|state|bestellstatus|auftragsstatus|statut|statut commande|estado|"
    "estado pedido|stato|stato ordine|situacao|orderstatus|status zamowienia|stav",
    "order.refunded": "refunded|refund amount|amount refunded|refunded total|refunded amount|erstattet|"
    "erstattungsbetrag|rembourse|montant rembourse|reembolsado|rimborsato|terugbetaald|zwrocono",
    "line.number": "line number|line no|item number|item no|line|order item id|line id|position|pos|positionsnummer|"
    "ligne|numero de ligne|linea|riga|regel|regelnummer|pozycja|sequence|order line",
    "line.external_id": "order item id|line item id|line id|item id|orderline id",
    "line.sku": "sku|stock code|item sku|product sku|lineitem sku|variant sku|seller sku|product id|item code|"
    "product code|article|article number|part number|asin|style|model number|artikelnummer|artikel nr|artnr|"
    "artikel|art nr|produktnummer|code article|reference article|reference produit|ref article|reference|"
    "codigo articulo|codigo producto|codigo|articulo|referencia|codice articolo|codice prodotto|codice|"
    "codigo do produto|artikelcode|productcode|kod produktu|symbol|indeks|varenummer|kod towaru",
    "line.title": "title|product name|product|item name|item|description|product title|item description|"
    "lineitem name|product description|product category name|goods|bezeichnung|artikelbezeichnung|produkt|"
    "produktname|beschreibung|artikelname|designation|produit|nom du produit|libelle|descripcion|producto|"
    "nombre del producto|descrizione|prodotto|nome prodotto|descricao|produto|omschrijving|productnaam|nazwa|"
    "nazwa produktu|opis|beskrivelse",
    "line.quantity": "quantity|qty|item quantity|lineitem quantity|quantity ordered|quantity purchased|units|pieces|"
    "pcs|count|item qty|order quantity|menge|anzahl|stuck|stueck|stuckzahl|quantite|qte|cantidad|unidades|quantita|"
    "qta|quantidade|aantal|hoeveelheid|ilosc|sztuk|antal|mnozstvi|mennyiseg|cantitate",
    "line.unit_price": "unit price|price|price per unit|item price|item cost|lineitem price|product price|price each|"
    "selling price|einzelpreis|stuckpreis|preis|preis pro stuck|verkaufspreis|prix unitaire|prix|pu|precio|"
    "precio unitario|prezzo|prezzo unitario|preco|preco unitario|stukprijs|prijs|eenheidsprijs|cena|"
    "cena jednostkowa|enhedspris|pris|a pris",
    "line.total": "line total|item total|line amount|amount|line price|total price|extended price|subtotal|row total|"
    "sales|revenue|sales amount|total|item subtotal|zeilensumme|positionsbetrag|betrag|gesamtpreis|summe|umsatz|"
    "montant|montant ligne|total ligne|importe|importe linea|importo|importo riga|totale riga|valor|valor total|"
    "bedrag|regeltotaal|regelbedrag|wartosc|kwota|belob",
    "line.discount": "line discount|item discount|lineitem discount|discount|item promotion discount|rabatt|"
    "positionsrabatt|remise|descuento|sconto|korting|rabat",
    "line.shipping": "freight value|item shipping|line shipping|shipping price|item freight|freight",
    "line.tax": "line tax|item tax|item total tax|line vat|lineitem tax|tax|vat|mwst|tva|iva|btw|vat amount",
    "line.ship_by": "ship by|ship by date|latest ship date|latest shipment date|shipping limit date|ship before|"
    "shipping deadline|dispatch by|dispatch by date|handling deadline|fulfill by|must ship by|versenden bis|"
    "versand bis|expedier avant|enviar antes de|spedire entro|verzenden voor|wyslac do",
    "line.site": "site|warehouse|warehouse id|warehouse code|location|location id|fulfilment center|"
    "fulfillment center|fulfilment|seller id|vendor id|seller|vendor|depot|lager|lagerort|standort|entrepot|"
    "almacen|magazzino|deposito|magazijn|magazyn|sklad",
    "line.tracking_number": "tracking number|tracking no|tracking|tracking code|tracking id|sendungsnummer|"
    "paketnummer|trackingnummer|numero de suivi|numero de seguimiento|numero di tracking|codigo de rastreio|"
    "volgnummer|numer przesylki|numer sledzenia",
    "line.carrier": "carrier|courier|shipping carrier|shipping provider|spediteur|paketdienst|transporteur|"
    "transportista|corriere|transportadora|vervoerder|przewoznik|kurier",
    "payment.amount": "payment amount|payment value|amount paid|paid amount|paid|amount|value|bezahlt|zahlbetrag|"
    "zahlungsbetrag|montant paye|paye|importe pagado|pagado|importo pagato|pagato|valor pago|betaald|"
    "betaald bedrag|zaplacono|kwota platnosci",
    "payment.number": "payment sequential|payment number|payment sequence|payment no|zahlungsnummer",
    "payment.method": "payment method|payment type|payment gateway|method|paid by|zahlungsart|zahlungsmethode|"
    "zahlungsweise|mode de paiement|moyen de paiement|forma de pago|metodo de pago|metodo di pagamento|"
    "forma de pagamento|betaalmethode|betaalwijze|metoda platnosci|forma platnosci|payment method title",
    "payment.reference": "payment reference|payment id|transaction id|transaction|receipt number|zahlungsreferenz|"
    "transaktionsnummer|reference de paiement|referencia de pago|id transazione|transactie id|id transakcji",
    "payment.paid_at": "paid at|payment date|paid on|date paid|paid date|bezahlt am|zahlungsdatum|zahlungseingang|"
    "paye le|date de paiement|fecha de pago|data pagamento|betaald op|betaaldatum|data platnosci",
    "sku.barcode": "barcode|ean|gtin|upc|isbn|ean13|codigo de barras|codice a barre|code barres|strichcode|"
    "kod kreskowy",
    "sku.weight_g": "weight g|weight grams|product weight g|weight in grams|gewicht g|poids g|peso g|grams",
    "sku.weight_kg": "weight kg|weight|gewicht kg|gewicht|poids kg|poids|peso kg|peso|waga",
    "sku.length_mm": "length mm|product length mm|lange mm|laenge mm",
    "sku.width_mm": "width mm|product width mm|breite mm",
    "sku.height_mm": "height mm|product height mm|hohe mm|hoehe mm",
    "sku.length_cm": "length cm|product length cm|lange cm|laenge cm|longueur cm|largo cm|lunghezza cm",
    "sku.width_cm": "width cm|product width cm|breite cm|largeur cm|ancho cm|larghezza cm",
    "sku.height_cm": "height cm|product height cm|hohe cm|hoehe cm|hauteur cm|alto cm|altezza cm",
    "sku.hs_code": "hs code|hs|tariff number|customs tariff number|zolltarifnummer|code douanier|codigo arancelario",
    "sku.origin": "country of origin|origin|origin country|ursprungsland|pays d origine|pais de origen|"
    "paese di origine",
}  # fmt: skip

# Words that stand beside a name without changing what it says.
BESIDE = frozenset({"eur", "usd", "gbp", "pln", "chf", "inr", "brl", "in", "incl", "inkl", "lineitem"})
# Short words that mean the same wherever they stand; others, like `via` and `by`, must be the whole name.
SHORT = frozenset({"sku", "qty", "zip", "plz", "vat", "tax", "ean"})
CANCELED = ("cancel", "storn", "annul", "anul", "void", "failed", "geannuleerd", "trash", "abgebrochen")
DELIVERED = (
    "delivered",
    "zugestellt",
    "livre",
    "entregad",
    "consegnat",
    "entregue",
    "bezorgd",
    "dostarczon",
    "leveret",
)
PAID_TABLE = ("payment", "zahlung", "paiement", "pago", "pagament", "betaling", "platnosc")


def plain(text: str) -> str:
    """Small letters without accents."""
    return "".join(
        char
        for char in unicodedata.normalize("NFKD", text.casefold().translate(_PLAIN))
        if not unicodedata.combining(char)
    )


@lru_cache(maxsize=4096)
def words_of(name: str) -> tuple[str, ...]:
    """OrderID, order-id and Order Id are the same two words."""
    return tuple(_NOT_WORD.sub(" ", plain(_CAMEL.sub(" ", name))).split())


@lru_cache(maxsize=4096)
def names_of(field: str) -> tuple[tuple[str, ...], ...]:
    """What columns of this field are called, the most usual first."""
    return tuple(words_of(name) for name in WORDS[field].split("|"))


def match(name: str, field: str) -> float:
    """How well a column's name fits: 1 by the very words, 0 not at all; the more usual word wins a tie."""
    words = words_of(name)
    return max((_fits(words, wanted) - place * 0.0001 for place, wanted in enumerate(names_of(field))), default=0.0)


def _fits(words: tuple[str, ...], wanted: tuple[str, ...]) -> float:
    if "".join(words) == "".join(wanted):
        return 1.0
    telling = [word for word in words if word not in BESIDE] or words
    if not set(wanted) <= set(telling) or (len(wanted) == 1 and len(wanted[0]) <= 3 and wanted[0] not in SHORT):
        return 0.0
    return 0.3 + 0.6 * len(wanted) / len(telling)


def mentions(text: str, stems: Iterable[str]) -> bool:
    """Does it speak of one of these: CANCELLED of `cancel`."""
    bare = plain(text)
    return any(stem in bare for stem in stems)
