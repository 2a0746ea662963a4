"""Spreadsheets as shops hand them over: read as any table, cells as what they mean; what is not taken is told."""

from __future__ import annotations

import gzip
import io
import tracemalloc
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorstep.journey.intake.files import cells, packed
from doorstep.journey.intake.files.number_formats import plain_number, shown_as
from doorstep.journey.intake.files.shopify import read_orders
from doorstep.journey.intake.files.shopify_order import FileOrder
from doorstep.journey.intake.files.stock import read_stock
from doorstep.journey.intake.files.tables import (
    BadRow,
    NotReadable,
    Row,
    expand,
    name_within,
    open_table,
    read_rows,
)
from tests.rules.a_workbook import MAIN, Cell, Raw, of, workbook

PAYLOADS = Path(__file__).parents[1] / "payloads"


def texts_of(path: Path | str) -> list[list[str]]:
    """The header and the rows; notes about the file left out."""
    table = open_table(path)
    rows = list(table)
    assert all(isinstance(row, Row) or not row.rows for row in rows), rows
    return [list(table.header), *(row.texts for row in rows if isinstance(row, Row))]


def one_sheet(folder: Path, rows: Sequence[Sequence[Cell]], formats: Sequence[str] = (), shared: str = "") -> Path:
    return workbook(folder / "a.xlsx", {"Orders": rows}, formats=formats, shared=shared)


# cells


def test_cells_come_out_as_text_of_what_they_mean(tmp_path: Path) -> None:
    row: list[Cell] = [
        "Köln 'n\n",
        12.0,
        19.99,
        True,
        False,
        None,
        Raw('<c r="{at}" t="e"><f>VLOOKUP(1,A:A,1)</f><v>#N/A</v></c>'),
        Raw('<c r="{at}"><f>B2*2</f><v>24</v></c>'),
        Raw('<c r="{at}" t="str"><f>A2&amp;"!"</f><v>Köln!</v></c>'),
        Raw('<c r="{at}" t="d"><v>2024-03-01T13:45:00</v></c>'),
        Raw('<c r="{at}" t="d"><v>2024-03-01T00:00:00</v></c>'),
    ]
    path = one_sheet(tmp_path, [[f"h{no}" for no in range(11)], row])
    assert texts_of(path)[1] == [
        "Köln 'n\n", "12", "19.99", "TRUE", "FALSE", "", "#N/A", "24", "Köln!", "2024-03-01 13:45:00", "2024-03-01",
    ]  # fmt: skip


def test_a_formula_stays_text_and_one_that_nobody_computed_says_itself(tmp_path: Path) -> None:
    uncomputed = Raw('<c r="{at}"><f>1+1</f><v></v></c>')
    blank = Raw('<c r="{at}" t="str"><f>""</f><v></v></c>')
    path = one_sheet(tmp_path, [["a", "b", "c"], ["=cmd|' /C calc'!A0", uncomputed, blank]])
    assert texts_of(path)[1] == ["=cmd|' /C calc'!A0", "=1+1", ""]


