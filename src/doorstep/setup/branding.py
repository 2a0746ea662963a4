"""branding: what a merchant's buyers see of it: name, picture, color, how to reach somebody, a note.

The picture is made anew from what was uploaded: a PNG is drawn again, of an SVG only what draws is let through. It is
served as a file of ours and shown as an image, in which nothing runs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from io import BytesIO
from typing import Any
from xml.etree import ElementTree

import msgspec
from PIL import Image, ImageFile, UnidentifiedImageError

from doorstep.kit.color import is_color
from doorstep.kit.refusals import Invalid, Refusal
from doorstep.setup import log
from doorstep.setup.log import MACHINE, By
from doorstep.spine.tenant import Tx

PLAIN_ACCENT = "#1f5fbf"
LONGEST = {"name": 80, "support": 254, "note": 500}
LARGEST_UPLOAD = 512 * 1024
LARGEST_LOGO = 48 * 1024
_WIDEST, _HIGHEST = 480, 160
_MOST_PIXELS = 4000 * 4000
_PNG = b"\x89PNG\r\n\x1a\n"

BRAND = """
select m.merchant_id, m.key, m.name, m.email, m.country, m.brand, l.hash as logo, l.media_type as logo_type
  from merchant m left join brand_logo l on l.merchant_id = m.merchant_id where m.merchant_id = $1
"""
KEEP = "update merchant set brand = brand || $2::jsonb where merchant_id = $1"
LOGO = "select l.hash, l.media_type, l.content from brand_logo l where l.merchant_id = $1"
KEEP_LOGO = """
insert into brand_logo (merchant_id, hash, media_type, content, kept_at) values ($1, $2, $3, $4, $5)
  on conflict (merchant_id) do update set hash = excluded.hash, media_type = excluded.media_type,
    content = excluded.content, kept_at = excluded.kept_at
"""
DROP_LOGO = "delete from brand_logo where merchant_id = $1"


class NotAPicture(Refusal):
    """A logo is a PNG or an SVG picture, up to 512 kB, without scripts and without anything from elsewhere."""

    status = 422


@dataclass(frozen=True, slots=True)
class Logo:
    hash: str
    media_type: str
    content: bytes = b""

    @property
    def ending(self) -> str:
        return "png" if self.media_type == "image/png" else "svg"


@dataclass(frozen=True, slots=True)
class Brand:
    """`accent` as it was chosen; what is drawn with it can be read."""

    merchant: int
    key: str
    name: str
    accent: str = PLAIN_ACCENT
    support: str = ""
    note: str = ""
    logo: Logo | None = None
    buyers_cancel: bool = False  # by themselves, on their page, while nobody has picked anything

    @property
    def color(self) -> str:
        """The accent without its #, as an address can hold it."""
        return self.accent.removeprefix("#")


async def brand_of(tx: Tx, merchant: int) -> Brand:
    row = await tx.row(BRAND, merchant)
    logo = Logo(row["logo"], row["logo_type"]) if row["logo"] else None
    return read_brand(merchant, row["key"], row["name"], row["email"], msgspec.json.decode(row["brand"]), logo)


def read_brand(merchant: int, key: str, name: str, email: str, said: dict[str, Any], logo: Logo | None = None) -> Brand:
    """From the merchant's own row and what it set for its buyers."""
    accent = str(said.get("accent", ""))
    return Brand(
        merchant, key, str(said.get("name") or name), accent if is_color(accent) else PLAIN_ACCENT,
        str(said.get("support") or email), str(said.get("note") or ""), logo,
        said.get("buyers_cancel") == "yes",
    )  # fmt: skip


async def keep_brand(
    tx: Tx,
    merchant: int,
    *,
    name: str,
    accent: str,
    support: str,
    note: str,
    buyers_cancel: bool = False,
    by: By = MACHINE,
) -> None:
    """Refuses Invalid, with every field that cannot be so."""
    given = {"name": name.strip(), "accent": accent.strip().lower(), "support": support.strip(), "note": note.strip()}
    wrong = [
        {"pointer": f"/{field}", "detail": f"is longer than {longest} characters"}
        for field, longest in LONGEST.items()
        if len(given[field]) > longest
    ]
    if not is_color(given["accent"]):
        wrong.append({"pointer": "/accent", "detail": "must be a color as #1f5fbf"})
    if wrong:
        raise Invalid(fields=wrong)
    kept = {**given, "buyers_cancel": "yes" if buyers_cancel else ""}
    await tx.run(KEEP, merchant, msgspec.json.encode(kept).decode())
    await log.changed(tx, by, "brand", given["name"], merchant)


async def keep_logo(tx: Tx, merchant: int, upload: bytes, at: datetime, by: By = MACHINE) -> None:
    """Refuses NotAPicture."""
    made = picture(upload)
    await tx.run(KEEP_LOGO, merchant, made.hash, made.media_type, made.content, at)
    await log.changed(tx, by, "brand", "logo", merchant)


