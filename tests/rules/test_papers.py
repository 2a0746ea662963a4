"""Papers say what they were given: totals as text, barcodes that scan, and nothing that a buyer typed as a command."""

from __future__ import annotations

import base64
import binascii
import io
import re
import zlib
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from itertools import chain, cycle, islice, repeat
from typing import Any

import msgspec
import pypdfium2
import pytest
import typst
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from doorstep.journey.cash.papers import (
    Invoice,
    InvoiceFee,
    InvoiceLine,
    InvoiceParty,
    InvoicePayment,
    InvoiceTax,
    invoice,
)
from doorstep.journey.fulfillment.papers import (
    PackingSlip,
    PickLine,
    PickList,
    SlipLine,
    packing_slip,
    pick_list,
)
from doorstep.journey.shipping.customs_papers import customs_papers, sdr_rate
from doorstep.journey.shipping.form_words import language_of
from doorstep.journey.shipping.papers import (
    CommercialInvoice,
    CustomsDeclaration,
    CustomsItem,
    CustomsParty,
    Label,
    ManifestLine,
    ManifestList,
    PackingList,
    cn22,
    cn23,
    commercial_invoice,
    label,
    manifest_list,
    packing_list,
)
from doorstep.kit.paper import (
    FONTS,
    PACKAGE,
    Address,
    NotDrawable,
    Paper,
    address_lines,
    code128,
    paragraphs,
    printable,
    qr,
    scannable,
    spelled_date,
    sscc,
    zpl_of_pdf,
)
from tests import hostile

replace = msgspec.structs.replace

NEWARK = Address(
    name="Dock 4",
    company="Harbor Mugs",
    line1="1200 Dock Street",
    city="Newark",
    region="NJ",
    postcode="07102",
    country="US",
    phone="+1 973 555 0100",
)
BERLIN = Address(name="Anna Müller", line1="Lindenallee 12a", city="Berlin", postcode="10115", country="DE")
CAIRO = Address(name="محمد عبد الرحمن", line1="شارع التحرير 12", city="القاهرة", postcode="11511", country="EG")