@pytest.mark.parametrize(
    ("code", "value", "told"),
    [
        ("yyyy-mm-dd", "45352", "2024-03-01"),
        ("dd/mm/yyyy", "45352.572916666664", "2024-03-01 13:45:00"),
        ("m/d/yy h:mm", "45352.572916666664", "2024-03-01 13:45:00"),
        ("m/d/yy h:mm", "45352", "2024-03-01 00:00:00"),
        ("yyyy-mm-dd hh:mm:ss", "45352.572914", "2024-03-01 13:45:00"),  # five digits after the point: 0.23 s off
        ("yyyy-mm-dd hh:mm:ss.000", "45352.5729196296", "2024-03-01 13:45:00.256"),
        ("h:mm", "0.572916666666667", "13:45:00"),
        ("h:mm", "0", "00:00:00"),
        ("h:mm", "45352.5", "2024-03-01 12:00:00"),
        ("yyyy-mm-dd", "0", "0"),
        ("[h]:mm", "1.5", "36:00:00"),
        ("[$-409]mmmm d, yyyy;@", "45352", "2024-03-01"),
        ('yyyy"年"m"月"d"日"', "45352", "2024-03-01"),
        ("[Red]dd.mm.yyyy", "45352", "2024-03-01"),
        ("yyyy-mm-dd", "59", "1900-02-28"),
        ("yyyy-mm-dd", "61", "1900-03-01"),
        ("yyyy-mm-dd", "2958465", "9999-12-31"),
        ("yyyy-mm-dd hh:mm:ss", "2958465.99999999", "2958465.99999999"),
        ("yyyy-mm-dd", "2958466", "2958466"),
        ("yyyy-mm-dd", "-1", "-1"),
        ("yyyy-mm-dd", "what", "what"),
        ("General", "45352", "45352"),
        ("#,##0.00", "45352.5", "45352.5"),
        ('0.0" days"', "1.5", "1.5"),
        ("0 \\d", "7", "7"),
        ('"$"#,##0.00_);[Red]\\("$"#,##0.00\\)', "-7.5", "-7.5"),
        ("#,##0.00 [$SEK]", "7.5", "7.5"),
        ("0.00 USD", "7.5", "7.5"),
        ("0.00E+00", "1.5E10", "15000000000"),
        ("@", "7", "7"),
        ("0%", "0.19", "0.19"),
        ("00000", "1234", "01234"),
        ("00000", "1234.5", "1234.5"),
    ],
)
def test_a_number_means_what_its_format_says(tmp_path: Path, code: str, value: str, told: str) -> None:
    assert texts_of(one_sheet(tmp_path, [["a"], [of(value, 1)]], [code])) == [["a"], [told]]


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (14, "2024-03-01 12:00:00"),
        (22, "2024-03-01 12:00:00"),
        (21, "2024-03-01 12:00:00"),
        (46, "1088460:00:00"),
        (0, "45352.5"),
        (4, "45352.5"),
        (49, "45352.5"),
    ],
)
def test_the_formats_that_need_not_be_told_are_known(number: int, told: str) -> None:
    assert shown_as(number, "", from_1904=False)("45352.5") == told


def test_a_workbook_from_a_mac_counts_its_days_from_1904(tmp_path: Path) -> None:
    rows: list[list[Cell]] = [["a", "b"], [of(43890, 1), of("43890.5", 1)]]
    path = workbook(tmp_path / "a.xlsx", {"x": rows}, formats=["d.m.yy"], from_1904=True)
    assert texts_of(path)[1] == ["2024-03-01", "2024-03-01 12:00:00"]


@pytest.mark.parametrize(
    ("stored", "told"),
    [
        ("12", "12"),
        ("12.0", "12"),
        ("12.50", "12.50"),
        ("-0.5", "-0.5"),
        ("19.989999999999998", "19.99"),
        ("0.30000000000000004", "0.3"),
        ("1234567.8899999999", "1234567.89"),
        ("5012345678900", "5012345678900"),
        ("5.0123456789E12", "5012345678900"),
        ("12345678901234567890", "12345678901234567890"),
        ("1.2345678901234568E+17", "123456789012346000"),
        ("1E-7", "0.0000001"),
        ("1E300", "1E300"),
        ("NaN", "NaN"),
        ("1e999999999", "1e999999999"),
    ],
)
def test_a_number_is_told_as_a_spreadsheet_shows_it(stored: str, told: str) -> None:
    assert plain_number(stored) == told


@given(st.decimals(-(10**9), 10**9, places=2))
def test_an_amount_is_exact_to_the_cent_however_it_was_stored(amount: cells.Decimal) -> None:
    for stored in (repr(float(amount)), f"{float(amount):.17g}", f"{float(amount):.16E}", str(amount)):
        assert cells.amount(plain_number(stored)) == amount


