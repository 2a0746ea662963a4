"""A workbook as Excel writes it, made by hand: what its cells say is exactly what stands here."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"


class Raw(str):
    """A cell in XML, with {at} for its place: `<c r="{at}" t="e"><v>#N/A</v></c>`."""


Cell = str | float | bool | None


def of(value: str | float, style: int) -> Raw:
    """A number in a style: the place of its format among the `formats`, from 1."""
    return Raw(f'<c r="{{at}}" s="{style}"><v>{value}</v></c>')


def workbook(
    path: Path,
    sheets: Mapping[str, Sequence[Sequence[Cell]]],
    *,
    hidden: Sequence[str] = (),
    formats: Sequence[str] = (),
    from_1904: bool = False,
    prefix: str = "",
    shared: str = "",
    parts: Mapping[str, str | bytes] | None = None,
) -> Path:
    """`prefix`: as some programs write it, x:row; `shared`: the XML of shared texts; `parts`: others, or other ones."""
    made: dict[str, str | bytes] = {
        "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
        "_rels/.rels": relations({"rId1": ("officeDocument", "xl/workbook.xml")}),
        "xl/workbook.xml": book(list(sheets), hidden, from_1904),
        "xl/_rels/workbook.xml.rels": relations(
            {f"rId{no}": ("worksheet", f"worksheets/sheet{no}.xml") for no in range(1, len(sheets) + 1)}
            | {"rIdT": ("sharedStrings", "sharedStrings.xml"), "rIdS": ("styles", "/xl/styles.xml")}
        ),
        "xl/styles.xml": styles(formats),
        "xl/sharedStrings.xml": f'<sst xmlns="{MAIN}">{shared}</sst>',
    }
    for no, rows in enumerate(sheets.values(), start=1):
        made[f"xl/worksheets/sheet{no}.xml"] = sheet(rows, prefix)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (made | dict(parts or {})).items():
            archive.writestr(name, content)
    return path


def sheet(rows: Sequence[Sequence[Cell]], prefix: str = "") -> str:
    """An empty list is a row that is not there."""
    body = "".join(
        f'<row r="{line}">{"".join(cell(value, f"{column(at)}{line}") for at, value in enumerate(row))}</row>'
        for line, row in enumerate(rows, start=1)
        if row
    )
    start = f'<worksheet xmlns{prefix and ":" + prefix[:-1]}="{MAIN}"'
    tags = f"<worksheet><sheetData>{body}</sheetData><mergeCells/></worksheet>"
    return re.sub("<(/?)(?=[a-zA-Z])", rf"<\1{prefix}", tags.replace("<worksheet", start, 1))


def cell(value: Cell, at: str) -> str:
    match value:
        case None:
            return ""
        case Raw():
            return value.replace("{at}", at)
        case bool():
            return f'<c r="{at}" t="b"><v>{int(value)}</v></c>'
        case str():
            return f'<c r="{at}" t="inlineStr"><is><t xml:space="preserve">{escaped(value)}</t></is></c>'
        case _:
            return f'<c r="{at}"><v>{value!r}</v></c>'


def escaped(text: str) -> str:
    """As Excel does: what XML cannot hold, or would change, by its number."""
    safe = text.replace("_x", "_x005F_x")
    for letter in {letter for letter in safe if ord(letter) < 32 and letter not in "\t\n"} | {"￾", "￿"}:
        safe = safe.replace(letter, f"_x{ord(letter):04X}_")
    return escape(safe)


def column(place: int) -> str:
    letters, place = "", place + 1
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def book(names: Sequence[str], hidden: Sequence[str], from_1904: bool) -> str:
    said = "".join(
        f'<sheet name={quoteattr(name)} sheetId="{no}" {"state=" + quoteattr("hidden") if name in hidden else ""} '
        f'r:id="rId{no}"/>'
        for no, name in enumerate(names, start=1)
    )
    return (
        f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><workbookPr date1904="{int(from_1904)}"/>'
        f"<sheets>{said}</sheets></workbook>"
    )


def styles(formats: Sequence[str]) -> str:
    codes = "".join(f'<numFmt numFmtId="{164 + no}" formatCode={quoteattr(code)}/>' for no, code in enumerate(formats))
    used = "".join(f'<xf numFmtId="{164 + no}"/>' for no in range(len(formats)))
    return (
        f'<styleSheet xmlns="{MAIN}"><numFmts>{codes}</numFmts><cellStyleXfs><xf numFmtId="14"/></cellStyleXfs>'
        f'<cellXfs><xf numFmtId="0"/>{used}</cellXfs></styleSheet>'
    )


def relations(said: Mapping[str, tuple[str, str]]) -> str:
    rows = "".join(f'<Relationship Id="{id}" Type="{OFFICE}/{kind}" Target="{to}"/>' for id, (kind, to) in said.items())
    return f'<Relationships xmlns="{PACKAGE}">{rows}</Relationships>'