LABEL = Label(
    carrier="Meridian Post",
    service="International Tracked",
    tracking_number="MP123456785US",
    ship_from=NEWARK,
    ship_to=BERLIN,
    weight_g=1250,
    parcel_index=2,
    parcel_count=3,
    reference="#10042",
    instructions="Leave with a neighbor.",
    shipped_on=date(2026, 11, 23),
)
SLIP = PackingSlip(
    merchant="Harbor Mugs",
    order_number="#10042",
    fulfillment_order="fo_3kq9x2m7",
    ship_from=NEWARK,
    ship_to=BERLIN,
    lines=(
        SlipLine(sku="MUG-DAWN", title="Mug “Harbor at Dawn”", variant="350 ml", quantity=2, ordered=2),
        SlipLine(sku="CHG-65", title="USB-C charger", quantity=1, ordered=3, lot="L7"),
    ),
    ordered_on=date(2026, 11, 20),
    gift_message="Happy birthday!\nYours, Max",
)
PICKS = PickList(
    number="PL-000123",
    site="EWR1",
    lines=(
        PickLine(bin="A-01-02", sku="MUG-DAWN", title="Mug", quantity=3, barcode="5901234123457", tote="T1"),
        PickLine(bin="A-01-07", sku="CHG-65", title="Charger", quantity=1, order_number="#10042"),
    ),
)
DECLARATION = CustomsDeclaration(
    sender=CustomsParty(address=NEWARK, tax_id="12-3456789"),
    recipient=CustomsParty(address=BERLIN, vat_number="DE123456789"),
    items=(
        CustomsItem(
            description="Ceramic mug", quantity=2, net_weight_g=780, value_minor=3998, hs_code="6912.00", origin="PT"
        ),
        CustomsItem(
            description="Charger", quantity=1, net_weight_g=210, value_minor=4500, hs_code="8504.40", origin="CN"
        ),
    ),
    currency="USD",
    declared_on=date(2026, 11, 23),
    gross_weight_g=1250,
    post="Meridian Post",
    tracking_number="MP123456785US",
    ioss="IM2760000742",
    signed_by="J. Rivera",
)
EXPORT = CommercialInvoice(
    number="HM-2026-000042",
    issued_on=date(2026, 11, 23),
    seller=DECLARATION.sender,
    consignee=DECLARATION.recipient,
    items=DECLARATION.items,
    currency="USD",
    incoterm="DAP",
    incoterm_place="Berlin",
    freight_minor=1890,
    ioss="IM2760000742",
    signed_by="J. Rivera",
)
PACKING = PackingList(
    number="par_42",
    issued_on=date(2026, 11, 23),
    seller=DECLARATION.sender,
    consignee=DECLARATION.recipient,
    items=DECLARATION.items,
    tracking_number="MP123456785US",
    gross_weight_g=1250,
    size_mm=(300, 200, 150),
    language="de",
)
INVOICE = Invoice(
    number="HM-2026-000042",
    issued_on=date(2026, 11, 23),
    merchant="Harbor Mugs",
    seller=InvoiceParty(address=NEWARK, vat_number="EU372000041"),
    buyer=InvoiceParty(address=BERLIN),
    currency="EUR",
    lines=(
        InvoiceLine(
            title="Mug",
            sku="MUG-DAWN",
            quantity=2,
            unit_price=Decimal("19.99"),
            discount_minor=400,
            total_minor=3598,
            tax_rate=Decimal(19),
        ),
        InvoiceLine(title="Sticker", quantity=1000, unit_price=Decimal("0.0125"), total_minor=1250),
    ),
    subtotal_minor=4848,
    discount_minor=500,
    shipping_minor=490,
    fees=(InvoiceFee(name="Gift wrap", amount_minor=250),),
    tax_included=True,
    taxes=(InvoiceTax(name="VAT", rate=Decimal(19), base_minor=4276, amount_minor=812),),
    total_minor=5088,
    paid_minor=5000,
    payments=(InvoicePayment(paid_on=date(2026, 11, 20), method="Card", amount_minor=5000),),
    payment_term="prepaid",
    order_number="#10042",
)
MANIFEST = ManifestList(
    number="man_77",
    carrier="Meridian Post",
    manifest_ref="MNF-2026-0042",
    merchant="Harbor Mugs",
    ship_from=NEWARK,
    made_on=date(2026, 11, 23),
    lines=tuple(
        ManifestLine(
            tracking_number=f"MP{number:09d}US", order_number=f"#{number}", service="Tracked", to="DE 10115 Berlin",
            weight_g=1250,
        )
        for number in range(120)
    ),
)  # fmt: skip
EVERY_PAPER: dict[str, tuple[Callable[[Any], Paper], Any]] = {
    "label": (label, LABEL),
    "packing slip": (packing_slip, SLIP),
    "pick list": (pick_list, PICKS),
    "CN 22": (cn22, DECLARATION),
    "CN 23": (cn23, DECLARATION),
    "CN 22 in Ukrainian": (cn22, replace(DECLARATION, language="uk")),
    "CN 23 in German": (cn23, replace(DECLARATION, language="de")),
    "commercial invoice": (commercial_invoice, EXPORT),
    "commercial invoice in Polish": (commercial_invoice, replace(EXPORT, language="pl", statements=("NOEEI § 30.36",))),
    "packing list": (packing_list, PACKING),
    "invoice": (invoice, INVOICE),
    "manifest": (manifest_list, MANIFEST),
    "credit note": (invoice, replace(INVOICE, kind="credit_note", corrects="HM-2026-000041")),
}
each_paper = pytest.mark.parametrize(("draw", "of"), EVERY_PAPER.values(), ids=EVERY_PAPER.keys())


def text_of(paper: Paper) -> str:
    """What a reader could copy from the PDF; line breaks inside a sentence are spaces."""
    with pypdfium2.PdfDocument(paper.pdf()) as pdf:
        pages = [page.get_textpage().get_text_range() for page in pdf]
    return re.sub(r"\s+", " ", " ".join(pages))