@given(st.datetimes(datetime(1900, 3, 1), datetime(9999, 12, 31)).map(lambda at: at.replace(microsecond=0)))
def test_every_second_comes_back(at: datetime) -> None:
    serial = repr((at - datetime(1899, 12, 30)).total_seconds() / 86400)
    told = shown_as(22, "", from_1904=False)(serial)
    assert told == f"{at:%Y-%m-%d %H:%M:%S}"
    assert cells.when(told, UTC) == at.replace(tzinfo=UTC)


ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12)


@given(st.lists(st.tuples(ANY_TEXT, ANY_TEXT, ANY_TEXT), max_size=6), st.sampled_from(["", "x:"]))
def test_any_text_in_a_sheet_comes_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str]], prefix: str
) -> None:
    header = ["the first", "the second", "the third"]
    path = tmp_path_factory.mktemp("xlsx") / "a.xlsx"
    workbook(path, {"a": [header, *rows]}, prefix=prefix)
    expected = [list(row) for row in rows if any(cell.strip() for cell in row)]
    found = [row.texts for row in open_table(path) if isinstance(row, Row)]
    above = [row for row in open_table(path) if isinstance(row, BadRow)]
    assert not above and found == expected


def test_shared_texts_are_joined_of_their_pieces_and_readings_left_out(tmp_path: Path) -> None:
    shared = (
        "<si><t>name</t></si><si><r><t>Mu</t></r><r><rPr><b/></rPr><t xml:space='preserve'>g </t></r></si>"
        "<si><t>東京</t><rPh sb='0' eb='2'><t>トウキョウ</t></rPh></si><si/>"
        "<si><t>a_x000D_b _x005F_x000D_ _xD83D__xDE00_ _xD83D_ _x0000_</t></si>"
    )
    rows: list[list[Cell]] = [[Raw(f'<c r="{{at}}" t="s"><v>{no}</v></c>')] for no in (0, 1, 2, 3, 4)]
    path = one_sheet(tmp_path, rows, shared=shared)
    assert texts_of(path) == [["name"], ["Mug "], ["東京"], ["a\rb _x000D_ 😀 \ufffd \ufffd"]]


def test_shared_texts_beyond_what_is_kept_in_memory_come_back_all_the_same(tmp_path: Path) -> None:
    texts = [f"{number:03} ü" + "€" * 99_990 for number in range(120)]  # 12 million letters
    shared = "".join(f"<si><t>{text}</t></si>" for text in texts)
    rows: list[list[Cell]] = [[Raw(f'<c r="{{at}}" t="s"><v>{no}</v></c>')] for no in (119, 0, 118, 1, 83, 84, 119)]
    path = one_sheet(tmp_path, [["name"], *rows], shared=shared)
    assert [row[0] for row in texts_of(path)[1:]] == [texts[no] for no in (119, 0, 118, 1, 83, 84, 119)]


def test_cells_without_a_place_stand_after_the_one_before(tmp_path: Path) -> None:
    rows: list[list[Cell]] = [["a", "b", "c"], [Raw("<c><v>1</v></c><c/><c><v>3</v></c>")]]
    assert texts_of(one_sheet(tmp_path, rows))[1] == ["1", "", "3"]
    apart = Raw('<c r="C2"><v>3</v></c><c r="A2"><v>1</v></c>')
    assert texts_of(one_sheet(tmp_path, [["a", "b", "c"], [apart]]))[1] == ["1", "", "3"]


# rows and sheets


def test_a_row_has_the_number_that_the_spreadsheet_shows(tmp_path: Path) -> None:
    path = one_sheet(tmp_path, [[], ["a", "b"], [], [1, None], ["  ", None], [None, 2]])
    rows = [(row.line, row.last_line, row.texts) for row in open_table(path) if isinstance(row, Row)]
    assert rows == [(4, 4, ["1", ""]), (6, 6, ["", "2"])]