async def drop_logo(tx: Tx, merchant: int, by: By = MACHINE) -> None:
    await tx.run(DROP_LOGO, merchant)
    await log.changed(tx, by, "brand", "no logo", merchant)


async def logo_of(tx: Tx, merchant: int) -> Logo | None:
    row = await tx.row(LOGO, merchant)
    return Logo(row["hash"], row["media_type"], row["content"]) if row else None


# Pictures


def picture(upload: bytes) -> Logo:
    """What is kept of an upload; refuses NotAPicture."""
    if len(upload) > LARGEST_UPLOAD:
        raise NotAPicture(bytes=len(upload), most=LARGEST_UPLOAD)
    kind, content = ("image/png", _png(upload)) if upload.startswith(_PNG) else ("image/svg+xml", _svg(upload))
    if len(content) > LARGEST_LOGO:
        raise NotAPicture(problem=f"it is larger than {LARGEST_LOGO // 1024} kB as a picture")
    return Logo(sha256(content).hexdigest()[:16], kind, content)


def _png(upload: bytes) -> bytes:
    """Drawn again, no larger than it is shown: nothing but its pixels is left."""
    # Some library in the process may have asked for less strictness, of all pictures.
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    try:
        with Image.open(BytesIO(upload), formats=["PNG"]) as opened:
            if opened.width * opened.height > _MOST_PIXELS:
                raise NotAPicture(problem="it has too many pixels")
            drawn = opened.convert("RGBA")
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise NotAPicture(problem=str(error)[:100]) from None
    drawn.thumbnail((_WIDEST, _HIGHEST), Image.Resampling.LANCZOS)
    out = BytesIO()
    drawn.save(out, "PNG", optimize=True)
    return out.getvalue()


# What draws, and what it may say of itself.
_SVG = "http://www.w3.org/2000/svg"
_DRAWS = frozenset({
    "svg", "g", "path", "rect", "circle", "ellipse", "line", "polyline", "polygon", "text", "tspan", "title", "desc",
    "defs", "linearGradient", "radialGradient", "stop", "clipPath", "mask",
})  # fmt: skip
_SAYS = frozenset({
    "id", "x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "r", "rx", "ry", "fx", "fy", "dx", "dy", "d", "points", "width",
    "height", "viewBox", "preserveAspectRatio", "transform", "fill", "fill-rule", "fill-opacity", "clip-rule",
    "clip-path", "mask", "stroke", "stroke-width", "stroke-linecap", "stroke-linejoin", "stroke-miterlimit",
    "stroke-dasharray", "stroke-dashoffset", "stroke-opacity", "opacity", "offset", "stop-color", "stop-opacity",
    "gradientUnits", "gradientTransform", "spreadMethod", "maskUnits", "clipPathUnits", "font-family", "font-size",
    "font-weight", "font-style", "text-anchor", "letter-spacing", "color", "version",
})  # fmt: skip
_INSIDE_ONLY = re.compile(r"url\(\s*['\"]?#[\w-]+['\"]?\s*\)", re.I)


def _svg(upload: bytes) -> bytes:
    """Only what draws, with nothing that runs or that comes from elsewhere."""
    try:
        text = upload.decode("utf-8")
        if re.search("<!(doctype|entity)", text, re.I):
            raise NotAPicture(problem="it declares a document type")
        root = ElementTree.fromstring(text)
        if root.tag != f"{{{_SVG}}}svg":
            raise NotAPicture(problem="it is no SVG")
        ElementTree.register_namespace("", _SVG)
        return bytes(ElementTree.tostring(_drawing(root), encoding="utf-8"))
    except (ElementTree.ParseError, ValueError, LookupError, RecursionError):
        raise NotAPicture(problem="it is neither a PNG nor an SVG") from None


def _drawing(element: ElementTree.Element) -> ElementTree.Element:
    said = {**element.attrib, **_styled(element.get("style", ""))}
    kept = ElementTree.Element(element.tag, {n: v for n, v in said.items() if n in _SAYS and _is_inside(v)})
    kept.text, kept.tail = element.text, element.tail
    drawing = [child for child in element if str(child.tag).removeprefix(f"{{{_SVG}}}") in _DRAWS]
    kept.extend([_drawing(child) for child in drawing])
    return kept


def _styled(style: str) -> dict[str, str]:
    """What a style says, as attributes: no page of ours lets a style through."""
    pairs = [part.partition(":") for part in style.split(";")]
    return {name.strip(): value.strip() for name, colon, value in pairs if colon}


def _is_inside(value: str) -> bool:
    rest = _INSIDE_ONLY.sub("", value).lower()
    return "url(" not in rest and "\\" not in rest and "javascript:" not in rest