def scanned(picture: Image.Image) -> set[str]:
    return {found.text for found in zxingcpp.read_barcodes(picture)}


def scanned_pages(paper: Paper, ppi: float = 203) -> set[str]:
    return set().union(*(scanned(Image.open(io.BytesIO(page)).convert("L")) for page in paper.png(ppi)))


ZPL_LABEL = re.compile(
    rb"\^XA\^PW(\d+)\^LL(\d+)\^LH0,0\^FO0,0\^GFA,(\d+),\3,(\d+),:Z64:([A-Za-z0-9+/=]+):([0-9A-F]{4})\^FS\^PQ1\^XZ\n"
)


def printed_by(zpl: bytes) -> list[Image.Image]:
    """What the printer's head would burn, from the commands alone; nothing but known commands is accepted."""
    assert ZPL_LABEL.sub(b"", zpl) == b""
    pictures = []
    for width, height, total, row_bytes, packed, crc in ZPL_LABEL.findall(zpl):
        assert binascii.crc_hqx(packed, 0) == int(crc, 16)
        dots = zlib.decompress(base64.b64decode(packed))
        assert len(dots) == int(total) == int(row_bytes) * int(height)
        inked = bytes(byte ^ 0xFF for byte in dots)
        pictures.append(Image.frombytes("1", (int(width), int(height)), inked, "raw", "1", int(row_bytes)).convert("L"))
    return pictures


# barcodes


def test_the_label_scans_as_its_tracking_number_and_its_route() -> None:
    assert scanned_pages(label(LABEL)) == {"MP123456785US", "MP123456785US|DE 10115"}


def test_the_bitmap_sent_to_the_printer_scans_as_the_page_does() -> None:
    (printed,) = printed_by(label(LABEL).zpl())
    assert printed.size == (812, 1218)
    assert scanned(printed) == {"MP123456785US", "MP123456785US|DE 10115"}


def test_a_cod_label_for_a_trade_customer_says_what_to_collect_and_carries_its_sscc() -> None:
    paper = label(replace(LABEL, ship_to=CAIRO, cod_amount_minor=129900, cod_currency="EGP", sscc="340123450000000017"))
    assert "COLLECT ON DELIVERY 1,299.00 EGP" in text_of(paper)
    codes = zxingcpp.read_barcodes(printed_by(paper.zpl())[0])
    assert "(00)340123450000000017" in {code.text for code in codes if code.content_type is zxingcpp.ContentType.GS1}
    assert "MP123456785US" in {code.text for code in codes}


@settings(max_examples=25, deadline=None)
@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=4, max_size=20))
def test_any_tracking_number_survives_the_printer(number: str) -> None:
    assert number in scanned(printed_by(label(replace(LABEL, tracking_number=number)).zpl())[0])


@pytest.mark.parametrize("number", ["9" * 34, "追跡-7788-ДОРІГ", "1Z999AA10123456784"])
def test_long_and_foreign_tracking_numbers_scan_too(number: str) -> None:
    assert number in scanned_pages(label(replace(LABEL, tracking_number=number)))


def test_each_stop_of_a_pick_list_can_be_scanned() -> None:
    assert scanned_pages(pick_list(PICKS)) == {"PL-000123", "5901234123457", "CHG-65"}


def test_the_packing_slip_scans_as_its_fulfillment_order() -> None:
    assert scanned_pages(packing_slip(SLIP)) == {"fo_3kq9x2m7"}


def test_a_manifest_scans_as_its_number_and_lists_every_parcel_over_its_pages() -> None:
    paper = manifest_list(MANIFEST)
    assert "MNF-2026-0042" in scanned_pages(paper)
    text = text_of(paper)
    assert "120 parcels" in text and "150 kg" in text and "Signature" in text
    assert all(f"#{number} " in text for number in range(120))