def test_a_row_may_end_early_but_not_go_on_beyond_the_header(tmp_path: Path) -> None:
    short, long = open_table(one_sheet(tmp_path, [["a", "b"], [1], [1, 2, None, 4]]))
    assert isinstance(short, Row) and isinstance(long, Row)
    assert (short.texts, short.missing, short.extra) == (["1", ""], 0, ())
    assert (long.texts, long.extra) == (["1", "2"], ("", "4"))


def test_titles_above_the_header_are_told_and_a_repeated_header_too(tmp_path: Path) -> None:
    rows: list[list[Cell]] = [["Orders of March"], [], ["made", "today"], ["a", "b", "c", "d"], [1, 2, 3, 4]]
    first, second, row, again = open_table(one_sheet(tmp_path, [*rows, ["a", "b", "c", "d"]]))
    assert isinstance(first, BadRow) and isinstance(second, BadRow) and isinstance(again, BadRow)
    assert (first.reason, first.line, first.value, first.rows) == ("above_header", 1, "Orders of March", 1)
    assert (second.reason, second.line, second.value) == ("above_header", 3, "made today")
    assert isinstance(row, Row) and row.cells == {"a": "1", "b": "2", "c": "3", "d": "4"}
    assert (again.reason, again.line) == ("header_repeated", 6)


def test_the_first_sheet_with_a_table_is_read_and_the_others_are_told(tmp_path: Path) -> None:
    table: list[list[Cell]] = [["a", "b"], [1, 2]]
    path = workbook(
        tmp_path / "a.xlsx",
        {"Old": table, "Read me": [["How to use this"]], "Empty": [], "May": table, "June": table},
        hidden=["Old"],
    )
    *notes, row = open_table(path)
    assert [(note.reason, note.value, note.rows) for note in notes if isinstance(note, BadRow)] == [
        ("sheet_not_read", "Read me", 0),
        ("sheet_not_read", "June", 0),
        ("sheet_hidden_not_read", "Old", 0),
    ]
    assert isinstance(row, Row) and row.texts == ["1", "2"]