def test_a_carriers_own_label_becomes_the_same_picture_for_a_label_printer() -> None:
    own = label(LABEL).pdf()
    (printed,) = printed_by(zpl_of_pdf(own))
    assert printed.size == (812, 1218)
    assert "MP123456785US" in scanned(printed)
    for broken in (b"", b"%PDF-1.7\n%%EOF", b"<html>502</html>", own[:400]):
        with pytest.raises(NotDrawable):
            zpl_of_pdf(broken)


def test_a_cn23_scans_as_its_tracking_number() -> None:
    assert scanned_pages(cn23(DECLARATION)) == {"MP123456785US"}


@pytest.mark.parametrize("made", [code128("ABC-123"), qr("Дорога 7"), sscc("3" * 18)])
def test_a_drawing_states_its_own_size_in_modules(made: Any) -> None:
    assert made.wide > 0 and made.high > 0 and f'width="{made.wide}" height="{made.high}"' in made.svg


def test_a_scan_never_types_control_characters() -> None:
    assert scannable("SKU\r\n~JR") is None
    assert scannable("") is None


# what is written


def test_the_invoice_states_every_amount() -> None:
    text = text_of(invoice(INVOICE))
    for said in (
        "19.99", "-4.00", "35.98", "0.0125", "Subtotal 48.48", "Discount -5.00", "Shipping 4.90", "Gift wrap 2.50",
        "Total EUR 50.88", "including VAT 19% on 42.76 8.12", "20 Nov 2026 Card 50.00", "Paid 50.00",
        "Amount due EUR 0.88", "HM-2026-000042", "#10042", "23 Nov 2026", "EU372000041", "Paid with the order",
    ):  # fmt: skip
        assert said in text, said


def test_added_tax_stands_above_the_total_and_included_tax_below_it() -> None:
    added = text_of(invoice(replace(INVOICE, tax_included=False)))
    included = text_of(invoice(INVOICE))
    assert added.index("VAT 19%") < added.index("Total EUR") and "including" not in added
    assert included.index("Total EUR") < included.index("VAT 19%")


def test_a_currency_without_minor_units_has_no_decimals() -> None:
    assert "Total JPY 5,088 " in text_of(invoice(replace(INVOICE, currency="JPY")))
    assert "Total KWD 5.088 " in text_of(invoice(replace(INVOICE, currency="KWD")))


def test_a_credit_note_names_the_invoice_it_corrects_and_what_is_to_be_refunded() -> None:
    text = text_of(invoice(replace(INVOICE, kind="credit_note", corrects="HM-2026-000041", paid_minor=0, payments=())))
    assert "Credit note" in text and "Corrects invoice HM-2026-000041" in text
    assert "To be refunded EUR 50.88" in text


def test_customs_forms_total_their_items() -> None:
    for draw in (cn22, cn23):
        text = text_of(draw(DECLARATION))
        assert "84.98 USD" in text and "1.25" in text and "6912.00" in text and "IM2760000742" in text


def test_the_commercial_invoice_adds_freight_to_the_value_of_the_goods() -> None:
    text = text_of(commercial_invoice(EXPORT))
    for said in ("Value of goods 84.98", "Freight 18.90", "Total USD 103.88", "DAP Berlin (Incoterms 2020)",
                 "originate in China, Portugal", "DE123456789", "IM2760000742", "Net weight 0.99 kg"):  # fmt: skip
        assert said in text, said


def test_the_head_of_the_commercial_invoice_is_the_sellers_name_and_not_that_of_the_site() -> None:
    seller = replace(EXPORT.seller, name="Mugs & Co", address=replace(EXPORT.seller.address, company="Newark"))
    assert text_of(commercial_invoice(replace(EXPORT, seller=seller))).startswith("Mugs & Co Commercial invoice")
    assert text_of(packing_list(replace(PACKING, seller=seller))).startswith("Mugs & Co Packing list")