def test_a_hidden_sheet_is_read_where_there_is_no_other(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", {"x": [], "y": [["a", "b"], [1, 2]]}, hidden=["y"])
    note, row = open_table(path)
    assert isinstance(note, BadRow) and (note.reason, note.value) == ("sheet_hidden", "y")
    assert isinstance(row, Row) and row.texts == ["1", "2"]


def test_a_sheet_is_read_by_its_name(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a#1.xlsx", {"May": [["a"], [1]], "June #2": [["a"], [2]]}, hidden=["June #2"])
    assert texts_of(f"{path}#june #2") == [["a"], ["2"]]
    assert [row.file for row in open_table(f"{path}#May")] == [f"{path}#May"]
    assert expand([f"{path}#May"]) == ([Path(f"{path}#May")], [])
    with pytest.raises(NotReadable) as refused:
        open_table(f"{path}#July")
    assert refused.value.why["reason"] == "it has no sheet July; its sheets are: May, June #2"


def test_a_chart_is_no_sheet(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", {"chart": [], "y": [["a"], [1]]})
    with zipfile.ZipFile(path) as archive:
        relations = archive.read("xl/_rels/workbook.xml.rels").decode()
    relations = relations.replace("worksheet", "chartsheet", 1).replace("worksheets/sheet1.xml", "gone.xml")
    path = workbook(path, {"chart": [], "y": [["a"], [1]]}, parts={"xl/_rels/workbook.xml.rels": relations})
    assert texts_of(path) == [["a"], ["1"]]


# memory


def test_two_cells_at_the_corners_of_a_sheet_do_not_fill_the_memory(tmp_path: Path) -> None:
    far = Raw('<c r="XFD1048576"><v>1</v></c>')
    body = f'<row r="1"><c r="A1"><v>7</v></c></row><row r="1048576">{far}</row>'
    content = f'<worksheet xmlns="{MAIN}"><sheetData>{body}</sheetData></worksheet>'
    path = workbook(tmp_path / "a.xlsx", {"x": []}, parts={"xl/worksheets/sheet1.xml": content})
    tracemalloc.start()
    (row,) = open_table(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert isinstance(row, Row) and row.line == 1_048_576 and len(row.extra) == 16_383 and row.extra[-1] == "1"
    assert peak < 3_000_000


def test_memory_does_not_grow_with_the_sheet(tmp_path: Path) -> None:
    path = one_sheet(tmp_path, [["a", "b"], *([number, "x" * 100] for number in range(30_000))])
    tracemalloc.start()
    count = sum(1 for _ in open_table(path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 30_000
    assert peak < 3_000_000


# refusals


def refused(path: Path | str) -> str:
    with pytest.raises(NotReadable) as refusal:
        list(open_table(path))
    return str(refusal.value.why["reason"])


def archived(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def a_row(cells: str) -> str:
    return f'<row r="1">{cells}</row>'


A_TEXT = '<c t="s"><v>0</v></c>'


@pytest.mark.parametrize(
    ("rows", "shared", "reason"),
    [
        (a_row('<c r="A1" t="s"><v>5</v></c>'), "", "damaged"),
        (a_row('<c r="A1" t="s"><v>-1</v></c>'), "<si><t>x</t></si>", "damaged"),
        (a_row('<c r="A1" t="s"><v>x</v></c>'), "", "damaged"),
        (a_row('<c r="XFE1"><v>5</v></c>'), "", "damaged"),
        (a_row('<c r="?1"><v>5</v></c>'), "", "damaged"),
        (a_row('<c r="A1"><v>5</c>'), "", "damaged"),
        (a_row('<c r="A1"><v>&undefined;</v></c>'), "", "damaged"),
        ('<row r="x"><c r="A1"><v>5</v></c></row>', "", "damaged"),
        (a_row(f'<c r="A1" t="str"><v>{"x" * (2 << 20)}</v></c>'), "", "longer than 1 MB"),
        (a_row(f'<c r="A1" t="{"x" * (5 << 20)}"><v>1</v></c>'), "", "longer than 1 MB"),
        (a_row(A_TEXT * 20), f"<si><t>{'x' * 1_000_000}</t></si>", "longer than 1 MB"),
        ("", "", "it is empty"),
        (a_row('<c r="A1"/><c r="B1" s="1"/>'), "", "it is empty"),
    ],
    ids=[*"abcdefghijklm"],
)
def test_a_damaged_sheet_is_refused(tmp_path: Path, rows: str, shared: str, reason: str) -> None:
    content = f'<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData></worksheet>'
    path = workbook(tmp_path / "a.xlsx", {"x": []}, shared=shared, parts={"xl/worksheets/sheet1.xml": content})
    assert reason in refused(path)


def test_a_sheet_that_declares_entities_is_refused(tmp_path: Path) -> None:
    laughs = "".join(f'<!ENTITY l{no + 1} "{f"&l{no};" * 10}">' for no in range(9))
    content = f'<!DOCTYPE x [<!ENTITY l0 "ha">{laughs}]><worksheet xmlns="{MAIN}"><sheetData/></worksheet>'
    path = workbook(tmp_path / "a.xlsx", {"x": []}, parts={"xl/worksheets/sheet1.xml": content})
    assert "damaged" in refused(path)


def test_a_part_that_is_missing_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(workbook(tmp_path / "a.xlsx", {"x": [["a"], [1]]})) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    for name in ("xl/workbook.xml", "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/styles.xml"):
        rest = {key: value for key, value in parts.items() if key != name}
        assert "damaged" in refused(archived(tmp_path / "b.xlsx", rest))
    without = {key: value for key, value in parts.items() if "rels" not in key}
    assert "empty" in refused(archived(tmp_path / "b.xlsx", without))


def test_a_workbook_that_was_cut_off_or_has_a_wrong_byte_is_refused(tmp_path: Path) -> None:
    path = one_sheet(tmp_path, [["a", "b"], *([str(number), number] for number in range(2000))])
    whole = path.read_bytes()
    for length in (4, 40, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        assert "damaged" in refused(path)
    at = whole.index(b"worksheets/sheet1.xml") + 5000
    path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
    assert "damaged" in refused(path)


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    content = f'<worksheet xmlns="{MAIN}"><sheetData>' + " " * (packed.HARMLESS + 1)
    path = workbook(tmp_path / "a.xlsx", {"x": []}, parts={"xl/worksheets/sheet1.xml": content})
    tracemalloc.start()
    assert "more than 200 times its size" in refused(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000


def test_an_archive_of_too_much_is_refused(tmp_path: Path) -> None:
    one = io.BytesIO()
    with zipfile.ZipFile(one, "w") as archive:
        archive.writestr("[Content_Types].xml", b"1234")
        archive.writestr("b", b"1234")
    said = one.getvalue()
    start = said.index(b"PK\x01\x02")
    listed = said[start:].replace((4).to_bytes(4, "little") * 2, b"\xff\xff\xff\x7f" + b"\xfe\xff\xff\xff")
    path = tmp_path / "a.xlsx"
    path.write_bytes(said[:start] + listed)
    assert "more than 4 GB" in refused(path)
    archived(path, {f"{number}.csv": b"" for number in range(packed.MOST_ENTRIES + 1)})
    assert "more than 10,000 files" in refused(path)
    last = b"PK\x05\x06" + bytes(8) + (1 << 30).to_bytes(4, "little") + bytes(6)
    path.write_bytes(packed.ZIP + bytes(100) + last)
    assert "more than 10,000 files" in refused(path)


OLD = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
TYPES = {"[Content_Types].xml": b"<Types/>"}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (OLD, "an old Excel file (.xls): save it as .xlsx or CSV"),
        (OLD + "EncryptedPackage".encode("utf-16-le"), "protected with a password"),
        (TYPES | {"xl/workbook.bin": b""}, ".xlsb"),
        (TYPES | {"word/document.xml": b""}, "Word"),
        (TYPES | {"ppt/presentation.xml": b""}, "PowerPoint"),
        ({"mimetype": b"application/vnd.oasis.opendocument.spreadsheet", "content.xml": b""}, "OpenDocument"),
        ({"Index/Document.iwa": b""}, "Numbers"),
        ({"a.csv": b"a\n1\n"}, "zip archive"),
        (b"PK\x05\x06" + bytes(18), "empty zip archive"),
    ],
)
def test_what_only_looks_like_a_workbook_is_refused_by_what_it_is(
    tmp_path: Path, content: bytes | dict[str, bytes], reason: str
) -> None:
    path = tmp_path / "a.xlsx"
    if isinstance(content, dict):
        archived(path, content)
    else:
        path.write_bytes(content)
    assert reason in refused(path)


def test_an_archive_with_a_password_is_refused(tmp_path: Path) -> None:
    path = archived(tmp_path / "a.zip", {"a.csv": b"a\n1\n"})
    said = path.read_bytes()
    at = said.index(b"PK\x01\x02") + 8
    path.write_bytes(said[:at] + b"\x01" + said[at + 1 :])
    assert "password" in refused(f"{path}#a.csv")


# names, folders, archives


def test_a_workbook_is_read_whatever_its_name_says_and_the_lie_is_told(tmp_path: Path) -> None:
    path = one_sheet(tmp_path, [["a"], [1]])
    for name, lies in (("b.csv", True), ("b.xls", True), ("b", True), ("b.xlsm", False), ("B.XLSX", False)):
        other = tmp_path / name
        other.write_bytes(path.read_bytes())
        *notes, row = open_table(other)
        assert isinstance(row, Row) and row.texts == ["1"]
        assert [(note.reason, note.value) for note in notes if isinstance(note, BadRow)] == (
            [("name_differs", "Excel workbook")] if lies else []
        )


def test_a_workbook_may_come_in_gzip(tmp_path: Path) -> None:
    path = one_sheet(tmp_path, [["a"], [1]])
    packed_one = tmp_path / "a.xlsx.gz"
    packed_one.write_bytes(gzip.compress(path.read_bytes()))
    assert texts_of(packed_one) == [["a"], ["1"]]
    assert texts_of(f"{packed_one}#orders") == [["a"], ["1"]]


def test_an_archive_is_a_folder(tmp_path: Path) -> None:
    book = one_sheet(tmp_path, [["a"], [1]])
    path = archived(
        tmp_path / "all.zip",
        {
            "b/two.csv": b"a\n2\n",
            "c.csv.gz": gzip.compress(b"a\n3\n"),
            "a.xlsx": book.read_bytes(),
            "photo.jpg": b"x",
            "__MACOSX/._two.csv": b"x",
            "two.doorstep-report.csv": b"x",
        },
    )
    files, strangers = expand([path])
    assert files == [Path(f"{path}#{name}") for name in ("a.xlsx", "b/two.csv", "c.csv.gz")]
    assert [(row.file, row.reason, row.rows) for row in strangers] == [(f"{path}#photo.jpg", "not_a_table", 0)]
    assert [row.texts for row in read_rows([path]) if isinstance(row, Row)] == [["1"], ["2"], ["3"]]
    assert [name_within(file) for file in files] == ["a.xlsx", "two.csv", "c.csv.gz"]
    assert name_within(book) == name_within(Path(f"{book}#Orders")) == "a.xlsx"
    assert texts_of(f"{path}#a.xlsx#Orders") == [["a"], ["1"]]
    assert refused(f"{path}#none.csv") == "it holds no file none.csv"
    assert "no workbook and no archive" in refused(f"{path}#b/two.csv#May")
    archived(path, {"photo.jpg": b"x"})
    with pytest.raises(NotReadable) as none:
        expand([path])
    assert none.value.why["reason"] == "there is no table in it"


def test_a_folder_holds_workbooks_and_archives_too(tmp_path: Path) -> None:
    one_sheet(tmp_path, [["a"], [1]])
    archived(tmp_path / "b.zip", {"x.csv": b"a\n2\n", "y.txt": b"a\n3\n"})
    (tmp_path / "~$a.xlsx").write_bytes(b"somebody has it open")
    (tmp_path / "old.xls").write_bytes(OLD)
    stranger, *rows = read_rows([tmp_path])
    assert isinstance(stranger, BadRow) and (Path(stranger.file).name, stranger.reason) == ("old.xls", "not_a_table")
    assert [row.texts for row in rows if isinstance(row, Row)] == [["1"], ["2"], ["3"]]


# the formats of shops


def test_an_order_export_saved_as_a_workbook_is_the_same_orders(tmp_path: Path) -> None:
    source = PAYLOADS / "shopify_orders_torture.csv"
    table = open_table(source)
    rows = [row for row in table if isinstance(row, Row)]
    book = tmp_path / "orders.xlsx"
    workbook(book, {"Read me": [["exported by hand"]], "Orders": [table.header, *(row.texts for row in rows)]})

    def orders(path: Path) -> list[FileOrder]:
        read = read_orders([path], currency="USD", timezone="UTC", channel="file")
        return [order for order in read if isinstance(order, FileOrder)]

    assert [order.order for order in orders(book)] == [order.order for order in orders(source)]
    assert len(orders(book)) == 12
    notes = [
        row for row in read_orders([book], currency="USD", timezone="UTC", channel="file") if isinstance(row, BadRow)
    ]
    assert [(note.reason, note.value) for note in notes if not note.rows] == [("sheet_not_read", "Read me")]


def test_a_count_of_stock_is_read_from_a_sheet(tmp_path: Path) -> None:
    path = one_sheet(tmp_path, [["SKU", "Site", "Quantity"], [of(7, 1), "MAIN", 12.0]], ["0000"])
    (row,) = read_stock([path])
    assert not isinstance(row, BadRow) and (row.sku, row.site, row.quantity) == ("0007", "MAIN", 12)