def test_of_goods_taxed_at_the_sale_the_recipient_pays_the_duty_alone() -> None:
    of = replace(EXPORT, language="de", incoterm="DAP", ioss="IM2760000742", signed_at="Newark")
    text = text_of(commercial_invoice(of))
    assert "Tax was paid at the sale, duty is paid by the recipient" in text and "den Zoll zahlt der Empfänger" in text
    assert "Duty and tax" not in text and f"Newark, {spelled_date(of.issued_on)}" in text
    assert "Duty and tax are paid by the recipient" in text_of(commercial_invoice(replace(of, ioss="")))


def test_postal_forms_say_why_no_export_was_filed() -> None:
    for draw in (cn22, cn23):
        assert "NOEEI § 30.37(a)" in text_of(draw(replace(DECLARATION, comments="NOEEI § 30.37(a)")))


@pytest.mark.parametrize(("number", "read"), [
    ("MP123456785US", "MP 123 456 785 US"), ("1Z999AA10123456784", "1Z 999 AA1 01 2345 6784"),
    ("SM21068151288702506US", "SM 2106 8151 2887 02506 US"), ("9400111899223100001", "9400 1118 9922 3100 001"),
    ("00340434161094042557", "0034 0434 1610 9404 2557"), ("DS-1234", "DS-1234"),
])  # fmt: skip
def test_a_tracking_number_is_printed_in_groups_that_tear_no_letters_apart(number: str, read: str) -> None:
    assert read in text_of(cn23(replace(DECLARATION, tracking_number=number)))


def test_forms_speak_english_where_it_is_the_countrys_language() -> None:
    assert [language_of(country) for country in ("US", "UA", "DE", "CA", "KE")] == ["", "uk", "de", "fr", ""]


def test_a_packing_list_of_120_lines_adds_them_up_over_its_pages_and_names_no_price() -> None:
    items = tuple(replace(DECLARATION.items[0], sku=f"MUG-{n:03}") for n in range(120))
    text = text_of(packing_list(replace(PACKING, items=items)))
    assert all(item.sku in text for item in items)
    assert re.search(r"Total Gesamt 240 93\.6", text) and "39.98" not in text
    pages = int(re.findall(r"page 1 of (\d+)", text)[0])
    assert pages > 2 and f"page {pages} of {pages}" in text


def test_forms_name_their_boxes_in_both_languages_and_say_who_pays() -> None:
    text = text_of(commercial_invoice(replace(EXPORT, language="de", incoterm="DDP", statements=("AES X1",))))
    for said in ("Commercial invoice Handelsrechnung", "Zoll und Steuern zahlt der Verkäufer", "AES X1", "Warenwert"):
        assert said in text, said
    assert "МИТНА ДЕКЛАРАЦІЯ" in text_of(cn22(replace(DECLARATION, language="uk")))
    assert "DÉCLARATION EN DOUANE" in text_of(cn23(DECLARATION))


def test_a_slip_of_120_lines_lists_them_all_and_numbers_its_pages() -> None:
    lines = tuple(SlipLine(sku=f"SKU-{n:03}", title=f"Mug no. {n}", quantity=1, ordered=1) for n in range(120))
    text = text_of(packing_slip(replace(SLIP, lines=lines)))
    assert all(line.sku in text for line in lines)
    pages = int(re.findall(r"page 1 of (\d+)", text)[0])
    assert pages > 1 and f"page {pages} of {pages}" in text
    assert "120 units in this parcel" in text


@each_paper
def test_no_lines_is_still_a_paper(draw: Callable[[Any], Paper], of: Any) -> None:
    for field in ("lines", "items"):
        if hasattr(of, field):
            assert len(draw(replace(of, **{field: ()})).png(72)) == 1


def test_a_slip_shows_what_was_ordered_only_while_something_is_missing() -> None:
    assert "ORDERED" in text_of(packing_slip(SLIP))
    assert "ORDERED" not in text_of(packing_slip(replace(SLIP, lines=SLIP.lines[:1])))


@each_paper
def test_a_paper_is_titled_and_the_same_each_time(draw: Callable[[Any], Paper], of: Any) -> None:
    first = draw(of).pdf()
    assert first == draw(of).pdf()
    assert b"/CreationDate" not in first
    with pypdfium2.PdfDocument(first) as pdf:
        assert pdf.get_metadata_value("Title") == draw(of).data["title"]


@pytest.mark.parametrize(
    "name",
    ["Anna Müller", "Łukasz Żółć", "Nguyễn Thị Minh", "Ελένη Παπαδοπούλου", "Олександр Їжакевич", "محمد عبد الرحمن",
     "فاطمه پژمان", "דוד בן־גוריון", "山田太郎", "王小明", "김민준", "สมชาย", "अमित", "রহিম", "ქეთი", "Արամ", "ኣበበ",
     "🎁 ☕ → ★ ✓ €₹₿"],
)  # fmt: skip
def test_names_of_the_world_are_printed_without_boxes(name: str) -> None:
    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[FONTS])
    source = b"""#import "/kit/paper.typ": fonts
        #set document(date: datetime(year: 2026, month: 1, day: 1))
        #set text(font: fonts)
        #sys.inputs.name"""
    # The archive standard refuses a glyph that is not there.
    typst.compile(source, root=PACKAGE, font_paths=fonts, format="pdf", pdf_standards="a-2u", sys_inputs={"name": name})


# addresses


@pytest.mark.parametrize(
    ("country", "ends"),
    [("US", ["Reno, NV 1A", "UNITED STATES"]), ("DE", ["1A Reno, NV", "GERMANY"]),
     ("GB", ["Reno, NV", "1A", "UNITED KINGDOM"]),
     ("JP", ["Reno, NV", "1A", "JAPAN"]), ("SG", ["Reno, NV, 1A", "SINGAPORE"]), ("??", ["Reno, NV 1A", "??"])],
)  # fmt: skip
def test_each_country_orders_its_city_line_and_loses_nothing(country: str, ends: list[str]) -> None:
    to = Address(name="N", company="C", line1="1", line2="2", city="Reno", region="NV", postcode="1a", country=country)
    assert address_lines(to) == ["N", "C", "1", "2", *ends]


def test_no_country_loses_a_part_of_an_address() -> None:
    for first in map(chr, range(65, 91)):
        for second in map(chr, range(65, 91)):
            to = Address(name="WHO", city="TOWN", region="REGION", postcode="POSTCODE", country=first + second)
            said = " ".join(address_lines(to))
            assert all(said.count(part) == 1 for part in ("WHO", "TOWN", "REGION", "POSTCODE")), said


def test_an_address_seen_from_its_own_country_needs_no_country_line() -> None:
    assert "GERMANY" not in address_lines(BERLIN, seen_from="DE")


# hostile text

# No door lets half a letter in; the papers do not rely on it.
OWN_NAUGHTY = [*hostile.OWN, "\ud800 lone"]


def naughty_strings() -> list[str]:
    return [*OWN_NAUGHTY, *hostile.texts()[len(hostile.OWN) :]]


FIXED = {"currency", "cod_currency", "sscc", "kind", "nature", "page_size"}  # codes that a caller checks, no free text


def spoiled(value: Any, texts: Iterator[str]) -> Any:
    """The same paper with hostile text in every text field."""
    if isinstance(value, str):
        return next(texts)
    if isinstance(value, tuple):
        return tuple(spoiled(item, texts) for item in value)
    if isinstance(value, msgspec.Struct):
        names = [name for name in value.__struct_fields__ if name not in FIXED]
        return replace(value, **{name: spoiled(getattr(value, name), texts) for name in names})
    return value


@each_paper
def test_hostile_text_in_every_field_still_makes_the_paper(draw: Callable[[Any], Paper], of: Any) -> None:
    for text in OWN_NAUGHTY:
        assert draw(spoiled(of, cycle([text]))).pdf().startswith(b"%PDF")


@each_paper
def test_all_hostile_texts_side_by_side_still_make_the_paper(draw: Callable[[Any], Paper], of: Any) -> None:
    texts = iter(naughty_strings())
    while rest := list(islice(texts, 1)):
        # What is over when the texts end is filled with the last of them.
        assert draw(spoiled(of, chain(rest, texts, repeat(rest[0])))).png(72)


@pytest.mark.parametrize("text", OWN_NAUGHTY)
def test_no_text_on_a_label_becomes_a_printer_command(text: str) -> None:
    (printed,) = printed_by(label(replace(spoiled(LABEL, cycle([text])), tracking_number="MP123456785US")).zpl())
    assert "MP123456785US" in scanned(printed)


def test_markup_is_printed_as_it_was_typed() -> None:
    typed = '*not bold* #panic("x") $y$ <z>'
    assert typed in text_of(packing_slip(replace(SLIP, note=typed)))


def test_printable_text_is_one_line_that_cannot_turn_or_pile_up() -> None:
    assert printable("  Anna\r\n\tMüller\x00 ") == "Anna Müller"
    assert printable("\u202eabc") == "abc"
    assert printable("\ud800") == "\ufffd"
    assert len(printable("Z" + "\u0334" * 40)) == 4
    assert paragraphs("one\n\ntwo\r\nthree") == ["one", "two", "three"]


# customs

CN23 = ("cn23", "commercial_invoice")


@pytest.mark.parametrize(
    ("start", "end", "papers"),
    [
        (("DE", "20457"), ("FR", "75001"), ()),
        (("US", "07102"), ("US", "94105"), ()),
        (("US", "07102"), ("PR", "00901"), ()),
        (("CH", "8001"), ("LI", "9490"), ()),
        (("FR", "06000"), ("MC", "98000"), ()),
        (("DE", "20457"), ("GB", "BT1 1AA"), ()),
        (("DE", "20457"), ("GB", "SW1A 1AA"), ("cn22",)),
        (("ES", "28001"), ("ES", "35001"), ("cn22",)),
        (("DE", "20457"), ("ES", "38001"), ("cn22",)),
        (("DE", "20457"), ("NO", "0150"), ("cn22",)),
        (("US", "07102"), ("DE", "10115"), ("cn22",)),
    ],
)
def test_customs_papers_are_needed_where_goods_cross_a_border(
    start: tuple[str, str], end: tuple[str, str], papers: tuple[str, ...]
) -> None:
    needed = customs_papers(start[0], end[0], 5000, "EUR", from_postcode=start[1], to_postcode=end[1])
    assert needed.papers == papers and needed.why


def test_above_300_sdr_the_larger_form_and_an_invoice_are_needed() -> None:
    rate = Decimal("1.36")
    assert customs_papers("US", "DE", 40800, "USD", per_sdr=rate).papers == ("cn22",)
    assert customs_papers("US", "DE", 40801, "USD", per_sdr=rate).papers == CN23


def test_without_a_rate_the_rule_is_cautious() -> None:
    assert customs_papers("US", "DE", 37500, "USD").papers == ("cn22",)
    assert customs_papers("US", "DE", 37600, "USD").papers == CN23
    assert customs_papers("UA", "DE", 100, "UAH").papers == CN23


def test_parcels_heavy_letters_and_couriers_take_other_papers() -> None:
    assert customs_papers("US", "DE", 100, "USD", network="parcel_post").papers == CN23
    assert customs_papers("US", "DE", 100, "USD", weight_g=2001).papers == CN23
    assert customs_papers("US", "DE", 100, "USD", network="courier").papers == ("commercial_invoice",)


def test_the_sdr_is_worth_its_basket() -> None:
    per_euro = {"USD": Decimal("1.10"), "CNY": Decimal("7.8"), "JPY": Decimal("160"), "GBP": Decimal("0.85")}
    euros = sdr_rate("EUR", per_euro)
    assert euros is not None and Decimal("1.2") < euros < Decimal("1.25")
    assert sdr_rate("USD", per_euro) == euros * Decimal("1.10")
    assert sdr_rate("USD", {"USD": Decimal("1.10")}) is None
